"""Parquet: the table as it is, in files of bounded size."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from arkiv.index.exact import Vectors
from arkiv.index.load.source import Source, dense_of, sparse_of
from arkiv.index.schema import DENSE, TOKENS, WEIGHTS

# Rows of a file take some 100 MB by vectors of 1,024 float16.
USUAL_ROWS = 20_000
ROWS_AT_A_TIME = 1_024


class Parquet:
    """A `Format`, see `arkiv.index.load.folder`.

    Args:
        source: the index.
        name: of the table, with which the files begin.
        most_rows: of a file.
    """

    name = "parquet"
    suffix = ".parquet"
    usual_rows = USUAL_ROWS
    removals = None

    def __init__(self, source: Source, name: str, most_rows: int) -> None:
        self.beside: dict[str, str] = {}
        self._schema = source.table.schema
        self.most_rows = most_rows
        self.form = f"parquet 1 {self._schema}"

    def write(self, path: Path, batches: Iterator[pa.RecordBatch]) -> None:
        with pq.ParquetWriter(path, self._schema, compression="zstd") as writer:
            for batch in batches:
                writer.write_batch(batch, row_group_size=ROWS_AT_A_TIME)

    def ids(self, path: Path) -> Iterator[str]:
        for batch in pq.ParquetFile(path).iter_batches(ROWS_AT_A_TIME, columns=["id"]):
            yield from batch["id"].to_pylist()

    def vectors(self, path: Path) -> Iterator[Vectors]:
        columns = ["id", DENSE, TOKENS, WEIGHTS]
        for batch in pq.ParquetFile(path).iter_batches(ROWS_AT_A_TIME, columns=columns):
            yield Vectors(batch["id"].to_pylist(), dense_of(batch), sparse_of(batch))
