"""The rows of an index as those who put them elsewhere read them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from arkiv.index.filters import one_of
from arkiv.index.reading import Table
from arkiv.index.schema import DENSE, MULTI, TOKENS, WEIGHTS
from arkiv.index.scores import dense_of

if TYPE_CHECKING:
    import pyarrow as pa

# A row with vectors as arrays, the rest as Python has it.
Row = dict[str, Any]

KEYS = ("id", "fingerprint")
VECTORS = (DENSE, TOKENS, WEIGHTS, MULTI)


class Source:
    """An index, at the version that it has when this is made.

    Args:
        folder: of the index, `results/{run}/index`.

    Raises:
        InputError: there is no index.
    """

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)
        table = Table(self.folder)
        self.about, self.columns = table.about, table.columns
        self.version = table.version
        self.dimensions, self.is_int8 = table.dimensions, table.is_int8
        self.has_multi, self.count = table.has_multi, len(table)
        self.batches, self.table = table.scan, table.dataset

    @property
    def language(self) -> str | None:
        """By whose endings words are stemmed, by Snowball's name; None: not at all."""
        return self.about.get("language")

    @property
    def vocabulary(self) -> int:
        """Tokens that there are: a passage's ids of tokens lie below."""
        return self.about["vocabulary"]

    def take(self, places: Sequence[int]) -> pa.RecordBatch:
        """The rows at these places of the order, all columns."""
        return _one(self.table.take(list(places)))

    def rows(self, ids: Iterable[str]) -> pa.RecordBatch:
        """The rows of these ids, those that there are, in the order of the table."""
        return _one(self.table.to_table(filter=one_of("id", set(ids))))

    def most_weights(self) -> int:
        """The token weights of the passage that has most of them."""
        most = 0
        for batch in self.batches([TOKENS], 4096):
            most = max([most, *batch[TOKENS].value_lengths().to_pylist()])
        return most


def _one(table: pa.Table) -> pa.RecordBatch:
    """A table as one batch, which may be empty."""
    import pyarrow as pa

    batches = table.combine_chunks().to_batches()
    return batches[0] if batches else pa.RecordBatch.from_pylist([], table.schema)


def sparse_of(batch: pa.RecordBatch) -> list[tuple[np.ndarray, np.ndarray]]:
    """Tokens (k,) int32 ascending and weights (k,) float32 > 0 of each row."""
    tokens, weights = (
        column.flatten().to_numpy() for column in (batch[TOKENS], batch[WEIGHTS])
    )
    ends = batch[TOKENS].value_lengths().to_numpy().cumsum()[:-1]
    # Split without a place gives one piece, also of no rows.
    split = (np.split(values, ends)[: len(batch)] for values in (tokens, weights))
    rows = zip(*split, strict=True)
    return [(one[kept := weight > 0], weight[kept]) for one, weight in rows]


def rows_of(batch: pa.RecordBatch) -> list[Row]:
    """The rows of a batch; `sparse` holds tokens and weights, see `sparse_of`."""
    names = [name for name in batch.schema.names if name not in VECTORS]
    rows = batch.select(names).to_pylist()
    for row, dense, sparse in zip(rows, dense_of(batch), sparse_of(batch), strict=True):
        row |= {"dense": dense, "sparse": sparse}
    if MULTI in batch.schema.names:
        for row, vectors in zip(rows, batch[MULTI], strict=True):
            row[MULTI] = vectors.values.flatten().to_numpy().reshape(len(vectors), -1)
    return rows
