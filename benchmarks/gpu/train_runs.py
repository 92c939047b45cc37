"""Runs of scripts/train_model.py, as users start it, and what they train on."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from arkiv.base.files import read_json, write_json, write_records
from arkiv.base.hashing import rng
from arkiv.train.launch import end_with_parent
from benchmarks import ROOT, data, ours
from benchmarks.harness import BenchmarkError, last_line

# The method's losses, at sizes that a CPU can take too. In float32: precision is what
# devices differ by least in, and a CPU takes no other.
ARGS = {
    "learning_rate": 1e-4,
    "warmup_ratio": 0.1,
    "bf16": False,
    "knowledge_distillation": True,
    "kd_loss_type": "m3_kd_loss",
    "unified_finetuning": True,
    "use_self_distill": True,
    "self_distill_start_step": 2,
    "same_dataset_within_batch": True,
    "negatives_cross_device": True,
    "gradient_checkpointing": True,
    "dataloader_drop_last": True,
    "pad_to_multiple_of": 8,
    "query_max_len": 32,
    "logging_steps": 1,
}
LARGE = {"train_group_size": 8, "per_device_train_batch_size": 4}
LARGE["passage_max_len"] = 256
SMALL = {"train_group_size": 3, "per_device_train_batch_size": 2}
SMALL["passage_max_len"] = 64
DROPOUT = ("hidden_dropout_prob", "attention_probs_dropout_prob")


@dataclass(frozen=True)
class Material:
    """What to train on.

    Attributes:
        model: a small M3 to start from.
        shard: scored rows, each with as many negatives as a group takes, so that which
            are taken is no matter of chance.
        pairs, corpus: other queries to measure with, and all passages.
        args: of the training.
    """

    model: Path
    shard: Path
    pairs: Path
    corpus: Path
    args: Mapping[str, object]


def scored(rows: Iterable[Mapping], negatives: int) -> Iterable[dict]:
    """Rows with so many of their negatives, and scores as if a teacher's."""
    for row in rows:
        draw = rng(data.SEED, "scores", row["id"])
        yield {
            **row,
            "neg": row["neg"][:negatives],
            "neg_ids": row["neg_ids"][:negatives],
            "pos_scores": [draw.uniform(1, 5)],
            "neg_scores": [draw.uniform(-5, 1) for _ in range(negatives)],
        }


def made(folder: Path, *, small: bool, dropout: float = 0, **args: object) -> Material:
    """Write what to train on to a folder.

    Args:
        folder: empty.
        small: for a CPU.
        dropout: of the model.
        args: of the training, in place of those by size.
    """
    from arkiv.example.tiny import build_embedder

    model = folder / "base"
    size = {"hidden": 32, "vocabulary": 800} if small else {}
    build_embedder(model, **size)
    config = read_json(model / "config.json")
    write_json(model / "config.json", config | dict.fromkeys(DROPOUT, dropout))
    args = ARGS | (SMALL if small else LARGE) | args
    rows, held_out = (24, 12) if small else (64, 100)
    corpus, pairs = data.archive(2 * (rows + held_out), rows + held_out)
    files = (folder / f"{name}.jsonl" for name in ("shard", "pairs", "corpus"))
    found = Material(model, *files, args=args)
    negatives = data.with_negatives(corpus, pairs[:rows])
    write_records(found.shard, scored(negatives, args["train_group_size"] - 1))
    write_records(found.pairs, pairs[rows:])
    write_records(found.corpus, corpus)
    return found


class TrainingRun:
    """scripts/train_model.py at work, in a process of its own from now on.

    Args:
        to: a folder that it makes.
        material: what it trains on.
        processes: that train together.
        measured_every: steps between measures on held-out queries; 0: never.
        fall: `RANK STEP`, the process that is killed there; see tests/recorder.
        more: arguments of the training beside the material's, or in their place.
    """

    def __init__(
        self,
        to: Path,
        material: Material,
        *,
        processes: int = 1,
        measured_every: int = 0,
        fall: str | None = None,
        **more: object,
    ) -> None:
        self.to, self.log = to, to / "log"
        to.mkdir(parents=True, exist_ok=True)
        measured: dict[str, object] = {}
        if measured_every:
            measured = {"dev": material.pairs, "corpus": material.corpus}
            measured["evaluation_steps"] = measured_every
        command = ours.script(
            "train_model",
            shards=material.shard,
            model=material.model,
            output=to / "model",
            checkpoints=to / "checkpoints",
            history=to / "history.json",
            processes=processes,
            # A bare machine may have no other interface.
            interface="lo",
            args=json.dumps({**material.args, **more}),
            **measured,
        )
        with open(self.log, "ab") as out:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                env=self._environment(fall),
                # It ends its own processes then.
                preexec_fn=lambda: end_with_parent(signal.SIGTERM),
            )

    def _environment(self, fall: str | None) -> dict[str, str]:
        # Two runs at a time share the cores.
        threads = max(1, len(os.sched_getaffinity(0)) // 2)
        found = os.environ | {"OMP_NUM_THREADS": str(threads)}
        if fall is not None:
            path = [str(ROOT / "tests" / "recorder"), os.environ.get("PYTHONPATH", "")]
            found["PYTHONPATH"] = os.pathsep.join(filter(None, path))
            found |= {"RECORD": str(self.to), "FALL": fall}
        return found

    def said_last(self) -> str:
        """Wait for its end; the last line that it said, "" if it ended well."""
        return last_line(self.log) if self._process.wait() else ""

    def history(self) -> dict:
        """Wait for its end; what it says of itself.

        Raises:
            BenchmarkError: it did not end well; what it said goes to standard error.
        """
        if said := self.said_last():
            sys.stderr.write(self.log.read_text(encoding="utf-8", errors="replace"))
            raise BenchmarkError(f"{self.to.name}: {said}")
        return read_json(self.to / "history.json")

    def losses(self) -> list[float]:
        """Wait for its end; the loss of each step."""
        return [entry["loss"] for entry in self.history()["log"]]
