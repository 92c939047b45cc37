"""Parts of the table: fragments that several jobs write, told in a file of each.

A fragment is a file of the table's that no version has yet. A part writes those rows
alone whose fingerprint the newest version lacks; `arkiv.index.committing` makes one
version of all parts. What a killed job left behind belongs to no version, and goes with
the next commit.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from arkiv.base.errors import InputError, expecting
from arkiv.base.files import Record, read_object, write_json
from arkiv.index.schema import TABLE

if TYPE_CHECKING:
    import pyarrow as pa

# Rows of a fragment at most: their vectors are in memory while it is written.
MOST_ROWS = 100_000
# Rows of a batch that Lance is given.
BATCH = 1024

# From the rows of a fragment to its batches.
Filled = Callable[[list[Record]], Iterator["pa.RecordBatch"]]


@dataclass(frozen=True)
class Part:
    """What a part found and wrote.

    Attributes:
        wanted: fingerprint by id, of all its passages.
        fragments: each as Lance tells it in JSON, with the ids of its rows.
    """

    wanted: dict[str, str]
    fragments: list[Record]

    @classmethod
    def read(cls, path: str | Path) -> Part:
        """Of the file that `write` wrote.

        Raises:
            InputError: it is another, or missing.
        """
        told = read_object(path, "part of an index, as index_passages.py writes it")
        with expecting("a file of index_passages.py", path):
            return cls(told["wanted"], told["fragments"])

    def write(self, path: str | Path) -> None:
        """Whole or not at all."""
        write_json(path, {"fragments": self.fragments, "wanted": self.wanted})


def newest(folder: Path) -> Any | None:
    """The newest version of the table as a Lance dataset, ready or not, if any.

    Raises:
        InputError: what is there is no table.
    """
    import lance

    path = folder / TABLE
    if not (path / "_versions").is_dir():
        return None
    with readable(folder):
        return lance.dataset(str(path))


@contextmanager
def readable(folder: Path) -> Iterator[None]:
    """Say of a damaged table what to do.

    Raises:
        InputError: instead of what Lance raises.
    """
    try:
        yield
    except (OSError, ValueError) as error:
        first = str(error).splitlines()[0]
        reason = f"cannot be read ({first}); delete it, and run with -R index_passages"
        raise InputError(reason, file=folder / TABLE) from None


def fingerprints(dataset: Any | None) -> dict[str, str]:
    """By id, of all rows of a version."""
    if dataset is None:
        return {}
    found: dict[str, str] = {}
    for batch in dataset.scanner(columns=["id", "fingerprint"]).to_batches():
        ids, values = batch["id"].to_pylist(), batch["fingerprint"].to_pylist()
        found.update(zip(ids, values, strict=True))
    return found


def write_part(
    folder: Path, rows: Iterator[Record], columns: pa.Schema, filled: Filled
) -> Part:
    """Write the rows that the table lacks as fragments.

    Args:
        folder: of the index.
        rows: of the part, in the table's order, without encodings.
        columns: of the table.
        filled: gives rows their encodings.

    Raises:
        InputError: the table cannot be read.
    """
    dataset = newest(folder)
    with readable(folder):
        known = fingerprints(dataset)
    wanted: dict[str, str] = {}
    fragments: list[Record] = []

    def lacking() -> Iterator[Record]:
        for row in rows:
            wanted[row["id"]] = row["fingerprint"]
            if known.get(row["id"]) != row["fingerprint"]:
                yield row

    new = lacking()
    while chunk := list(islice(new, MOST_ROWS)):
        fragments += _written(folder, chunk, columns, filled, dataset)
    return Part(wanted, fragments)


def _written(
    folder: Path,
    chunk: Sequence[Record],
    columns: pa.Schema,
    filled: Filled,
    dataset: Any | None,
) -> Iterator[Record]:
    import pyarrow as pa
    from lance.fragment import write_fragments

    same = dataset is not None and dataset.schema.equals(columns)
    (folder / TABLE).mkdir(parents=True, exist_ok=True)
    found = write_fragments(
        pa.RecordBatchReader.from_batches(columns, filled(list(chunk))),
        str(folder / TABLE),
        columns,
        mode="append" if same else "overwrite",
        max_rows_per_file=MOST_ROWS,
    )
    first = 0
    for fragment in found:
        last = first + fragment.num_rows
        ids = [row["id"] for row in chunk[first:last]]
        yield {"fragment": fragment.to_json(), "ids": ids}
        first = last
