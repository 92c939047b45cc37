"""Rows of the table scored, and put in order."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from arkiv.index.schema import TOKENS, WEIGHTS

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


def products(rows: pa.Table, tokens: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """(n,) float32: products of a query's token weights with those of some rows."""
    of_query = dict(zip(tokens.tolist(), weights.tolist(), strict=True))
    return np.array(
        [
            sum(
                of_query[token] * weight
                for token, weight in zip(*of_row, strict=True)
                if token in of_query
            )
            for of_row in zip(
                rows[TOKENS].to_pylist(), rows[WEIGHTS].to_pylist(), strict=True
            )
        ],
        np.float32,
    )


def ordered(rows: pa.Table, scores: np.ndarray, depth: int) -> list[Hit]:
    """The best rows by scores, ties by id."""
    found = zip(
        rows["id"].to_pylist(), scores.tolist(), rows["_rowid"].to_pylist(), strict=True
    )
    return [Hit(*one) for one in sorted(found, key=lambda hit: (-hit[1], hit[0]))][
        :depth
    ]
