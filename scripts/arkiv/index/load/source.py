"""The rows of an index as those who put them elsewhere read them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from arkiv.base.errors import InputError
from arkiv.base.files import Record, read_object

if TYPE_CHECKING:
    import pyarrow as pa

# A row with vectors as arrays, the rest as Python has it.
Row = dict[str, Any]

TABLE, ABOUT = "passages.lance", "index.json"
KEYS = ("id", "fingerprint")
DENSE, TOKENS, WEIGHTS = "dense", "sparse_tokens", "sparse_weights"
# One vector for each token, in tables that were asked for them.
MULTI = "multi_vectors"
VECTORS = (DENSE, TOKENS, WEIGHTS, MULTI)


class Source:
    """An index, at the version that it has when this is made.

    Args:
        folder: of the index, `results/{run}/index`.

    Raises:
        InputError: there is no index.
    """

    def __init__(self, folder: str | Path) -> None:
        import lance

        self.folder = Path(folder)
        self.about: Record = read_object(self.folder / ABOUT, "description of an index")
        try:
            self.table = lance.dataset(str(self.folder / TABLE))
        except (OSError, ValueError):
            raise InputError(
                f"has no table {TABLE}; `snakemake index` makes it", file=self.folder
            ) from None
        self.count: int = self.table.count_rows()
        self.columns: list[str] = self.table.schema.names
        dense = self.table.schema.field(DENSE).type
        self.dimensions: int = dense.list_size
        self.is_int8 = str(dense.value_type) == "int8"
        self.has_multi = MULTI in self.columns

    @property
    def language(self) -> str | None:
        """By whose endings words are stemmed, by Snowball's name; None: not at all."""
        return self.about.get("language")

    @property
    def vocabulary(self) -> int:
        """Tokens that there are: a passage's ids of tokens lie below."""
        return self.about["vocabulary"]

    def batches(
        self, columns: Sequence[str] | None, rows: int
    ) -> Iterator[pa.RecordBatch]:
        """All rows in their order, so many at a time, some columns or all."""
        scanner = self.table.scanner(
            columns=None if columns is None else list(columns),
            batch_size=rows,
            scan_in_order=True,
            # What is read ahead is in memory too.
            batch_readahead=2,
            fragment_readahead=1,
        )
        return iter(scanner.to_batches())

    def take(self, places: Sequence[int]) -> pa.RecordBatch:
        """The rows at these places of the order, all columns."""
        return _one(self.table.take(list(places)))

    def rows(self, ids: Iterable[str]) -> pa.RecordBatch:
        """The rows of these ids, those that there are, in the order of the table."""
        quoted = ", ".join("'" + one.replace("'", "''") + "'" for one in sorted(ids))
        return _one(self.table.to_table(filter=f"id IN ({quoted})"))

    def most_weights(self) -> int:
        """The token weights of the passage that has most of them."""
        most = 0
        for batch in self.batches([TOKENS], 4096):
            most = max(most, *batch[TOKENS].value_lengths().to_pylist())
        return most


def _one(table: pa.Table) -> pa.RecordBatch:
    """A table as one batch, which may be empty."""
    import pyarrow as pa

    batches = table.combine_chunks().to_batches()
    return batches[0] if batches else pa.RecordBatch.from_pylist([], table.schema)


def dense_of(batch: pa.RecordBatch) -> np.ndarray:
    """The dense vectors of a batch, (n, d), in the type that the table has them in."""
    column = batch[DENSE]
    return column.flatten().to_numpy(zero_copy_only=False).reshape(len(column), -1)


def sparse_of(batch: pa.RecordBatch) -> list[tuple[np.ndarray, np.ndarray]]:
    """Tokens (k,) int32 ascending and weights (k,) float32 > 0 of each row."""
    tokens, weights = (
        column.flatten().to_numpy() for column in (batch[TOKENS], batch[WEIGHTS])
    )
    ends = batch[TOKENS].value_lengths().to_numpy().cumsum()[:-1]
    rows = zip(np.split(tokens, ends), np.split(weights, ends), strict=True)
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
