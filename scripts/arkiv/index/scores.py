"""What a search finds, in order, and vectors as a batch of rows has them."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from arkiv.index.schema import DENSE

if TYPE_CHECKING:
    import pyarrow as pa


class Hit(NamedTuple):
    """A passage that a search found."""

    id: str
    score: float
    place: int  # of its row, in the order of this version


def dense_of(batch: pa.RecordBatch) -> np.ndarray:
    """The dense vectors of a batch, (n, d), in the type that the table has them in."""
    column = batch[DENSE]
    numbers = column.flatten().to_numpy(zero_copy_only=False)
    return numbers.reshape(len(column), column.type.list_size)
