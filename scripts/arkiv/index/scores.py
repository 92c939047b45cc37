"""Rows of the table scored, and put in order."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from arkiv.index.schema import DENSE, TOKENS, WEIGHTS

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


def products(rows: pa.Table, tokens: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """(n,) float32: products of a query's token weights with those of some rows."""
    found = np.zeros(len(rows))
    start = 0
    for each, values in zip(rows[TOKENS].chunks, rows[WEIGHTS].chunks, strict=True):
        row = start + np.repeat(np.arange(len(each)), each.value_lengths().to_numpy())
        of_rows = row, each.flatten().to_numpy(), values.flatten().to_numpy()
        add_products(found, of_rows, tokens, weights)
        start += len(each)
    return found.astype(np.float32)


def add_products(
    found: np.ndarray,
    of_rows: tuple[np.ndarray, np.ndarray, np.ndarray],
    tokens: np.ndarray,
    weights: np.ndarray,
) -> None:
    """Add the products of a query's token weights with those of rows.

    Args:
        found: (n,) float64, added to.
        of_rows: of each weight of theirs the row, the token, and itself.
        tokens, weights: of the query.
    """
    if not len(tokens):
        return
    order = np.argsort(tokens)
    asked, of_query = np.asarray(tokens)[order], np.asarray(weights)[order]
    row, token, values = of_rows
    place = np.searchsorted(asked, token).clip(max=len(asked) - 1)
    shared = asked[place] == token
    np.add.at(
        found, row[shared], of_query[place[shared]].astype(np.float64) * values[shared]
    )


def ordered(rows: pa.Table, scores: np.ndarray, depth: int) -> list[Hit]:
    """The best rows by scores, ties by id."""
    found = zip(
        rows["id"].to_pylist(), scores.tolist(), rows["_rowid"].to_pylist(), strict=True
    )
    return [Hit(*one) for one in sorted(found, key=lambda hit: (-hit[1], hit[0]))][
        :depth
    ]
