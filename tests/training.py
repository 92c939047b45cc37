"""Whole runs of train_model.py with a tiny M3: material, command lines, processes."""

from __future__ import annotations

import hashlib
import json
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import forks
import pytest
from examples import case_pairs
from project import ROOT, records

import train_model
from arkiv.base.files import read_json, write_json, write_records
from arkiv.base.hashing import content_id
from arkiv.encode.encoder import Encoder
from arkiv.example.tiny import build_embedder
from arkiv.pairs.division import with_ids
from arkiv.train.dev import dev_collection
from arkiv.train.evaluation import Settings, means_by_mode

SCRIPT = Path(__file__).parents[1] / "scripts" / "train_model.py"
ARGS = {
    "train_group_size": 3,
    "query_max_len": 32,
    "passage_max_len": 64,
    "pad_to_multiple_of": 8,
    "per_device_train_batch_size": 2,
    "num_train_epochs": 2,
    "learning_rate": 1e-3,
    "warmup_ratio": 0.1,
    "knowledge_distillation": True,
    "same_dataset_within_batch": True,
    "dataloader_drop_last": True,
    "gradient_checkpointing": True,
    "negatives_cross_device": True,
    "unified_finetuning": True,
    "use_self_distill": True,
    "kd_loss_type": "m3_kd_loss",
    "logging_steps": 1,
    "save_steps": 3,
    "save_total_limit": 1,
}
FILES = {
    *("config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json"),
    *("colbert_linear.pt", "sparse_linear.pt"),
    *("modules.json", "config_sentence_transformers.json"),
    *("1_Pooling/config.json", "2_Normalize/config.json"),
}


def build_material(folder: Path) -> Path:
    """Two buckets of a dataset, of 9 and 14 rows, the shorter one with larger batches;
    an empty shard; and a model smaller than the others', with dropout."""
    build_embedder(folder / "base", hidden=32, vocabulary=800)
    settings = read_json(folder / "base" / "config.json")
    dropout = dict.fromkeys(
        ("hidden_dropout_prob", "attention_probs_dropout_prob"), 0.1
    )
    write_json(folder / "base" / "config.json", settings | dropout)
    pairs = list(case_pairs(23, 1))
    draw = random.Random(0)
    rows = [
        {
            "id": str(number),
            "query": query,
            "pos": [text, text[::-1]],
            "pos_ids": ["a", "b"],
            "neg": draw.sample([other for _, other in pairs if other != text], 4),
            "neg_ids": ["c", "d", "e", "f"],
            "pos_scores": [3, 1.5],
            "neg_scores": [0.5, 0, -1, -2.5],
        }
        for number, (query, text) in enumerate(pairs)
    ]
    shorter = [row | {"batch_size": 3} for row in rows[:9]]
    shards = {"a_len-0-9": shorter, "a_len-9-inf": rows[9:], "c_len-0-9": []}
    for name, some in shards.items():
        lines = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in some)
        (folder / f"{name}.jsonl").write_text(lines, encoding="utf-8")
    held_out = [
        with_ids({"query": query, "pos": [text]}) for query, text in case_pairs(12, 2)
    ]
    passages = {content_id(text): text for _, text in pairs} | {
        row["pos_ids"][0]: row["pos"][0] for row in held_out
    }
    (folder / "pairs").mkdir()
    write_records(folder / "pairs" / "dev.jsonl", held_out)
    write_records(
        folder / "pairs" / "corpus.jsonl",
        ({"id": one, "text": text} for one, text in passages.items()),
    )
    return folder


def dev_measures(material: Path, encoder: Encoder) -> dict[str, dict[str, float]]:
    """What training measures of an encoder, with what `watched` has it do."""
    folder = material / "pairs"
    collection = dev_collection(
        *([folder / "dev.jsonl"], [folder / "corpus.jsonl"]),
        queries=200,
        passages=2000,
        seed=5,
    )
    settings = Settings(
        *({"dev": collection}, 1, "combined", "nDCG@10", (1.0, 0.3, 1.0)),
        query_max_length=32,
        passage_max_length=64,
    )
    return means_by_mode(encoder, collection, settings)


def watched(material: Path, **more: object) -> list[str]:
    """The words with which a run is measured on dev queries."""
    pairs = material / "pairs"
    given = {"steps": 4} | more
    return [
        *("--dev", str(pairs / "dev.jsonl"), "--corpus", str(pairs / "corpus.jsonl")),
        *(f"--evaluation-{name}={value}" for name, value in given.items()),
    ]


def words(material: Path, to: Path, processes: int, **more: object) -> list[str]:
    shards = sorted(str(path) for path in material.glob("*.jsonl"))
    args = {name: value for name, value in (ARGS | more).items() if value is not None}
    return [
        *("--shards", *shards, "--model", str(material / "base")),
        *("--output", str(to / "model"), "--checkpoints", str(to / "checkpoints")),
        *("--history", str(to / "history.json"), "--processes", str(processes)),
        *("--args", json.dumps(args), "--seed", "5"),
    ]


def train(given: list[str]) -> None:
    """Run train_model.py, the processes that it starts in forks."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "executable", str(forks.with_libraries().python))
        train_model.main(given)


def sha(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def files_in(folder: Path) -> set[str]:
    """The paths of all files below a directory."""
    files = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix() for path in files}


def leftovers(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()} - {"checkpoints", "lock"}


def workers(mark: str) -> set[int]:
    """Processes whose command line has this in it, us and our launcher left out."""
    found = set()
    for path in Path("/proc").glob("[0-9]*"):
        try:
            line = (path / "cmdline").read_bytes().decode()
        except OSError:
            continue
        if mark in line and "arkiv.train.worker" in line:
            found.add(int(path.name))
    return found


def end(launcher: subprocess.Popen, mark: str, signum: signal.Signals) -> None:
    """Send a launcher a signal; wait until it and its processes are gone."""
    launcher.send_signal(signum)
    launcher.wait(60)
    until = time.monotonic() + 60
    while workers(mark) and time.monotonic() < until:
        time.sleep(0.1)
    assert not workers(mark)


class Recorded:
    """A run whose every step is noted, in the words of tests/recorder.

    Args:
        to: its directory.
        monkeypatch: of the test.
        given: the words of its command.
        train: what runs it.
    """

    def __init__(
        self,
        to: Path,
        monkeypatch,
        given: list[str],
        train: Callable[[list[str]], None] = train,
    ) -> None:
        self.to, self.monkeypatch, self.given = to, monkeypatch, given
        self.train = train
        self.notes = to / "notes"
        self.notes.mkdir(parents=True)

    def run(self, fall: str = "") -> None:
        """To the end, or until this `RANK STEP` is killed."""
        with self.monkeypatch.context() as patch:
            patch.setenv("PYTHONPATH", str(ROOT / "tests" / "recorder"))
            patch.setenv("RECORD", str(self.notes))
            patch.setenv("FALL", fall)
            self.train(self.given)

    def killed(self, rank: int, step: int) -> None:
        with pytest.raises(SystemExit, match="ended by SIGKILL"):
            self.run(f"{rank} {step}")
        assert not (self.to / "model").exists()

    def steps(self, rank: int) -> list[dict]:
        return records(self.notes / f"{rank}.jsonl")
