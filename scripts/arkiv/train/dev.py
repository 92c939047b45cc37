"""What a model in training is measured on: some queries and a bounded corpus.

Which of many queries and passages are taken depends on the seed and on each one's id
alone, and all stand in the order of their ids.
"""

from __future__ import annotations

import heapq
import logging
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from arkiv.base.errors import InputError
from arkiv.base.files import Record, read_records
from arkiv.base.hashing import text_key, uniform
from arkiv.retrieve.collection import check_judged, check_passage, read_passages
from arkiv.retrieve.general import read_general
from arkiv.train.settings import Evaluation

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class ValidationSet:
    """Queries, the passages they are searched in, and which of them are relevant."""

    queries: list[str]
    passages: list[str]
    relevant: list[list[int]]  # of each query the places of its relevant passages
    # Likewise of those that have its text, which it is not to find; none: of no query.
    itself: list[list[int]] = field(default_factory=list)


def sampled_ids(ids: Iterable[str], most: int, seed: int) -> set[str]:
    """At most so many of the ids, each taken or not by hash(seed, id)."""
    return set(heapq.nsmallest(most, ids, key=lambda one: (uniform(seed, one), one)))


def _queries(
    pairs: Iterable[Record], most: int, seed: int, file: str | Path, advice: str = ""
) -> tuple[list[Record], set[str]]:
    """Some of the pairs' queries with all their positives, in order of their ids, and
    these positives together."""
    by_text: dict[int, Record] = {}
    for pair in pairs:
        query = by_text.setdefault(
            text_key(pair["query"]),
            {"id": pair["id"], "query": pair["query"], "relevant": set()},
        )
        query["relevant"].update(pair["pos_ids"])
    if not by_text:
        raise InputError(f"holds no query to measure with{advice}", file=file)
    united = {query["id"]: query for query in by_text.values()}
    taken = [united[one] for one in sorted(sampled_ids(united, most, seed))]
    return taken, set().union(*(query["relevant"] for query in taken))


def _validation_set(
    queries: Sequence[Record], texts: dict[str, str], file: str | Path
) -> ValidationSet:
    ids = sorted(texts)
    keys = {one: text_key(texts[one]) for one in ids}
    rows: defaultdict[int, list[int]] = defaultdict(list)
    for row, one in enumerate(ids):
        rows[keys[one]].append(row)
    # What has the text of a relevant passage is relevant too.
    asked, relevant, itself = [], [], []
    for query in queries:
        own = text_key(query["query"])
        wanted = {keys[one] for one in query["relevant"]} - {own}
        if wanted:
            asked.append(query["query"])
            relevant.append(sorted(row for key in wanted for row in rows[key]))
            itself.append(rows.get(own, []))
    if not asked:
        raise InputError("holds no query with a passage that is not itself", file=file)
    passages = [texts[one] for one in ids]
    return ValidationSet(asked, passages, relevant, itself if any(itself) else [])


def dev_collection(
    pairs: Sequence[str | Path],
    corpora: Sequence[str | Path],
    *,
    queries: int,
    passages: int,
    seed: int,
) -> ValidationSet:
    """Of the dev pairs and corpora, JSONL files with ids, of all datasets.

    There are so many queries at most, and passages beside those relevant to a query.

    Raises:
        InputError: no query at all, or one whose relevant passage no corpus holds.
    """
    rows = (pair for path in pairs for _, pair in read_records(path, check_judged))
    advice = "; raise `pairs.shares.dev`, or set `train.evaluation.steps` to 0"
    taken, wanted = _queries(rows, queries, seed, pairs[0], advice)
    others = {
        passage["id"]
        for path in corpora
        for _, passage in read_records(path, check_passage)
        if passage["id"] not in wanted
    }
    kept = wanted | sampled_ids(others, passages, seed)
    texts = {
        one: passage["text"]
        for path in corpora
        for one, passage in read_passages(path, kept).items()
    }
    for query in taken:
        if missing := sorted(query["relevant"] - texts.keys()):
            raise InputError(
                f"query {query['id']} names the passage {missing[0]}, which no corpus "
                "holds",
                file=pairs[0],
            )
    return _validation_set(taken, texts, pairs[0])


def general_collection(
    path: str | Path, *, queries: int, passages: int, seed: int
) -> ValidationSet:
    """Of a JSONL file of `{"query", "pos"}`, with `neg` if wanted: its own passages.

    The bounds are those of `dev_collection`.

    Raises:
        InputError: a row that is none, or no row at all.
    """
    pairs, texts = read_general(path)
    taken, wanted = _queries(pairs, queries, seed, path)
    kept = wanted | sampled_ids(texts.keys() - wanted, passages, seed)
    return _validation_set(taken, {one: texts[one] for one in kept}, path)


def watched(
    dev: Sequence[str | Path],
    corpora: Sequence[str | Path],
    how: Evaluation,
    seed: int,
) -> dict[str, ValidationSet]:
    """What a model is measured on by name: `dev`, and `general` where that is given.

    Raises:
        InputError: as of `dev_collection` and `general_collection`.
    """
    bounds = {"queries": how.queries, "passages": how.passages, "seed": seed}
    collections = {"dev": dev_collection(dev, corpora, **bounds)}
    if how.general is not None:
        collections["general"] = general_collection(how.general, **bounds)
    for name, one in collections.items():
        log.info(
            "measuring on %d %s queries, searched in %d passages",
            len(one.queries),
            name,
            len(one.passages),
        )
    return collections
