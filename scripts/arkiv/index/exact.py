"""Exact search of vectors that come in blocks, one pass for all queries."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, NamedTuple, Protocol

import numpy as np

from arkiv.index.schema import DENSE
from arkiv.index.scores import dense_of
from arkiv.retrieve.rankings import unit

if TYPE_CHECKING:
    import pyarrow as pa

# Passages of a query by which searches are compared.
FIRST = 10


class Query(Protocol):
    """What is searched for."""

    dense: np.ndarray
    sparse: tuple[np.ndarray, np.ndarray]


class Vectors(NamedTuple):
    """What is searched of some rows."""

    ids: list[str]
    dense: np.ndarray  # (n, d)
    sparse: list[tuple[np.ndarray, np.ndarray]]  # tokens and weights of each


def nearest(
    batches: Iterable[pa.RecordBatch], queries: Sequence[Query]
) -> list[list[str]]:
    """The ids of the rows whose vectors are next to each query's, best first."""
    blocks = (
        Vectors(batch["id"].to_pylist(), dense_of(batch), []) for batch in batches
    )
    return first_of(blocks, queries, DENSE)


def first_of(
    blocks: Iterable[Vectors], queries: Sequence[Query], mode: str
) -> list[list[str]]:
    """The ids of the best rows of each query, by cosine (`dense`) or token weights.

    Of equal scores the first comes first; of a sparse search, what shares no token with
    the query is not found.
    """
    best: list[list[tuple[float, str]]] = [[] for _ in queries]
    for block in blocks:
        scores = _dense(block, queries) if mode == DENSE else _sparse(block, queries)
        for found, row in zip(best, scores, strict=True):
            nearest = np.argsort(-row, kind="stable")[:FIRST]
            found += [
                (float(row[one]), block.ids[one])
                for one in nearest
                if mode == DENSE or row[one] > 0
            ]
            found.sort(key=lambda one: -one[0])
            del found[FIRST:]
    return [[one for _, one in found] for found in best]


def _dense(block: Vectors, queries: Sequence[Query]) -> np.ndarray:
    """(queries, n) float32."""
    asked = np.stack([query.dense for query in queries])
    return unit(asked) @ unit(block.dense).T


def _sparse(block: Vectors, queries: Sequence[Query]) -> np.ndarray:
    """(queries, n) float64."""
    lengths = np.fromiter((len(one) for one, _ in block.sparse), np.int64)
    rows = np.repeat(np.arange(len(block.sparse)), lengths)
    tokens = np.concatenate([one for one, _ in block.sparse])
    weights = np.concatenate([one for _, one in block.sparse])
    scores = np.zeros((len(queries), len(block.sparse)))
    for row, query in zip(scores, queries, strict=True):
        asked, its = query.sparse
        places = np.searchsorted(asked, tokens).clip(max=max(len(asked) - 1, 0))
        if len(asked):
            hits = asked[places] == tokens
            np.add.at(row, rows[hits], weights[hits] * its[places[hits]])
    return scores
