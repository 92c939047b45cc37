"""Values of differing length by content, such as token weights.

As `arkiv.encode.cache`, but a record of the journal is a key, the number of items, the
items and a checksum; and a segment is the journal as it stands, with a list of where
the items of each key begin in it.
"""

from __future__ import annotations

import os
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from arkiv.base.files import write_array
from arkiv.base.hashing import content_id
from arkiv.encode.cache import KEY_BYTES, Cache

HEAD = np.dtype([("key", f"V{KEY_BYTES}"), ("count", "<u4")])
PLACE = np.dtype([("key", f"V{KEY_BYTES}"), ("start", "<u8"), ("count", "<u4")])
CHECKSUM_BYTES = 4


class RaggedCache(Cache):
    """A `Cache` of values of differing length, in lists instead of arrays.

    Its `value` is the dtype of one item; a value is (n,) of them.
    """

    def _layout(self, value: object) -> tuple[np.dtype, np.dtype]:
        self._item = np.dtype(value)
        return np.dtype([*HEAD.descr, ("item", self._item), ("crc", "<u4")]), PLACE

    def _replay(self) -> None:
        whole = 0
        for key, start, items in self._records():
            self._taken[key] = items
            whole = start + items.nbytes + CHECKSUM_BYTES
        self._file.truncate(whole)
        self._tell_taken()

    def _records(self) -> Iterator[tuple[bytes, int, np.ndarray]]:
        """Of each whole record at the beginning of the journal: its key, where its
        items begin, and the items."""
        left = self._file.seek(0, os.SEEK_END)
        self._file.seek(0)
        start = 0
        while len(raw := self._file.read(HEAD.itemsize)) == HEAD.itemsize:
            head = np.frombuffer(raw, HEAD)[0]
            size = int(head["count"]) * self._item.itemsize
            if size > left:  # damage, not worth the memory
                break
            rest = self._file.read(size + CHECKSUM_BYTES)
            items, checksum = rest[:size], rest[size:]
            if _checksum(raw + items) != checksum:
                break
            start += HEAD.itemsize
            yield head["key"].tobytes(), start, np.frombuffer(items, self._item)
            start += size + CHECKSUM_BYTES

    def _keys(self, listed: np.ndarray) -> np.ndarray:
        return listed["key"]

    def _read(
        self,
        path: Path,
        listed: np.ndarray,
        places: np.ndarray,
        values: list[np.ndarray],
    ) -> None:
        raw = np.memmap(path.with_suffix("").with_suffix(".values"), mode="r")
        for place, row in places:
            start, count = int(listed["start"][place]), int(listed["count"][place])
            stop = start + count * self._item.itemsize
            values[row] = np.frombuffer(raw[start:stop].tobytes(), self._item)

    def taken(self, keys: Sequence[bytes]) -> list[np.ndarray] | None:
        if not all(key in self._taken for key in keys):
            return None
        return [self._taken[key] for key in keys]

    def append(self, keys: Sequence[bytes], values: Sequence[np.ndarray]) -> None:
        if self._file is None:
            return
        written = bytearray()
        for key, value in zip(keys, values, strict=True):
            head = np.zeros((), HEAD)
            head["key"], head["count"] = np.void(key), len(value)
            record = head.tobytes() + np.asarray(value, self._item).tobytes()
            written += record + _checksum(record)
        self._file.write(written)

    def _close_segment(self) -> None:
        # Read, not remembered: without locks another job may have written to it too.
        places = [(key, start, len(items)) for key, start, items in self._records()]
        if not places:
            os.unlink(self._journal)
            return
        listed = np.array(places, PLACE)
        stem = f"{self._journal.stem}-{content_id(listed['key'].tobytes())}"
        # The list last: without it the values are not looked at.
        os.replace(self._journal, self._directory / f"{stem}.values")
        write_array(self._directory / f"{stem}.keys.npy", listed)


def _checksum(raw: bytes) -> bytes:
    return zlib.crc32(raw).to_bytes(CHECKSUM_BYTES, "little")
