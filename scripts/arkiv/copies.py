"""Near-duplicates of some passages among all passages: every one, in bounded memory.

What shares the part t of two sets' union holds at least t of each set. So of the n
shingles of a passage, put in any order, the first n - ceil(t n) + 1 cannot all be
absent from a near-duplicate (prefix filtering: Chaudhuri, Ganti and Kaushik 2006, "A
primitive operator for similarity joins in data cleaning"). An index of these, the
rarest first, finds the candidates; the shingles themselves decide.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from arkiv.shingles import Shingles, shingles


def copies(
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
    keys, ends, owners = _index(known, jaccard)
    found: list[list[int]] = [[] for _ in wanted]
    for row, text in enumerate(texts):
        own = shingles(text)
        places = np.minimum(np.searchsorted(keys, own), max(len(keys) - 1, 0))
        places = places[keys[places] == own] if len(keys) else places[:0]
        if not len(places):
            continue
        near = np.unique(
            np.concatenate([owners[ends[place] : ends[place + 1]] for place in places])
        )
        overlaps = known.overlaps(own, near)
        for one in near[overlaps >= jaccard]:
            found[one].append(row)
    return found


def _index(
    known: Shingles, jaccard: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Where the shingles that a near-duplicate cannot all lack stand.

    Returns:
        (n,) uint32 the shingles, ascending; (n + 1,) where the passages of each begin;
        and (m,) int64 the passages.
    """
    each = [known.of(row) for row in range(len(known))]
    together = np.concatenate([*each, np.zeros(0, np.uint32)])
    values, counts = np.unique(together, return_counts=True)
    prefixes = []
    for of in each:
        rarity = counts[np.searchsorted(values, of)]
        # A hair less, lest rounding lose the pair that shares just enough.
        least = math.ceil(jaccard * len(of) * (1 - 1e-9))
        size = len(of) - least + 1 if len(of) else 0
        prefixes.append(of[np.argsort(rarity, kind="stable")[:size]])
    owners = np.repeat(np.arange(len(each)), list(map(len, prefixes)))
    listed = np.concatenate([*prefixes, np.zeros(0, np.uint32)])
    order = np.argsort(listed, kind="stable")
    keys, starts = np.unique(listed[order], return_index=True)
    return keys, np.append(starts, len(listed)), owners[order]
