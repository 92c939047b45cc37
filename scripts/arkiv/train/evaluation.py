"""Evaluation while training: measures by step, the best model, early stopping.

All processes encode a share of the passages and then have all scores, so that they
decide alike. A model in evaluation draws no random numbers: training does not depend on
when it is measured.
"""

from __future__ import annotations

import logging
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from transformers import TrainerCallback, TrainerControl

from arkiv.base.errors import InputError
from arkiv.base.files import read_json, written_whole
from arkiv.encode.batches import by_budget
from arkiv.encode.encoder import Encoder
from arkiv.encode.forward import CPU_TOKENS
from arkiv.encode.m3 import M3, load_head
from arkiv.encode.models import HEADS
from arkiv.encode.options import Options
from arkiv.encode.settings import MODES
from arkiv.evaluate.measures import DECIMALS, of_first_ten, title
from arkiv.retrieve.itself import without
from arkiv.retrieve.modes import best_by, every_score
from arkiv.train.dev import ValidationSet
from arkiv.train.guards import warn
from arkiv.train.representations import gathered
from arkiv.train.resume import BEST, on_disk
from arkiv.train.settings import MEASURES
from arkiv.train.watched import falls, warning

if TYPE_CHECKING:
    from arkiv.encode.m3 import Heads
    from arkiv.train.model import M3Model
    from arkiv.train.trainer import M3Trainer

log = logging.getLogger(__name__)

# Of passages whose token vectors are held at once: some 100 MB at 1,024 dimensions.
BLOCK_CHARACTERS = 1 << 16

Scores = dict[str, dict[str, float]]


@dataclass(frozen=True)
class Settings:
    """How a run is evaluated; see `train.evaluation` in config/config.yaml."""

    collections: dict[str, ValidationSet]  # dev, which decides, perhaps general
    steps: int
    mode: str
    measure: str
    weights: Sequence[float]  # of dense, sparse and multi-vector in mode combined
    batch_tokens: int | None = None
    patience: int | None = None
    query_max_length: int = 256
    passage_max_length: int = 8192

    @classmethod
    def read(cls, path: str | Path, data_args: Any) -> Settings:
        """What the launcher wrote, and the lengths of FlagEmbedding's arguments."""
        value = read_json(path)
        value["collections"] = {
            name: ValidationSet(**one) for name, one in value["collections"].items()
        }
        return cls(
            **value,
            query_max_length=data_args.query_max_len,
            passage_max_length=data_args.passage_max_len,
        )

    @property
    def title(self) -> str:
        """Mode and measure as people name them."""
        return f"{self.mode} {title(self.measure)}"


def means_by_mode(
    encoder: Encoder,
    collection: ValidationSet,
    settings: Settings,
    rank: int = 0,
    world_size: int = 1,
) -> Scores:
    """Mean nDCG@10 and RR@10 of each mode over a collection, all of which is searched.

    Of a model without heads in mode dense alone.

    All processes call this, and each encodes its share of the passages.
    """
    asked = {kind: kind in encoder.kind.gives for kind in ("sparse", "multi_vector")}
    encode = partial(encoder.encode, **asked)
    queries = encode(collection.queries, "query", max_length=settings.query_max_length)
    lengths = [len(passage) for passage in collection.passages]
    own: list[tuple[list[int], dict[str, np.ndarray]]] = []
    for rows in islice(by_budget(lengths, BLOCK_CHARACTERS), rank, None, world_size):
        texts = [collection.passages[row] for row in rows]
        passages = encode(texts, "passage", max_length=settings.passage_max_length)
        own.append((rows, every_score(queries, passages)))
    shape = len(collection.queries), len(collection.passages)
    scores: dict[str, np.ndarray] = {}
    for rows, found in (part for parts in gathered(own) for part in parts):
        for kind, values in found.items():
            every = scores.setdefault(kind, np.empty(shape, np.float32))
            every[:, rows] = values
    means = {}
    for mode in MODES if len(scores) > 1 else ("dense",):
        deep = 10 + max(map(len, collection.itself), default=0)
        found = best_by(mode, scores, settings.weights, deep)
        own = collection.itself or [[] for _ in found]
        ranked = [
            without(one, rows, 10).rows for one, rows in zip(found, own, strict=True)
        ]
        values = of_first_ten(ranked, collection.relevant).mean(axis=0)
        rounded = [round(float(value), DECIMALS) for value in values]
        means[mode] = dict(zip(MEASURES, rounded, strict=True))
    return means


def heads_of(model: M3Model) -> Heads | None:
    """The heads of a model in training; None: it is to have none."""
    if not model.keep_heads:
        return None
    if model.unified_finetuning:
        return tuple(getattr(model, name.removesuffix(".pt")) for name in HEADS)
    # Not fine-tuned: they stay what they were.
    source, dim = Path(model.source), model.config.hidden_size
    device = model.model.device
    return tuple(load_head(source, name, dim).to(device) for name in HEADS)


class Evaluations(TrainerCallback):
    """Measures the base model, then every so many steps and at the end.

    Keeps the best model so far as `best-STEP` beside the checkpoints, and the one that
    the newest checkpoint knows as the best, for a run that goes on from there. What was
    measured stands in the trainer's log, which checkpoints hold.
    """

    def __init__(self, trainer: M3Trainer, settings: Settings) -> None:
        self.trainer, self.settings = trainer, settings
        self.directory = Path(trainer.args.output_dir)
        self.known: int | None = None
        self.stopped = False

    @property
    def entries(self) -> list[dict[str, Any]]:
        """`{"step", "epoch", "scores": {collection: {mode: {measure: mean}}}}` each."""
        log_history = self.trainer.state.log_history
        return [entry for entry in log_history if "scores" in entry]

    def score(self, entry: Mapping[str, Any], collection: str = "dev") -> float:
        """The measure that decides, of an entry."""
        return entry["scores"][collection][self.settings.mode][self.settings.measure]

    @property
    def best(self) -> dict[str, Any] | None:
        """The first best entry after step 0."""
        trained = [entry for entry in self.entries if entry["step"]]
        return max(trained, key=self.score, default=None)

    def kept(self, step: int) -> Path:
        """Where the best model of a step is."""
        return self.directory / f"{BEST}{step}"

    def on_train_begin(self, args, state, control, **kwargs) -> None:
        if not self.entries:
            self.evaluate()
        if self.best is not None:
            self.known = self.best["step"]
            if not self.kept(self.known).is_dir():
                raise InputError(
                    "is not there any more, and the checkpoint needs it; remove the "
                    "checkpoints to start afresh",
                    file=self.kept(self.known),
                )

    def on_step_end(self, args, state, control, **kwargs) -> None:
        last = control.should_training_stop
        if not last and state.global_step % self.settings.steps:
            return
        self.evaluate()
        if self.best["step"] == state.global_step:
            self._keep_best()
        elif not last and self._patience_is_over():
            log.info("no better %s: stopping early", self.settings.title)
            control.should_training_stop = self.stopped = True
            control.should_save = False

    def on_epoch_end(self, args, state, control, **kwargs) -> None:
        # A run that went on from a checkpoint made here would take one step more.
        if self.stopped:
            control.should_save = False

    def on_save(self, args, state, control, **kwargs) -> None:
        if self.best is not None:
            self.known = self.best["step"]
            self._remove_others()

    def on_train_end(self, args, state, control, **kwargs) -> None:
        evaluation = self.summary()
        for fall in falls(evaluation):
            warn(self.trainer, warning(fall, evaluation))

    def evaluate(self) -> None:
        """Measure the model as it is and log it."""
        trainer, settings = self.trainer, self.settings
        model, state = trainer.model, trainer.state
        device = model.model.device
        heads = heads_of(model)
        # Few tokens at once where nothing is said, since training holds memory.
        options = Options(batch_tokens=settings.batch_tokens or CPU_TOKENS)
        loaded = model.tokenizer, model.model, heads
        encoder = Encoder(
            M3(model.source, options, model.description, loaded=loaded),
            longest=max(settings.query_max_length, settings.passage_max_length),
        )
        dtype = Options().dtype(device)
        was_training = model.training
        model.eval()
        ranks = trainer.args.process_index, trainer.args.world_size
        # As the evaluation after training.
        lower = torch.autocast(device.type, dtype, enabled=dtype != torch.float32)
        with lower, torch.inference_mode():
            scores = {
                name: means_by_mode(encoder, collection, settings, *ranks)
                for name, collection in settings.collections.items()
            }
        model.train(was_training)
        # All have the same scores, unless their processors round differently.
        scores = gathered(scores)[0]
        state.log_history.append(
            {"step": state.global_step, "epoch": state.epoch or 0, "scores": scores}
        )
        if trainer.args.report_to:  # TensorBoard does not read the history
            means = {
                f"eval_{name}/{mode}/{measure}": mean
                for name, modes in scores.items()
                for mode, measures in modes.items()
                for measure, mean in measures.items()
            }
            # With a control of its own, for this would take the step's loss for logged.
            control = TrainerControl()
            trainer.callback_handler.on_log(trainer.args, state, control, means)
        for name in scores:
            now, before = (self.score(self.entries[i], name) for i in (-1, 0))
            log.info(
                "step %d: %s on %s queries %.4f (base %.4f)",
                state.global_step,
                settings.title,
                name,
                now,
                before,
            )

    def _patience_is_over(self) -> bool:
        since = [e for e in self.entries if e["step"] > self.best["step"]]
        patience = self.settings.patience
        return patience is not None and len(since) >= patience

    def _keep_best(self) -> None:
        if self.trainer.args.should_save:
            with written_whole(self.kept(self.best["step"])) as beside:
                self.trainer.export(beside)
                # A whole checkpoint will count on it.
                on_disk(beside)
        self._remove_others()

    def _remove_others(self) -> None:
        if not self.trainer.args.should_save:
            return
        kept = {self.kept(step) for step in (self.known, self.best["step"])}
        for path in set(self.directory.glob(f"{BEST}*")) - kept:
            shutil.rmtree(path)

    def summary(self) -> dict[str, Any]:
        """What `training/history.json` says of it."""
        return {
            "collections": {
                name: {"queries": len(one.queries), "passages": len(one.passages)}
                for name, one in self.settings.collections.items()
            },
            "mode": self.settings.mode,
            "measure": self.settings.measure,
            "best_step": self.best["step"],
            "entries": self.entries,
        }
