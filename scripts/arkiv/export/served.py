"""A finished run, and how near a server's vectors come to those of its checkpoint."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from arkiv.base.errors import InputError, expecting
from arkiv.base.files import Record, read_object
from arkiv.encode.description import Description
from arkiv.encode.limits import length_of
from arkiv.encode.models import check_model
from arkiv.evaluate.measures import by_query
from arkiv.export.diagnosis import (
    AGREES,
    Checkpoint,
    Diagnosis,
    Reading,
    Side,
    cosines,
)
from arkiv.gold.standard import relevant
from arkiv.retrieve.collection import read_ordered
from arkiv.retrieve.itself import own_rows, without
from arkiv.retrieve.rankings import read_encodings, search_dense
from arkiv.retrieve.trec import Qrels, read_qrels
from arkiv.settings.config import completed
from arkiv.settings.layout import model_under_test, run_folder

MEASURE = "nDCG@10"
# How far from 1 lengths of vectors may be that are meant to have it, in half precision.
LENGTH = 0.01


@dataclass(frozen=True)
class Finished:
    """The test collection of a run, and what a model of it made of that."""

    passages: Sequence[Record]
    queries: Sequence[Record]
    qrels: Qrels
    corpus: np.ndarray
    """(n_passages, dim) float16, mapped from the file."""
    asked: np.ndarray
    """(n_queries, dim) float16."""
    checkpoint: Checkpoint
    lengths: Mapping[str, int]
    """Tokens at which queries and passages are cut."""

    @classmethod
    def read(cls, run: Path, model: str) -> Finished:
        """Of a run's directory.

        Args:
            run: the directory.
            model: of the run, such as `tuned`.

        Raises:
            InputError: the run has not come so far, or a file is damaged.
        """
        file = run / "configuration.json"
        kept = read_object(file, "what the run was started with")
        with expecting("snakemake", file):
            # A run of an earlier version lacks what has come since.
            config = completed(kept["settings"])
            mining, models = config["mining"], config["models"]
            lengths = {
                "queries": mining["query_max_length"],
                "passages": mining["passage_max_length"],
            }
            path, base = _within(run, config, model), _base(run, config)
            embedder, trusted = models["embedder"], models["trust_remote_code"]
        description = Description.configured(check_model(path, "m3"), embedder)
        passages = read_ordered(run / "collection/corpus.jsonl")
        queries = read_ordered(run / "collection/queries.jsonl", queries=True)
        folder = run / "encodings" / model
        return cls(
            passages,
            queries,
            relevant(read_qrels(run / "collection/qrels.txt")),
            read_encodings(folder, "corpus", "dense", len(passages)),
            read_encodings(folder, "queries", "dense", len(queries)),
            Checkpoint(
                path,
                description,
                base if base != path else None,
                trusted,
            ),
            {
                side: length_of(length, description.longest)
                for side, length in lengths.items()
            },
        )

    def measured(self, asked: np.ndarray, corpus: np.ndarray) -> float:
        """The mean nDCG@10 of searching these passages for these queries."""
        own = own_rows(
            ((query["id"], query["query"]) for query in self.queries),
            ((passage["id"], passage["text"]) for passage in self.passages),
        )
        depth = 10 + max(map(len, own), default=0)
        found = {
            query["id"]: [
                self.passages[row]["id"] for row in without(ranking, rows, 10).rows
            ]
            for query, rows, ranking in zip(
                self.queries, own, search_dense(asked, corpus, depth), strict=True
            )
        }
        ids = [query["id"] for query in self.queries if query["id"] in self.qrels]
        return float(by_query(found, self.qrels, ids, [MEASURE]).mean())


def _within(run: Path, config: Mapping[str, Any], model: str) -> Path:
    """The directory of a model, whose own run may lie elsewhere than it did.

    Raises:
        InputError: there is no such model.
    """
    rounds, number = config["rounds"], model.rpartition("_")[2]
    if number.isdecimal() and int(number) > rounds:
        reason = f"is {model}, but the run has {rounds} of them"
        raise InputError(reason, key="--checkpoint")
    path, own = model_under_test(config, model), run_folder(config)
    if path.startswith(f"{own}/"):
        return run / os.path.relpath(path, own)
    return Path(path)


def _base(run: Path, config: Mapping[str, Any]) -> Path | None:
    """The directory of the model that training started from, if it is still there."""
    try:
        path = _within(run, config, "base")
    except InputError:
        return None
    return path if path.is_dir() else None


@dataclass(frozen=True)
class Comparison:
    """How near one side's vectors come."""

    side: Side
    refused: Mapping[int, str]
    """By row why the server gave no vector."""

    @property
    def least(self) -> float:
        return float(self._answered(self.side.cosines).min())

    @property
    def median(self) -> float:
        return float(np.median(self._answered(self.side.cosines)))

    @property
    def agrees(self) -> bool:
        """Whether all that came are the checkpoint's."""
        return self.least >= AGREES

    def lengths(self) -> tuple[float, float]:
        """Of the vectors that came, the shortest and the longest."""
        lengths = self._answered(np.linalg.norm(self.side.theirs, axis=1))
        return float(lengths.min()), float(lengths.max())

    def _answered(self, values: np.ndarray) -> np.ndarray:
        return np.delete(values, list(self.refused))

    def told(self) -> dict[str, Any]:
        """As JSON has it."""
        return {
            "texts": len(self.side.sent),
            "refused": len(self.refused),
            "least_cosine": round(self.least, 6),
            "median_cosine": round(self.median, 6),
            "lengths": [round(length, 4) for length in self.lengths()],
        }


def faults(sides: Sequence[Comparison], checkpoint: Checkpoint) -> list[str]:
    """What is wrong with a server's vectors, each in words; nothing: they agree.

    Raises:
        InputError: the checkpoint cannot be loaded.
    """
    found = [*_otherwise(sides, checkpoint), *_unnormalised(sides)]
    for one in sides:
        if one.refused:
            reason = next(iter(one.refused.values()))
            found.append(
                f"it refuses {len(one.refused):,} of {len(one.side.sent):,} "
                f"{one.side.name}, one with: {reason}"
            )
    return found


def _otherwise(sides: Sequence[Comparison], checkpoint: Checkpoint) -> list[str]:
    """Why vectors point elsewhere, once for all sides that it is true of."""
    known: Reading | None = None
    reasons: dict[str, list[str]] = {}
    for one in sides:
        if one.agrees:
            continue
        diagnosis = Diagnosis(_answered(one), checkpoint, known)
        found = diagnosis.found()
        known = found.reading or known
        reasons.setdefault(diagnosis.told(found), []).append(one.side.name)
    both = len(sides) > 1
    return [
        reason + (f" (of {names[0]} alone)" if both and len(names) == 1 else "")
        for reason, names in reasons.items()
    ]


def _answered(one: Comparison) -> Side:
    """The texts of a side that were answered."""
    side = one.side
    kept = [row for row in range(len(side.sent)) if row not in one.refused]
    return Side(
        side.name,
        side.prompt,
        [side.sent[row] for row in kept],
        side.theirs[kept],
        side.ours[kept],
        side.max_length,
        side.bare,
    )


def _unnormalised(sides: Sequence[Comparison]) -> list[str]:
    """That vectors have other lengths than 1, which products of them would tell."""
    ends = [one.lengths() for one in sides]
    low, high = min(low for low, _ in ends), max(high for _, high in ends)
    if abs(low - 1) <= LENGTH and abs(high - 1) <= LENGTH:
        return []
    return [
        f"it does not normalise vectors, whose lengths are {low:.3g} to {high:.3g}, "
        "not 1"
    ]


def of_other_dimensions(theirs: np.ndarray, ours: np.ndarray) -> str:
    """What vectors of another length are; nothing: they have the same."""
    gives, has = theirs.shape[1], ours.shape[1]
    if gives == has:
        return ""
    if gives < has and float(np.median(cosines(theirs, ours[:, :gives]))) >= AGREES:
        return f"it gives the first {gives:,} of {has:,} dimensions alone"
    return f"it serves another model, of {gives:,} dimensions instead of {has:,}"
