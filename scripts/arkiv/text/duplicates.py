"""Near-duplicates among all documents of a dataset, in bounded memory.

Two documents that share most of their word triples have, with high probability, equal
stretches in their MinHash signatures (Broder 1997; locality-sensitive hashing by bands:
Leskovec, Rajaraman and Ullman, Mining of Massive Datasets, chapter 3). Those pairs are
compared by the triples themselves, so nothing is set aside on an estimate.
"""

from __future__ import annotations

import tempfile
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np

from arkiv.text.shingles import Shingles

PERMUTATIONS = 128
SEED = 1
# How likely it may be that a pair which just shares enough is never compared; one that
# shares more is far less likely to go by.
MISSED = 5e-3


def near_duplicates(
    texts: Iterable[str], jaccard: float, folder: str | Path
) -> dict[int, tuple[int, float]]:
    """Rows whose text is nearly that of an earlier row which is none itself.

    Args:
        texts: by row, read once. Some hundred bytes of each are kept in memory; the
            rest is in nameless files.
        jaccard: the share of their word triples, of both together, that makes two
            texts near-duplicates.
        folder: where there is room for the files.

    Returns:
        for each such row the earlier row it is nearest to, and the share.
    """
    shingles = Shingles(texts, folder)
    groups = _groups(shingles, band_width(jaccard), folder)
    kept: list[defaultdict[int, list[int]]] = [defaultdict(list) for _ in groups]
    found: dict[int, tuple[int, float]] = {}
    for row in range(len(shingles)):
        own = [
            (rows, group)
            for rows, of in zip(kept, groups, strict=True)
            if (group := int(of[row])) >= 0
        ]
        near = np.array(sorted({r for rows, group in own for r in rows[group]}), int)
        overlaps = shingles.overlaps(shingles.of(row), near)
        if len(near) and overlaps.max() >= jaccard:
            best = int(overlaps.argmax())
            found[row] = (int(near[best]), float(overlaps[best]))
            continue
        for rows, group in own:
            rows[group].append(row)
    return found


def band_width(jaccard: float) -> int:
    """Values per band: as many as let no more pairs than MISSED go by.

    A band of two rows is equal with the probability jaccard^width.
    """
    return max(
        width
        for width in range(1, PERMUTATIONS + 1)
        if width == 1 or (1 - jaccard**width) ** (PERMUTATIONS // width) <= MISSED
    )


def _groups(shingles: Shingles, width: int, folder: str | Path) -> list[np.ndarray]:
    """For each band (n,) int32: rows of equal signatures have the same number.

    -1 where there is no other row like it.
    """
    count = len(shingles)
    with tempfile.TemporaryFile(dir=folder) as file:
        for signature in _signatures(shingles):
            file.write(signature.tobytes())
        file.flush()
        if not count:
            return []
        signatures = np.memmap(file, np.uint32, "r", shape=(count, PERMUTATIONS))
        return [
            _numbered(signatures[:, band * width : (band + 1) * width])
            for band in range(PERMUTATIONS // width)
        ]


def _signatures(shingles: Shingles) -> Iterator[np.ndarray]:
    """(128,) uint32 of each row; a row without words is like no other."""
    from datasketch import MinHash

    # The triples are hashes already.
    blank = MinHash(PERMUTATIONS, SEED, hashfunc=int, scheme="affine32")
    for row in range(len(shingles)):
        of = shingles.of(row)
        if len(of):
            signature = blank.copy()
            signature.update_batch(of.tolist())
            yield signature.hashvalues.astype(np.uint32)
        else:
            yield np.random.default_rng(row).integers(
                1 << 32, size=PERMUTATIONS, dtype=np.uint32
            )


def _numbered(band: np.ndarray) -> np.ndarray:
    """(n,) int32: a number for each value that occurs twice, -1 for the others."""
    values = np.ascontiguousarray(band).view(np.dtype((np.void, 4 * band.shape[1])))
    _, inverse, counts = np.unique(
        values.reshape(-1), return_inverse=True, return_counts=True
    )
    numbers = np.where(counts > 1, np.arange(len(counts)), -1).astype(np.int32)
    return numbers[inverse.reshape(-1)]
