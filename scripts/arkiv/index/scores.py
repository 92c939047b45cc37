"""Rows of the table scored, and put in order."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from arkiv.index.schema import DENSE

if TYPE_CHECKING:
    import pyarrow as pa


class Hit(NamedTuple):
    """A passage that a search found."""

    id: str
    score: float
    address: int  # of its row, in this version


def table_of(batch: pa.RecordBatch) -> pa.Table:
    """A batch as a table."""
    import pyarrow as pa

    return pa.Table.from_batches([batch])


def matrix(column: pa.ChunkedArray, dim: int) -> np.ndarray:
    """(n, dim) of a column of vectors, in the column's type."""
    flat = [chunk.flatten().to_numpy(zero_copy_only=False) for chunk in column.chunks]
    return np.concatenate(flat).reshape(-1, dim) if flat else np.zeros((0, dim))


def dense_of(batch: pa.RecordBatch) -> np.ndarray:
    """The dense vectors of a batch, (n, d), in the type that the table has them in."""
    column = batch[DENSE]
    numbers = column.flatten().to_numpy(zero_copy_only=False)
    return numbers.reshape(len(column), column.type.list_size)


def ordered(rows: pa.Table, scores: np.ndarray, depth: int) -> list[Hit]:
    """The best rows by scores, ties by id."""
    found = zip(
        rows["id"].to_pylist(), scores.tolist(), rows["_rowid"].to_pylist(), strict=True
    )
    return best_of(map(Hit._make, found), depth)


def best_of(hits: Iterable[Hit], depth: int) -> list[Hit]:
    """The best, ties by id."""
    return sorted(hits, key=lambda hit: (-hit.score, hit.id))[:depth]
