"""A folder of files that hold the rows of an index.

Each file is a chunk of the table (`arkiv.index.load.chunks`), named by what is in it,
and written whole. So a run that was killed writes what is missing, a second run
nothing, and after a change only the files that a changed row is in. `contents.json`
names the files in the order of the table once all are there.
"""

from __future__ import annotations

import contextlib
import logging
import re
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import numpy as np
import pyarrow as pa

from arkiv.base.errors import InputError, expecting
from arkiv.base.files import Record, read_object, write_json, written_whole
from arkiv.index.exact import Vectors, first_of
from arkiv.index.load.chunks import Chunk, cut
from arkiv.index.load.queries import DENSE, SPARSE, Query
from arkiv.index.load.source import KEYS, Source
from arkiv.index.load.sync import Done, number_of

log = logging.getLogger(__name__)

CONTENTS = "contents.json"
# Keys are read so many at a time, rows of a chunk so many.
KEYS_AT_A_TIME, ROWS_AT_A_TIME = 4_096, 256


class Format(Protocol):
    """How rows become files for one reader."""

    name: str  # as the flag has it
    suffix: str
    usual_rows: int  # of a file, unless told otherwise
    most_rows: int
    form: str  # all that the bytes of a row depend on beside the row
    beside: dict[str, str]  # texts of files that go with them, by name
    removals: (
        str | None
    )  # the file that says what to remove, where the reader takes one

    def write(self, path: Path, batches: Iterator[pa.RecordBatch]) -> None:
        """Write the rows of a chunk."""

    def removal(self, one: str) -> str:
        """The line that has the reader remove a passage."""

    def removed(self, line: str) -> str:
        """The passage of such a line."""

    def ids(self, path: Path) -> Iterator[str]:
        """The ids in a file."""

    def vectors(self, path: Path) -> Iterator[Vectors]:
        """What is searched of the rows in a file, some at a time."""


@dataclass
class Folder:
    """The rows of an index in the files of a folder.

    Args:
        path: of the folder; it is made if there is none.
        name: with which the files begin.
        source: the index.
        format: of the files.
    """

    path: Path
    name: str
    source: Source
    format: Format
    _numbers: array = field(default_factory=lambda: array("Q"))

    modes = (DENSE, SPARSE)

    def write(self) -> Done:
        """Make the folder hold the rows of the index.

        Raises:
            InputError: it holds files for another reader.
        """
        contents = self._contents()
        chunks = list(cut(self._keys(), self.format.most_rows, self.format.form))
        files = [self._file(chunk) for chunk in chunks]
        if contents == self._told(chunks) and all(
            (self.path / f).exists() for f in files
        ):
            return Done(kept=self.source.count)
        write_json(self.path / CONTENTS, self._told(chunks) | {"complete": False})
        for name, text in self.format.beside.items():
            with written_whole(self.path / name) as beside:
                beside.write_text(text, encoding="utf-8")
        done = Done()
        for chunk, file in zip(chunks, files, strict=True):
            if (self.path / file).exists():
                done.kept += chunk.stop - chunk.start
                continue
            with written_whole(self.path / file) as beside:
                self.format.write(beside, self._rows(chunk))
            done.written += chunk.stop - chunk.start
            log.info("%d of %d rows are there", chunk.stop, self.source.count)
        done.removed = self._remove_others(set(files))
        write_json(self.path / CONTENTS, self._told(chunks))
        return done

    def _contents(self) -> Record:
        if self.path.exists() and not self.path.is_dir():
            raise InputError("is a file, expected a folder", file=self.path)
        contents = read_object(
            self.path / CONTENTS, "contents of a load", optional=True
        )
        if contents and contents.get("format") != self.format.name:
            raise InputError(
                f"holds files for {contents.get('format')}, expected a folder for "
                f"{self.format.name} alone",
                file=self.path,
            )
        return contents

    def _told(self, chunks: Sequence[Chunk]) -> Record:
        return {
            "format": self.format.name,
            "complete": True,
            "rows": self.source.count,
            "files": [
                {"file": self._file(one), "rows": one.stop - one.start}
                for one in chunks
            ],
        }

    def _file(self, chunk: Chunk) -> str:
        return f"{self.name}-{chunk.digest}{self.format.suffix}"

    def _keys(self) -> Iterator[tuple[str, str]]:
        """Id and fingerprint of each row; remembers the ids as numbers."""
        self._numbers = array("Q")
        for batch in self.source.batches(KEYS, KEYS_AT_A_TIME):
            ids = batch["id"].to_pylist()
            self._numbers.extend(map(number_of, ids))
            yield from zip(ids, batch["fingerprint"].to_pylist(), strict=True)

    def _rows(self, chunk: Chunk) -> Iterator[pa.RecordBatch]:
        for start in range(chunk.start, chunk.stop, ROWS_AT_A_TIME):
            stop = min(start + ROWS_AT_A_TIME, chunk.stop)
            yield self.source.take(range(start, stop))

    def _remove_others(self, files: set[str]) -> int:
        """Remove files of before, and note what only they had; return how many rows."""
        ours = re.compile(
            rf"{re.escape(self.name)}-[0-9a-f]{{16}}{re.escape(self.format.suffix)}"
        )
        others = sorted(
            path
            for path in self.path.iterdir()
            if ours.fullmatch(path.name) and path.name not in files
        )
        gone = self._gone(others)
        # Only then: a run killed in between finds in them what is to be removed.
        for path in others:
            path.unlink()
        return gone

    def _gone(self, others: Sequence[Path]) -> int:
        """Write what the reader is to remove: what files of before alone have or had.

        Returns how many of it these files had.
        """
        known = np.sort(np.frombuffer(self._numbers, np.uint64))
        gone: set[str] = set()
        for path in others:
            with _reading(path):
                gone.update(_lacking(known, list(self.format.ids(path))))
        number = len(gone)
        if self.format.removals is None:
            return number
        file = self.path / self.format.removals
        if file.exists():
            with _reading(file):
                # Not `splitlines`: ids may have other ends of lines, such as U+2028.
                lines = file.read_text(encoding="utf-8").split("\n")
                before = [self.format.removed(line) for line in lines if line]
            gone.update(_lacking(known, before))
        with written_whole(file) as beside:
            lines = [self.format.removal(one) + "\n" for one in sorted(gone)]
            beside.write_text("".join(lines), encoding="utf-8")
        return number

    def found(self, queries: Sequence[Query], mode: str) -> list[list[str]]:
        """The ids of the first passages of each query, by exact search of the files.

        Raises:
            InputError: the folder is not finished, or a file is missing.
        """
        contents = self._contents()
        if not contents.get("complete"):
            raise InputError(
                "is not finished; load it, without --check", file=self.path
            )

        def blocks() -> Iterator[Vectors]:
            with expecting("load_index.py", self.path / CONTENTS):
                files = [self.path / one["file"] for one in contents["files"]]
            for path in files:
                with _reading(path):
                    yield from self.format.vectors(path)

        return first_of(blocks(), queries, mode)


@contextlib.contextmanager
def _reading(path: Path) -> Iterator[None]:
    """Say in a sentence what is wrong with a file that a load has written.

    Raises:
        InputError: it is missing or damaged.
    """
    try:
        yield
    except FileNotFoundError:
        raise InputError("no such file; load again", file=path) from None
    except (ValueError, KeyError, TypeError, RuntimeError):
        # RuntimeError: a generator wanted one more line (PEP 479).
        reason = "is damaged; remove it and load again"
        raise InputError(reason, file=path) from None


def _lacking(known: np.ndarray, ids: Sequence[str]) -> list[str]:
    """Those whose numbers are not among the known ones, which ascend."""
    numbers = np.fromiter(map(number_of, ids), np.uint64, len(ids))
    lacking = ~np.isin(numbers, known)
    return [one for one, lacks in zip(ids, lacking, strict=True) if lacks]
