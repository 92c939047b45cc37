"""Passages by row, texts left on disk; and the marks by which texts are known again.

A corpus of a million passages does not fit beside everything else in memory, and
mining reads only the few texts that it chooses. So one reading of the file keeps, per
passage, its id, its text key and where its line begins.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Hashable, Iterable, Iterator
from pathlib import Path
from types import TracebackType

import numpy as np

from arkiv.base.errors import InputError
from arkiv.base.files import Record, check_text, parse_record
from arkiv.base.hashing import content_id

TEXTS = ("pos", "neg")


def text_key(text: str) -> int:
    """64 bits that are equal for texts that differ in white space and case alone."""
    return int(content_id(" ".join(text.split()).casefold()), 16)


def with_missing_ids(record: Record) -> Record:
    """The pair with `id`, `pos_ids` and, where it has `neg`, `neg_ids`.

    Ids that are there are kept; missing ones are content hashes of the texts.

    Raises:
        InputError: ids that are not texts, or not one for each text.
    """
    pair = dict(record)
    if pair.get("id") is None:
        pair["id"] = content_id(pair["query"])
    check_text(pair, "id")
    for texts in TEXTS:
        if texts not in pair:
            continue
        key = f"{texts}_ids"
        if pair.get(key) is None:
            pair[key] = [content_id(text) for text in pair[texts]]
        ids = pair[key]
        if not isinstance(ids, list) or not all(isinstance(name, str) for name in ids):
            raise InputError("is not a list of texts", key=key)
        if len(ids) != len(pair[texts]):
            raise InputError(
                f"holds {len(ids)} ids for {len(pair[texts])} texts of `{texts}`",
                key=key,
            )
    return pair


class Passages:
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
        """Read the corpus once.

        Args:
            path: the corpus.
            groups: the groups that a passage lies in.

        Raises:
            InputError: no such file, a line that is not a passage with `id` and
                `text`, or an id that two lines share.
        """
        self.path = Path(path)
        self.ids: list[str] = []
        self.rows: dict[str, int] = {}
        self.groups: list[tuple[Hashable, ...]] = []
        met: dict[tuple[Hashable, ...], tuple[Hashable, ...]] = {}
        keys: list[int] = []
        lengths: list[int] = []
        try:
            self._file = open(self.path, "rb")  # noqa: SIM115
        except FileNotFoundError:
            raise InputError("no such file", file=path) from None
        except IsADirectoryError:
            raise InputError("is a directory, expected a file", file=path) from None
        try:
            for row, raw in enumerate(self._file):
                passage = self._parse(raw, row + 1)
                name = sys.intern(passage["id"])
                if self.rows.setdefault(name, row) != row:
                    raise InputError(
                        f"is also the id of line {self.rows[name] + 1}",
                        file=path,
                        line=row + 1,
                        key="id",
                    )
                self.ids.append(name)
                lies_in = tuple(groups(passage))
                self.groups.append(met.setdefault(lies_in, lies_in))
                keys.append(text_key(passage["text"]))
                lengths.append(len(raw))
        except BaseException:
            self._file.close()
            raise
        self.keys = np.array(keys, dtype=np.uint64)
        self._offsets = np.concatenate([[0], np.cumsum(lengths, dtype=np.int64)])

    def _parse(self, raw: bytes, line: int) -> Record:
        try:
            passage = parse_record(raw)
            check_text(passage, "id")
            check_text(passage, "text")
        except InputError as fault:
            raise InputError(
                fault.reason, file=self.path, line=line, key=fault.key
            ) from None
        return passage

    def __len__(self) -> int:
        return len(self.ids)

    def text(self, row: int) -> str:
        """The text of a row, read from the file."""
        self._file.seek(self._offsets[row])
        raw = self._file.read(self._offsets[row + 1] - self._offsets[row])
        return self._parse(raw, row + 1)["text"]

    def texts(self) -> Iterator[str]:
        """The texts by row, read from the file one after the other."""
        return map(self.text, range(len(self)))

    def distinct_rows(self) -> np.ndarray:
        """(n_distinct,) int64: one row for each distinct text key, ordered by key.

        Of several passages with one key, that with the smallest id: neither the order
        of the lines nor the number of copies shows.
        """
        by_id = np.array(sorted(range(len(self)), key=self.ids.__getitem__), np.int64)
        _, first = np.unique(self.keys[by_id], return_index=True)
        return by_id[first]

    def __enter__(self) -> Passages:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._file.close()
