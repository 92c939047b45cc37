"""Word shingles: how much of their wording two passages share.

A passage that was copied, or transcribed twice, keeps most of its word triples, while
passages on like matters share few. The overlap of two passages is the Jaccard index of
their sets of shingles (Broder, On the resemblance and containment of documents, 1997).
"""

from __future__ import annotations

import tempfile
import zlib
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from arkiv.text.word import WORD

# Words per shingle. One word in ten differing between two transcriptions leaves about
# 0.6 of overlap; longer shingles would leave less.
WORDS = 3
# Any odd constant whose bits are well mixed; this one is the golden ratio's.
MIX = np.uint64(0x9E3779B97F4A7C15)


def shingles(text: str) -> np.ndarray:
    """(n,) uint32, sorted: a hash of each distinct run of three words, case aside.

    A text of fewer words is one shingle; one without words has none.
    """
    words = WORD.findall(text.casefold())
    if not words:
        return np.zeros(0, np.uint32)
    codes = np.fromiter(
        (zlib.crc32(word.encode("utf-8", "surrogatepass")) for word in words),
        np.uint64,
        len(words),
    )
    size = min(WORDS, len(words))
    count = len(words) - size + 1
    hashes = np.zeros(count, np.uint64)
    for place in range(size):
        hashes = (hashes + codes[place : place + count]) * MIX  # modulo 2^64
    return np.unique((hashes >> np.uint64(32)).astype(np.uint32))


class Shingles:
    """The shingles of each passage of a corpus, in a nameless file mapped into memory.

    4 bytes a word: beside a corpus of millions of passages they do not fit in memory.
    """

    def __init__(self, texts: Iterable[str], folder: str | Path) -> None:
        """Hash every text once.

        Args:
            texts: of the passages, by row.
            folder: where there is room for the file; it goes with this object.
        """
        lengths = [0]
        self._file = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115
        for text in texts:
            hashes = shingles(text)
            lengths.append(len(hashes))
            self._file.write(hashes.tobytes())
        self._file.flush()
        self._ends = np.cumsum(lengths)
        self._hashes = np.zeros(0, np.uint32)
        if self._ends[-1]:
            # As a plain array, whose slices cost a fraction of a memmap's.
            self._hashes = np.asarray(np.memmap(self._file, np.uint32, "r"))

    def __len__(self) -> int:
        """Number of passages."""
        return len(self._ends) - 1

    def of(self, row: int) -> np.ndarray:
        """(n,) uint32: the shingles of a row."""
        return self._hashes[self._ends[row] : self._ends[row + 1]]

    def overlaps(self, of: np.ndarray, rows: np.ndarray) -> np.ndarray:
        """(n_rows,) float64: the Jaccard index of one set of shingles with each row's.

        Two passages without a word overlap by 0.
        """
        if not len(rows):
            return np.zeros(0)
        sizes = self._ends[rows + 1] - self._ends[rows]
        together = np.concatenate([self.of(row) for row in rows])
        found = np.concatenate([[0], np.cumsum(np.isin(together, of))])
        ends = np.cumsum(sizes)
        shared = found[ends] - found[ends - sizes]
        return shared / np.maximum(len(of) + sizes - shared, 1)


def jaccards(ones: Sequence[np.ndarray], others: Sequence[np.ndarray]) -> np.ndarray:
    """(n_ones, n_others) float64: the Jaccard index of any two sets of shingles.

    As `Shingles.overlaps` of each of the ones, but hashing each text's shingles once.
    """
    from scipy.sparse import csr_matrix

    every = [*ones, *others]
    sizes = np.array([len(of) for of in every])
    ends = np.concatenate([[0], np.cumsum(sizes)])
    values, columns = np.unique(
        np.concatenate([*every, np.zeros(0, np.uint32)]), return_inverse=True
    )
    shape = len(every), max(len(values), 1)
    sets = csr_matrix((np.ones(len(columns), np.int32), columns, ends), shape)
    count = len(ones)
    shared = (sets[:count] @ sets[count:].T).toarray()
    together = sizes[:count, None] + sizes[None, count:] - shared
    return shared / np.maximum(together, 1)
