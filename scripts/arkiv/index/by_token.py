"""Token weights of all passages by token, by which a sparse search takes no scan.

A folder for each version of the table, mapped when it is read, so that memory does not
grow with the corpus: of every token the passages that have it, and how much.

    starts.npy     (vocabulary + 1,) int64, where each token's entries begin
    places.npy     (m,) int32, passages by their place in the table, ascending
    weights.npy    (m,) float32
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import numpy as np
from numpy.lib.format import open_memmap

from arkiv.base.errors import InputError
from arkiv.base.files import write_array, written_whole
from arkiv.index.by_row import UNREADABLE

# Of some passages: how many tokens each has, these tokens and their weights one after
# another.
Batch = tuple[np.ndarray, np.ndarray, np.ndarray]


def write_by_token(
    folder: Path, batches: Callable[[], Iterable[Batch]], vocabulary: int
) -> None:
    """Write the folder, whole or not at all, going through the passages twice.

    In memory is a batch; the entries are placed into files.

    Args:
        folder: to write.
        batches: gives all passages, in the order of the table.
        vocabulary: tokens that there are.
    """
    counts = np.zeros(vocabulary + 1, np.int64)
    for _, tokens, _ in batches():
        counts[1:] += np.bincount(tokens, minlength=vocabulary)
    starts = np.cumsum(counts)
    with written_whole(folder) as beside:
        beside.mkdir()
        write_array(beside / "starts.npy", starts)
        shape = (int(starts[-1]),)
        places = open_memmap(beside / "places.npy", "w+", np.int32, shape)
        weights = open_memmap(beside / "weights.npy", "w+", np.float32, shape)
        _fill(places, weights, starts[:-1].copy(), batches())
        for mapped in (places, weights):
            mapped.flush()


def _fill(
    places: np.ndarray, weights: np.ndarray, free: np.ndarray, batches: Iterable[Batch]
) -> None:
    """Put each entry at the next free place of its token."""
    before = 0
    for lengths, tokens, values in batches:
        order = np.argsort(tokens, kind="stable")
        by_token = tokens[order]
        found, first, counts = np.unique(
            by_token, return_index=True, return_counts=True
        )
        ranks = np.arange(len(by_token)) - np.repeat(first, counts)
        target = free[by_token] + ranks
        rows = np.repeat(np.arange(before, before + len(lengths)), lengths)
        places[target], weights[target] = rows[order], values[order]
        free[found] += counts
        before += len(lengths)


class ByToken:
    """A folder that `write_by_token` wrote, mapped.

    Args:
        folder: see above.
        count: of the passages.

    Raises:
        InputError: it is missing or damaged.
    """

    def __init__(self, folder: Path, count: int) -> None:
        self._count = count
        try:
            self._starts, self._places, self._weights = (
                np.load(folder / f"{name}.npy", mmap_mode="r")
                for name in ("starts", "places", "weights")
            )
        except (OSError, ValueError) as error:
            raise InputError(UNREADABLE.format(error), file=folder) from None

    def scores(self, tokens: np.ndarray, weights: np.ndarray) -> np.ndarray:
        """(n,) float32: products of a query's token weights with those of passages."""
        found = np.zeros(self._count, np.float32)
        for token, places, values in self._entries(tokens):
            found[places] += np.float32(weights[token]) * values
        return found

    def _entries(
        self, tokens: np.ndarray
    ) -> Iterator[tuple[int, np.ndarray, np.ndarray]]:
        for number, token in enumerate(tokens.tolist()):
            part = slice(self._starts[token], self._starts[token + 1])
            yield number, self._places[part], self._weights[part]
