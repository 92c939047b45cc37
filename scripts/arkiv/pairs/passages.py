"""Passages by row, texts left on disk.

A corpus of a million passages does not fit beside everything else in memory, and
mining reads only the few texts that it chooses. So of each passage its id, its text key
and where its line begins are kept.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Hashable, Iterable
from contextlib import AbstractContextManager
from pathlib import Path

import numpy as np

from arkiv.base.errors import InputError
from arkiv.base.files import Record, check_text, open_input, read_records
from arkiv.base.hashing import nfc, text_key


class Passages(AbstractContextManager):
    """The passages of a corpus file, by row; a context manager that holds it open.

    Attributes:
        ids: of each row, all different.
        rows: the row of each id.
        keys: (n_passages,) uint64, `text_key` of each row.
        groups: of each row, as the caller has them made; equal ones are one object.
    """

    def __init__(
        self,
        path: str | Path,
        groups: Callable[[Record], Iterable[Hashable]] = lambda _: (),
    ) -> None:
        """Read the corpus, and of each passage the groups that it lies in.

        Raises:
            InputError: no such file, a line that is not a passage with `id` and
                `text`, or an id that two lines share.
        """
        self.rows: dict[str, int] = {}
        self.groups: list[tuple[Hashable, ...]] = []
        met: dict[tuple[Hashable, ...], tuple[Hashable, ...]] = {}
        keys: list[int] = []

        def check(passage: Record) -> None:
            check_text(passage, "id")
            check_text(passage, "text")
            row = self.rows.setdefault(passage["id"], len(keys))
            if row != len(keys):
                raise InputError(f"is also the id of line {row + 1}", key="id")

        for _, passage in read_records(path, check):
            lies_in = tuple(groups(passage))
            self.groups.append(met.setdefault(lies_in, lies_in))
            keys.append(text_key(passage["text"]))
        self.ids = list(self.rows)
        self.keys = np.array(keys, dtype=np.uint64)
        self._file = open_input(path)
        self._ends = np.cumsum([0, *map(len, self._file)], dtype=np.int64)

    def __len__(self) -> int:
        return len(self.ids)

    def text(self, row: int) -> str:
        """The text of a row, read from the file."""
        start, end = self._ends[row : row + 2]
        self._file.seek(start)
        return nfc(json.loads(self._file.read(end - start))["text"])

    def distinct_rows(self) -> np.ndarray:
        """(n_distinct,) int64: one row for each distinct text key, ordered by key.

        Of several passages with one key, that with the smallest id: neither the order
        of the lines nor the number of copies shows.
        """
        by_id = np.array(sorted(range(len(self)), key=self.ids.__getitem__), np.int64)
        _, first = np.unique(self.keys[by_id], return_index=True)
        return by_id[first]

    def __exit__(self, *_: object) -> None:
        self._file.close()
