"""TREC run and qrels files.

A run line is `query Q0 passage rank score tag`, a qrels line `query 0 passage
relevance`. Readers differ in what they do with equal scores (trec_eval goes by passage
id descending, others ascending, others by rank), so the runs written here have none:
scores fall strictly from rank to rank, as 32-bit floats, which is what trec_eval keeps.
"""

from __future__ import annotations

import math
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from heapq import merge
from itertools import groupby, islice
from operator import itemgetter
from pathlib import Path

import numpy as np

from arkiv.base.errors import InputError
from arkiv.base.files import open_input, written_whole
from arkiv.base.hashing import nfc

Qrels = dict[str, dict[str, int]]
Run = dict[str, list[str]]
# Of the passages of a query, best first.
Scores = dict[str, float]
# A query's id, and the ids and scores of its passages, best first.
Ranked = tuple[str, Sequence[str], np.ndarray]


def strictly_falling(scores: Sequence[float] | np.ndarray) -> np.ndarray:
    """Scores as float32 (n,), each lowered just enough to lie below the one before.

    They come in ranking order, that is descending but for ties.
    """
    falling = np.asarray(scores, np.float32).copy()
    down = np.float32(-np.inf)
    # One after the other: a lowered score may meet the next one.
    for rank in range(1, len(falling)):
        if falling[rank] >= falling[rank - 1]:
            falling[rank] = np.nextafter(falling[rank - 1], down)
    return falling


def write_run(path: str | Path, rankings: Iterable[Ranked], tag: str) -> int:
    """Write a run, whole or not at all; return the number of lines.

    Args:
        rankings: of each query its id, the passage ids best first, and their scores.
        tag: names the system; spaces become underscores.
    """
    lines = 0
    tag = "_".join(tag.split()) or "run"
    with written_whole(path) as beside, open(beside, "w", encoding="utf-8") as out:
        for query_id, passage_ids, scores in rankings:
            falling = strictly_falling(scores).tolist()
            for rank, (passage_id, score) in enumerate(
                zip(passage_ids, falling, strict=True), start=1
            ):
                # Nine digits bring a 32-bit float back exactly.
                out.write(f"{query_id} Q0 {passage_id} {rank} {score:.9g} {tag}\n")
            lines += len(falling)
    return lines


def read_run(
    path: str | Path,
    *,
    depth: int | None = None,
    queries: Container[str] | None = None,
) -> Run:
    """The passage ids of each query, best first; see `scores_of`.

    Args:
        depth: of each query the first so many; None: all.
        queries: of these alone; None: of all.
    """
    # A run names each passage for many queries: one text of it is enough.
    known: dict[str, str] = {}
    return {
        query_id: [known.setdefault(key, key) for key in islice(scores, depth)]
        for query_id, scores in scores_of(path)
        if queries is None or query_id in queries
    }


def read_scores(path: str | Path) -> dict[str, Scores]:
    """The scores of each query's passages; see `scores_of`."""
    return dict(scores_of(path))


def scores_of(path: str | Path) -> Iterator[tuple[str, Scores]]:
    """Each query with the scores of its passages by passage id, best first.

    Ranked by score; equal scores, which only runs from elsewhere have, by passage id
    descending as trec_eval does. One query is held at a time.

    Raises:
        InputError: a missing file, a line of another form, a passage named twice, a
            query whose lines do not stand together.
    """
    ended: set[str] = set()
    asked, ranked = None, {}
    for line, fields in _lines(path, 6, "query Q0 passage rank score tag"):
        query_id, _, passage_id, _, score, _ = fields
        try:
            value = float(score)
        except ValueError:
            value = math.nan
        if not math.isfinite(value):
            reason = f"the score is {score!r}, expected a number"
            raise InputError(reason, file=path, line=line)
        if query_id != asked:
            if query_id in ended:
                reason = f"query {query_id} has lines above too, and others between"
                raise InputError(reason, file=path, line=line)
            if asked is not None:
                yield asked, _best_first(ranked)
            asked, ranked = query_id, {}
            ended.add(query_id)
        if passage_id in ranked:
            reason = f"query {query_id} has the passage {passage_id} twice"
            raise InputError(reason, file=path, line=line)
        ranked[passage_id] = value
    if asked is not None:
        yield asked, _best_first(ranked)


def _best_first(ranked: Scores) -> Scores:
    return dict(sorted(ranked.items(), key=itemgetter(1, 0), reverse=True))


def in_step(paths: Sequence[str | Path]) -> Iterator[tuple[str, list[Scores]]]:
    """Each query of several runs with its scores in each, empty where one lacks it.

    Queries come by their ids, as runs have them; of each run one is held at a time.

    Raises:
        InputError: as of `scores_of`, or queries in another order.
    """
    runs = (_by_id(path, number) for number, path in enumerate(paths))
    for query_id, found in groupby(merge(*runs), key=itemgetter(0)):
        of = {number: scores for _, number, scores in found}
        yield query_id, [of.get(number, {}) for number in range(len(paths))]


def _by_id(path: str | Path, number: int) -> Iterator[tuple[str, int, Scores]]:
    before = ""
    for query_id, scores in scores_of(path):
        if query_id < before:
            reason = (
                f"has the query {query_id} after {before}, expected the order of their "
                "ids, as retrieve.py writes them"
            )
            raise InputError(reason, file=path)
        before = query_id
        yield query_id, number, scores


def write_qrels(path: str | Path, qrels: Mapping[str, Mapping[str, int]]) -> int:
    """Write judgements in the order of their ids; return the number of lines."""
    lines = 0
    with written_whole(path) as beside, open(beside, "w", encoding="utf-8") as out:
        for query_id in sorted(qrels):
            for passage_id in sorted(qrels[query_id]):
                relevance = qrels[query_id][passage_id]
                out.write(f"{query_id} 0 {passage_id} {relevance}\n")
                lines += 1
    return lines


def read_qrels(path: str | Path, *, may_be_empty: bool = False) -> Qrels:
    """The judgements by query and passage.

    Raises:
        InputError: a missing file, an empty one unless it may be, or a line of another
            form.
    """
    qrels: Qrels = {}
    for _, query_id, passage_id, relevance in qrels_lines(path):
        qrels.setdefault(query_id, {})[passage_id] = relevance
    if not qrels and not may_be_empty:
        raise InputError("is empty, expected judgements", file=path)
    return qrels


def qrels_lines(path: str | Path) -> Iterator[tuple[int, str, str, int]]:
    """Line number from 1, query, passage and relevance of each judgement.

    Raises:
        InputError: a missing file, or a line of another form.
    """
    for line, fields in _lines(path, 4, "query 0 passage relevance"):
        query_id, _, passage_id, relevance = fields
        try:
            yield line, query_id, passage_id, int(relevance)
        except ValueError:
            reason = f"the relevance is {relevance!r}, expected a whole number"
            raise InputError(reason, file=path, line=line) from None


def _lines(path: str | Path, count: int, form: str):
    with open_input(path) as file:
        for line, raw in enumerate(file, start=1):
            try:
                text = raw.decode()
            except UnicodeDecodeError:
                raise InputError("is not UTF-8", file=path) from None
            fields = (text if text.isascii() else nfc(text)).split()
            if len(fields) != count:
                reason = f"has {len(fields)} fields, expected `{form}`"
                raise InputError(reason, file=path, line=line)
            yield line, fields
