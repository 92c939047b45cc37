"""Ids and dense vectors of all passages by row, of which a search looks at hundreds.

Lance takes some 15 µs of a core for each vector that it reads by its row, which would
be most of a search; out of a mapped file hundreds are there in no time. A folder for
each version of the table, whose rows are in it in their order:

    addresses.npy  (n,) uint64, the rows of the table, ascending
    ids.npy        (n,) bytes, their ids in UTF-8
    order.npy      (n,) int64, places of the rows by ascending id
    dense.npy      (n, d) their vectors, as the table has them
"""

from __future__ import annotations

import mmap
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
from numpy.lib import format as npy

from arkiv.base.errors import InputError
from arkiv.base.files import write_array, written_whole

# Of what lies beside the table.
UNREADABLE = "cannot be read ({}); delete it, and run with -R commit_index"
# Bytes of vectors that stay mapped, and of those that come with one that is looked at.
MOST_MAPPED, AROUND = 1 << 28, 1 << 16
# Of some rows: their addresses, ids and vectors.
Batch = tuple[np.ndarray, Sequence[str], np.ndarray]


def write_by_row(
    folder: Path, batches: Iterable[Batch], shape: tuple[int, int], kind: np.dtype
) -> None:
    """Write the folder, whole or not at all; of the vectors a batch is in memory.

    Args:
        folder: to write.
        batches: gives all rows, in the order of their addresses.
        shape: of all vectors.
        kind: their type.
    """
    addresses, ids = [np.zeros(0, np.uint64)], []
    with written_whole(folder) as beside:
        beside.mkdir()
        with written_whole(beside / "dense.npy") as dense, open(dense, "wb") as out:
            header = {"descr": kind.str, "fortran_order": False, "shape": shape}
            npy.write_array_header_1_0(out, header)
            for of_rows, names, vectors in batches:
                addresses.append(of_rows)
                ids += [one.encode() for one in names]
                out.write(np.ascontiguousarray(vectors, kind).data)
        named = np.array(ids, np.bytes_)
        write_array(beside / "addresses.npy", np.concatenate(addresses))
        write_array(beside / "ids.npy", named)
        write_array(beside / "order.npy", np.argsort(named))


class ByRow:
    """A folder that `write_by_row` wrote, mapped. Rows go by their places in it.

    Raises:
        InputError: it is missing or damaged.
    """

    def __init__(self, folder: Path) -> None:
        try:
            self.addresses, self._ids, self._order, dense = (
                np.load(folder / f"{name}.npy", mmap_mode="r")
                for name in ("addresses", "ids", "order", "dense")
            )
            with open(dense.filename, "rb") as file:
                self._mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
            if len({*map(len, (self.addresses, self._ids, self._order, dense))}) > 1:
                raise ValueError("its files are of different numbers of rows")
        except (OSError, ValueError) as error:
            raise InputError(UNREADABLE.format(error), file=folder) from None
        self._dense = np.ndarray(dense.shape, dense.dtype, self._mapped, dense.offset)
        self._looked_at = 0

    def __len__(self) -> int:
        return len(self.addresses)

    def places(self, addresses: np.ndarray) -> np.ndarray:
        """The places of rows with these addresses, which are here, in their order."""
        return np.searchsorted(self.addresses, addresses)

    def places_of(self, ids: Sequence[str]) -> np.ndarray:
        """The places of these ids in their order, without those that are not here."""
        # NumPy takes bytes for the same with a NUL at the end and without.
        asked = np.array(
            [one.encode() for one in ids if not one.endswith("\0")], np.bytes_
        )
        found = np.searchsorted(self._ids, asked, sorter=self._order)
        places = self._order[np.minimum(found, len(self) - 1)] if len(self) else found
        return places[self._ids[places] == asked] if len(self) else places[:0]

    def names(self, places: np.ndarray) -> np.ndarray:
        """(k,) bytes: the ids of rows, ordered as these are."""
        return self._ids[places]

    def ids(self, places: np.ndarray) -> list[str]:
        """The ids of rows."""
        return [one.decode() for one in self.names(places).tolist()]

    def dense(self, places: np.ndarray) -> np.ndarray:
        """(k, d) the vectors of rows, in the type that the table has."""
        found = self._dense[places]
        self._looked_at += len(places)
        if min(len(self._mapped), AROUND * self._looked_at) > MOST_MAPPED:
            # It stays in the system's cache, and is no memory of ours.
            self._mapped.madvise(mmap.MADV_DONTNEED)
            self._looked_at = 0
        return found
