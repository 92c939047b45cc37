"""Test queries with the passages that an index finds for them, to check others by."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from arkiv.base.errors import InputError
from arkiv.base.files import Record, read_records
from arkiv.base.hashing import uniform
from arkiv.index.exact import FIRST, nearest
from arkiv.index.reading import MODES, Hit, Mode, Query, Table
from arkiv.index.schema import DENSE, EXPECTED, PROBED, RECALL

log = logging.getLogger(__name__)

QUERIES = 50
# Scores so near are the same: machines add up in other orders, and of a query whose
# vector is rounded to float16. As a share of the best score.
TIED = 1e-3
# Among so many a passage of another order is looked for.
LOOKED_AT = 50
# Parts of an index of vectors that are looked into: the fewest that find enough, as a
# share of the exact search's first ten.
PROBES, ENOUGH = (8, 16, 32, 64, 128, 256), 0.99


def chosen(queries: Sequence[Record]) -> list[Record]:
    """Some of the test queries, the same each time."""
    drawn = sorted(queries, key=lambda one: uniform(0, "index", one["id"]))
    return sorted(drawn[:QUERIES], key=lambda one: one["id"])


def modes_of(table: Table) -> list[Mode]:
    """The ways to search that a table has."""
    return [mode for mode in MODES if mode != "sparse" or table.about.get("sparse")]


def records(
    table: Table, queries: Sequence[Record], encoded: Sequence[Query]
) -> Iterator[Record]:
    """Of each query its encodings, and its first passages by each mode.

    Each says of which version of the table that is.
    """
    for query, asked in zip(queries, encoded, strict=True):
        tokens, weights = asked.sparse or (np.zeros(0), np.zeros(0))
        yield {
            "id": query["id"],
            "query": query["query"],
            "version": table.version,
            "dense": asked.dense.tolist(),
            "sparse": {"tokens": tokens.tolist(), "weights": weights.tolist()},
            "hits": {
                mode: [hit.id for hit in table.search(mode, asked, depth=FIRST)]
                for mode in modes_of(table)
            },
        }


def fitted(
    folder: Path, dataset: Any, about: Record, queries: Sequence[Query]
) -> Record:
    """How many parts of a version's index of vectors are to be looked into.

    Twice as many each time, until queries find enough of what an exact search finds.

    Returns:
        Their number, and the share of the exact search's first ten that they find.
    """
    table = Table(folder, dataset, about)
    exact = nearest(table.scan(["id", DENSE]), queries)
    for probes in PROBES:
        table = Table(folder, dataset, about | {PROBED: probes})
        share = recall(table, exact, queries)
        if share >= ENOUGH:
            break
    log.info("by %d parts dense search finds %.3f of the exact one", probes, share)
    return {PROBED: probes, RECALL: round(share, 4)}


def recall(
    table: Table, exact: Sequence[Sequence[str]], queries: Sequence[Query]
) -> float:
    """The share of the exact search's first ten that a table finds by vectors."""
    shares = []
    for query, there in zip(queries, exact, strict=True):
        found = {hit.id for hit in table.search("dense", query, depth=FIRST)}
        shares.append(len(found.intersection(there)) / len(there))
    return float(np.mean(shares))


class Missed(NamedTuple):
    """The first rank at which a query finds another passage than was expected."""

    query: str
    rank: int
    found: str | None
    expected: str | None
    cosine: float  # of the query's vector and the one that was kept


def missed(table: Table, mode: Mode, expected: Record, asked: Query) -> Missed | None:
    """Where the first ten of a query are others, ties aside; None: nowhere."""
    hits = table.search(mode, asked, depth=LOOKED_AT)
    place = _differs(hits, expected["hits"][mode])
    if place is None:
        return None
    found = hits[place].id if place < len(hits) else None
    ids = expected["hits"][mode]
    kept = np.array(expected["dense"])
    cosine = kept @ asked.dense / (np.linalg.norm(kept) * np.linalg.norm(asked.dense))
    return Missed(
        expected["query"],
        place + 1,
        found,
        ids[place] if place < len(ids) else None,
        float(cosine),
    )


def _differs(hits: Sequence[Hit], ids: Sequence[str]) -> int | None:
    score_of = {hit.id: hit.score for hit in hits}
    best = abs(hits[0].score) if hits else 0.0
    for place in range(max(len(ids), min(FIRST, len(hits)))):
        if place >= len(hits) or place >= len(ids):
            return place
        hit, one = hits[place], ids[place]
        near = abs(hit.score - score_of.get(one, np.inf)) <= TIED * best
        if hit.id != one and not near:
            return place
    return None


def read(folder: Path, version: int) -> Iterator[Record]:
    """The queries that `records` gave of a version, beside the table.

    Raises:
        InputError: the file is missing or damaged, or of another version.
    """
    for _, record in read_records(folder / EXPECTED):
        if record.get("version") != version:
            raise InputError(
                f"is not of version {version} of the table, which is there: "
                "`snakemake index`, which was stopped or is at work, goes on with it",
                file=folder / EXPECTED,
            )
        yield record
