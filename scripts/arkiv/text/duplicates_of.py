"""Near-duplicates of some passages among all passages: every one, in bounded memory.

Two sets that share the part t of their union share at least t of each. So if the
shingles of all passages are put into one order, the first shingle that near-duplicates
share is among the first n - ceil(t n) + 1 of each of them (prefix filtering: Chaudhuri,
Ganti and Kaushik 2006, "A primitive operator for similarity joins in data cleaning").
An index of these finds the candidates; the shingles themselves decide. With the rarest
first, and those that no wanted passage has before all others, most passages have no
candidate.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from arkiv.text.shingles import Shingles, shingles


def duplicates_of(
    wanted: Sequence[str], texts: Iterable[str], jaccard: float, folder: str | Path
) -> list[list[int]]:
    """Of each wanted passage the rows whose text is nearly its own.

    Args:
        wanted: texts of passages. Some bytes a word of them are kept in memory.
        texts: of all passages by row, read once, one at a time.
        jaccard: the share of their word triples, of both together, that makes two
            texts near-duplicates; above 0.
        folder: where there is room for a file.

    Returns:
        rows, ascending, of each wanted text; its own too, if it stands among the texts.
    """
    known = Shingles(wanted, folder)
    index = _Index(known, jaccard)
    found: list[list[int]] = [[] for _ in wanted]
    for row, text in enumerate(texts):
        own = shingles(text)
        near = index.candidates(own)
        overlaps = known.overlaps(own, near)
        for one in near[overlaps >= jaccard]:
            found[one].append(row)
    return found


class _Index:
    """Which passages have a shingle of those that a near-duplicate must have one of."""

    def __init__(self, known: Shingles, jaccard: float) -> None:
        self._jaccard = jaccard
        each = [known.of(row) for row in range(len(known))]
        self._values, counts = np.unique(
            np.concatenate([*each, np.zeros(0, np.uint32)]), return_counts=True
        )
        # Place of each value in the order, the rarest first.
        self._order = np.empty(len(counts), np.int64)
        self._order[np.argsort(counts, kind="stable")] = np.arange(len(counts))
        prefixes = [self._prefix(self._places(of), len(of)) for of in each]
        owners = np.repeat(np.arange(len(each)), list(map(len, prefixes)))
        places = np.concatenate([*prefixes, np.zeros(0, np.int64)])
        by_place = np.argsort(places, kind="stable")
        self._owners = owners[by_place]
        self._starts = np.searchsorted(
            places[by_place], np.arange(len(self._values) + 1)
        )

    def candidates(self, own: np.ndarray) -> np.ndarray:
        """(n,) int64: passages that may be near-duplicates of these shingles."""
        prefix = self._prefix(self._places(own), len(own))
        listed = [
            self._owners[self._starts[place] : self._starts[place + 1]]
            for place in prefix
        ]
        return np.unique(np.concatenate([*listed, np.zeros(0, np.int64)]))

    def _places(self, own: np.ndarray) -> np.ndarray:
        """Where those shingles that are known stand among the values."""
        if not len(self._values):
            return np.zeros(0, np.int64)
        places = np.searchsorted(self._values, own)
        places = np.minimum(places, len(self._values) - 1)
        return places[self._values[places] == own]

    def _prefix(self, places: np.ndarray, size: int) -> np.ndarray:
        """The known ones among the first shingles of a passage that has `size`."""
        # A hair less, lest rounding lose the pair that shares just enough.
        least = math.ceil(self._jaccard * size * (1 - 1e-9))
        if len(places) < max(least, 1):
            return places[:0]
        in_order = places[np.argsort(self._order[places])]
        return in_order[: len(places) - least + 1]
