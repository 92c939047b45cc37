"""Computed vectors and scores by content, so that none is computed twice.

A job appends each batch of values to its *journal* as it is computed. If it is killed,
the next try takes them from there. A job that ends well turns its journal into a
*segment*, two `.npy` files, which every later job of the same settings reads: another
part, another dataset that shares texts with this one, the same dataset grown.

What a value depends on (model, lengths, precision, the version of its computation) is
hashed into the name of the directory; a value of other settings is never taken. The
directory can be deleted at any time.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import logging
import os
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np

from arkiv.base.files import write_array
from arkiv.base.hashing import content_digest, content_id, digest_of_files

log = logging.getLogger("arkiv.encode.cache")

KEY_BYTES = 16

# Of each kind of computation; a change of code that moves its values raises its number,
# and values of the old one are not taken any more. The test of golden values fails
# where values move and the number does not.
VERSIONS = {
    "dense": 1,
    "sparse": 1,
    "multi_vector": 1,
    "late_interaction": 1,
    "cross_encoder": 1,
}


def key(*texts: str) -> bytes:
    """16 bytes for a text, or for a pair of texts."""
    return content_digest(texts, KEY_BYTES)


class Cache:
    """Values of one job by key; a context manager.

    Args:
        directory: where all values of a kind lie, of whatever settings; None: nothing
            is kept.
        job: name of the job, the same when it is tried again.
        model: the model's directory; its content is one of the settings.
        kind: of VERSIONS, what computes the values.
        settings: everything else that a value depends on.
        value: dtype of one value, such as `("<f2", (1024,))`.
    """

    def __init__(
        self,
        directory: str | Path | None,
        job: str,
        *,
        model: Path,
        kind: str,
        settings: Mapping[str, object],
        value: object,
    ) -> None:
        self._record, self._listed = self._layout(value)
        self._file = None
        self._taken: dict[bytes, np.ndarray] = {}
        self._segments: list[tuple[Path, np.ndarray]] = []
        self._directory: Path | None = None
        if directory is None:
            return
        everything = {
            "model": digest_of_files(model),
            "kind": kind,
            "version": VERSIONS[kind],
            "settings": dict(settings),
            "value": str(self._record),
        }
        name = content_id(json.dumps(everything, sort_keys=True))
        self._directory = Path(directory) / name
        self._journal = self._directory / f"{content_id(job)}.journal"

    def _layout(self, value: object) -> tuple[np.dtype, np.dtype]:
        """Of a record of the journal, and of what a segment lists its keys by."""
        record = np.dtype([("key", f"V{KEY_BYTES}"), ("value", value), ("crc", "<u4")])
        return record, record["key"]

    def __enter__(self) -> Self:
        if self._directory is None:
            return self
        self._directory.mkdir(parents=True, exist_ok=True)
        for path in sorted(self._directory.glob("*.keys.npy")):
            with contextlib.suppress(OSError, ValueError):
                keys = np.load(path, allow_pickle=False)
                if keys.dtype == self._listed:
                    self._segments.append((path, keys))
        # Unbuffered: what was appended is with the kernel when the job is killed.
        file = open(self._journal, "a+b", buffering=0)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            log.warning("%s: another job writes it; going on without", self._journal)
            file.close()
            return self
        except OSError:
            pass  # a filesystem without locks; checksums find what two writers mixed
        self._file = file
        self._replay()
        return self

    def _replay(self) -> None:
        """Take the whole records of a journal that a killed job left; cut the rest."""
        self._file.seek(0)
        size = self._record.itemsize
        whole = 0
        while len(raw := self._file.read(size)) == size:
            record = np.frombuffer(raw, self._record)[0]
            if zlib.crc32(raw[:-4]) != record["crc"]:
                break
            self._taken[record["key"].tobytes()] = record["value"]
            whole += size
        self._file.truncate(whole)
        self._tell_taken()

    def _tell_taken(self) -> None:
        if self._taken:
            log.info("%s: %d values taken", self._journal, len(self._taken))

    def fill(self, keys: Sequence[bytes], values: Any) -> list[int]:
        """Fill in the values, (n, …), of finished jobs; return the rows that have none.

        No key is there twice.
        """
        rows = {key: row for row, key in enumerate(keys)}
        for path, known in self._segments:
            places = [
                (place, row)
                for place, found in enumerate(map(bytes, self._keys(known)))
                if (row := rows.pop(found, None)) is not None
            ]
            if places:
                self._read(path, known, np.array(places), values)
        if len(rows) < len(keys):
            log.info("%d of %d values known", len(keys) - len(rows), len(keys))
        return sorted(rows.values())

    def _keys(self, listed: np.ndarray) -> np.ndarray:
        return listed

    def _read(
        self, path: Path, listed: np.ndarray, places: np.ndarray, values: Any
    ) -> None:
        """Fill in values of a segment, of pairs of a place in its list and a row."""
        path = path.with_name(path.name.replace(".keys.", ".values."))
        values[places[:, 1]] = np.load(path, mmap_mode="r")[places[:, 0]]

    def taken(self, keys: Sequence[bytes]) -> Any | None:
        """The values of a batch, (n, …), if the journal has them all.

        A batch that it has in part is computed anew as a whole: so a job that was
        killed gives the bytes of one that was not.
        """
        if not all(key in self._taken for key in keys):
            return None
        return np.stack([self._taken[key] for key in keys])

    def append(self, keys: Sequence[bytes], values: Any) -> None:
        """Append the values of a batch to the journal."""
        if self._file is None:
            return
        records = np.zeros(len(keys), self._record)
        records["key"] = np.frombuffer(b"".join(keys), self._record["key"])
        records["value"] = np.asarray(values)
        for record in records:
            record["crc"] = zlib.crc32(record.tobytes()[:-4])
        self._file.write(records.tobytes())

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if self._file is None:
            return
        if kind is None:
            self._close_segment()
        self._file.close()

    def _close_segment(self) -> None:
        if os.path.getsize(self._journal):
            records = np.memmap(self._journal, self._record, mode="r")
            stem = f"{self._journal.stem}-{content_id(records['key'].tobytes())}"
            # The keys last: without them the values are not looked at.
            for part in ("value", "key"):
                path = self._directory / f"{stem}.{part}s.npy"
                write_array(path, records[part])
        os.unlink(self._journal)
