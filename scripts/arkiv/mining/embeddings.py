"""The embeddings of a corpus whose parts lie in files, row by row."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from arkiv.base.errors import InputError
from arkiv.base.files import Part
from arkiv.mining.nearest import load_embeddings


class Vectors:
    """The embeddings of all parts as one (n_passages, dim) array, left on disk.

    Rows are read, not mapped: with the pages around each row that the kernel maps, all
    of the corpus would count as memory before long.
    """

    def __init__(
        self, paths: Sequence[str | Path], queries: str | Path, passages: int
    ) -> None:
        """Map the files into memory and check them.

        Args:
            paths: of all parts, in order, as `embed_corpus` writes them.
            queries: file of the queries' embeddings.
            passages: how many the corpus has.

        Raises:
            InputError: as `arkiv.mining.nearest.load_embeddings`; a part with another
                number of rows than its share of the corpus, or of another dimension.
        """
        self.queries = load_embeddings(queries)
        self._parts = [load_embeddings(path) for path in paths]
        self._files = [open(path, "rb") for path in paths]  # noqa: SIM115
        self._starts = np.zeros(len(paths), np.int64)
        for index, (path, part) in enumerate(zip(paths, self._parts, strict=True)):
            bounds = Part(index + 1, len(paths)).bounds(passages)
            self._starts[index] = bounds.start
            if len(part) != len(bounds):
                raise InputError(
                    f"has {len(part)} rows, but part {index + 1} of {len(paths)} of "
                    f"the corpus has {len(bounds)} passages",
                    file=path,
                )
            if part.shape[1] != self.queries.shape[1]:
                raise InputError(
                    f"has vectors of {part.shape[1]} dimensions, but the queries "
                    f"({queries}) have {self.queries.shape[1]}",
                    file=path,
                )

    def take(self, rows: np.ndarray) -> np.ndarray:
        """(n, dim) float64: the vectors of rows of the whole corpus."""
        size = 2 * self.queries.shape[1]
        parts = np.searchsorted(self._starts, rows, side="right") - 1
        raw = bytearray()
        for index, row in zip(parts.tolist(), rows.tolist(), strict=True):
            place = self._parts[index].offset + size * (row - int(self._starts[index]))
            raw += os.pread(self._files[index].fileno(), size, place)
        taken = np.frombuffer(raw, np.float16).reshape(-1, self.queries.shape[1])
        return taken.astype(np.float64)
