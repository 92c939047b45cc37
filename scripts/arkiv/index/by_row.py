"""Ids and dense vectors of all passages by row, of which a search looks at hundreds.

Lance takes some 15 µs of a core for each vector that it reads by its row, which would
be most of a search; out of a file of their own hundreds are there in no time. A folder
for each version of the table, whose rows are in it in their order:

    addresses.npy  (n,) uint64, the rows of the table, ascending
    ids.npy        (n,) bytes, their ids in UTF-8
    order.npy      (n,) int64, places of the rows by ascending id
    dense.npy      (n, d) their vectors, as the table has them
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from io import FileIO
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.lib import format as npy

from arkiv.base.errors import InputError
from arkiv.base.files import write_array, written_whole

# Of what lies beside the table.
UNREADABLE = "cannot be read ({}); delete it, and run with -R commit_index"
# Bytes of vectors that are mapped; more are read one by one.
MOST_MAPPED = 1 << 28
# Vectors that stand together and are read at once, of which a system has a limit.
READ_AT_ONCE = 1 << 16
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
    """A folder that `write_by_row` wrote, opened. Rows go by their places in it.

    Raises:
        InputError: it is missing or damaged.
    """

    def __init__(self, folder: Path) -> None:
        try:
            self.addresses, self._ids, self._order, dense = (
                np.load(folder / f"{name}.npy", mmap_mode="r")
                for name in ("addresses", "ids", "order", "dense")
            )
            self._file = FileIO(dense.filename)
            if len({*map(len, (self.addresses, self._ids, self._order, dense))}) > 1:
                raise ValueError("its files are of different numbers of rows")
        except (OSError, ValueError) as error:
            raise InputError(UNREADABLE.format(error), file=folder) from None
        # Of a mapped file whole pieces of a system's choosing count as memory.
        self._dense = np.asarray(dense) if dense.nbytes <= MOST_MAPPED else None
        self._shape, self._kind, self._begin = dense.shape, dense.dtype, dense.offset

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
        """(k, d) the vectors of rows, in the type that the table has.

        Raises:
            InputError: the file has become shorter.
        """
        if self._dense is not None:
            return self._dense[places]
        found = np.empty((len(places), self._shape[1]), self._kind)
        size = found.itemsize * self._shape[1]
        cuts = (np.flatnonzero(np.diff(places) != 1) + 1).tolist()
        for first, end in pairwise([0, *cuts, len(places)]):
            for start in range(first, end, READ_AT_ONCE):
                rows = found[start : min(start + READ_AT_ONCE, end)]
                at = self._begin + int(places[start]) * size
                if os.preadv(self._file.fileno(), [rows], at) != rows.nbytes:
                    reason = UNREADABLE.format("it has become shorter")
                    raise InputError(reason, file=self._file.name)
        return found
