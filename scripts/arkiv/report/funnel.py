"""What each stage counted of each dataset, from its source to the training rows."""

from __future__ import annotations

import argparse
from typing import Any

from arkiv.base.cli import add_words
from arkiv.base.errors import InputError
from arkiv.base.files import read_object
from arkiv.base.named import named

# The stages that count, and what they write.
STAGES = {
    "found": "what find_volumes.py found",
    "documents": "statistics of merge_documents.py",
    "queries": "statistics of filter_queries.py",
    "verdicts": "statistics of pair_verdicts.py",
    "pairs": "statistics of split_pairs.py",
    "filtered": "statistics of filter_pairs.py",
    "negatives": "statistics of pick_negatives.py",
    "shards": "log of split_by_length.py",
    "augmented": "statistics of augment_pairs.py",
}

# Of pairs that stay, with fewer negatives.
SHORT = (
    "fewer negatives than asked for",
    "the window left too few",
    "some of their negatives dropped",
)

Counts = dict[str, dict[str, Any]]
"""What each stage that a dataset passed through counted."""


def add_stages(arguments: argparse.ArgumentParser) -> None:
    """Add an option for the files of each stage."""
    for stage, words in STAGES.items():
        add_words(arguments, **{stage: f"[DATASET=JSON...] {words}"})


def read_stages(arguments: argparse.Namespace) -> dict[str, Counts]:
    """The counts of each dataset, from what `add_stages` added.

    Raises:
        InputError: no file is named, or one is missing or no JSON object.
    """
    datasets: dict[str, Counts] = {}
    for stage in STAGES:
        for dataset, path in named(getattr(arguments, stage), f"--{stage}").items():
            stages = datasets.setdefault(dataset, {})
            stages[stage] = read_object(path, STAGES[stage])
    if not datasets:
        raise InputError("name the files of at least one dataset", key="--pairs")
    return datasets


def set_aside(stages: Counts) -> list[tuple[str, int]]:
    """What was set aside or came out short on the way, and how many."""
    found, documents, queries, verdicts, pairs, filtered, mined, shards, _ = (
        stages.get(stage, {}) for stage in STAGES
    )
    teacher = shards.get("teacher") or {}
    rejected = documents.get("rejected", 0)
    if not isinstance(rejected, dict):
        rejected = {"set aside": rejected}
    return [
        *(
            (f"files not read: {what}", each["files"])
            for what, each in found.get("not_read", {}).items()
        ),
        ("files not read: the same page as another", len(found.get("same_page", []))),
        ("files that METS lists: not there", len(found.get("missing", []))),
        *((f"pages and documents: {why}", count) for why, count in rejected.items()),
        *((f"queries: {why}", n) for why, n in queries.get("rejected", {}).items()),
        ("lines of verdicts: could not be used", verdicts.get("bad_lines", 0)),
        *((f"verdicts: {why}", n) for why, n in verdicts.get("set_aside", {}).items()),
        ("lines of pairs: could not be used", pairs.get("bad_lines", 0)),
        *((f"pairs: {why}", n) for why, n in pairs.get("set_aside", {}).items()),
        (
            "negatives given: positives of their query",
            pairs.get("positives_as_negatives", 0),
        ),
        *(
            (f"train pairs: {why}", n)
            for why, n in filtered.get("rejected", {}).items()
        ),
        ("train pairs: no negatives found", mined.get("without_negatives", 0)),
        (f"train pairs: {SHORT[0]}", mined.get("short", 0)),
        (f"train pairs: {SHORT[1]}", mined.get("short_of_window", 0)),
        *((f"train pairs: {why}", n) for why, n in shards.get("set_aside", {}).items()),
        (
            "negatives: the teacher scores them too high",
            teacher.get("negatives_dropped", 0),
        ),
        (f"train pairs: {SHORT[2]}", teacher.get("rows_short", 0)),
    ]
