"""Embeddings in files: of the queries, and of a corpus in parts, row by row."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from arkiv.base.errors import InputError
from arkiv.base.files import Part, open_input

# Passages held at once, in float32.
PASSAGE_BLOCK_BYTES = 1 << 26
# float16 rounding moves a norm by less than 2^-11.
NORM_TOLERANCE = 0.02


def load_array(path: str | Path, dtype: np.dtype | type, ndim: int) -> np.ndarray:
    """Map a `.npy` file into memory, read-only, checked for type, rank and size.

    Raises:
        InputError: missing, not `.npy`, truncated, or of another type or rank.
    """
    with open_input(path) as file:
        magic = file.read(6)
    if magic != b"\x93NUMPY":
        raise InputError("is not a .npy file", file=path)
    # A hostile header makes numpy raise nearly anything, tokenize.TokenError included.
    try:
        array = np.lib.format.open_memmap(path, mode="r")
    except Exception as error:
        reason = " ".join(str(error).split())
        raise InputError(f"is truncated or damaged ({reason})", file=path) from None
    if array.dtype != dtype:
        raise InputError(f"holds {array.dtype}, expected {np.dtype(dtype)}", file=path)
    if array.ndim != ndim:
        raise InputError(f"has {array.ndim} dimension(s), expected {ndim}", file=path)
    return array


def load_embeddings(path: str | Path) -> np.ndarray:
    """Map embeddings into memory: (n, dim) float16, L2-normalised.

    Raises:
        InputError: as `load_array`, or naming the first row (from 0) that holds NaN or
            infinity or is not of length 1.
    """
    array = load_array(path, np.float16, 2)
    for start, block in blocks_of(array):
        values = block.astype(np.float32)
        squares = np.einsum("ij,ij->i", values, values)
        wrong = np.flatnonzero(~(np.abs(np.sqrt(squares) - 1) <= NORM_TOLERANCE))
        if len(wrong):
            row, square = start + wrong[0], squares[wrong[0]]
            if not np.isfinite(square):
                raise InputError(f"row {row} holds NaN or infinity", file=path)
            raise InputError(
                f"row {row} has length {np.sqrt(square):.3f}, expected L2-normalised "
                "vectors",
                file=path,
            )
    return array


def blocks_of(embeddings: np.ndarray) -> Iterator[tuple[int, np.ndarray]]:
    """Yield the first row and the vectors (n, dim) float16 of each block."""
    count = len(embeddings)
    step = rows_of(PASSAGE_BLOCK_BYTES, embeddings)
    for start in range(0, count, step):
        block = embeddings[start : start + step]
        if isinstance(embeddings, np.memmap):
            block = np.empty(block.shape, embeddings.dtype)
            read_rows(embeddings, start, block)
        yield start, block


def rows_of(memory: int, embeddings: np.ndarray) -> int:
    """How many rows fit into so many bytes in float32, at least one."""
    return max(1, memory // (4 * max(1, embeddings.shape[1])))


def read_rows(embeddings: np.ndarray, start: int, out: np.ndarray) -> None:
    """Fill (n, dim) float16 with the rows from one on.

    Those of a file are read, not mapped: mapped pages count as memory of the process.

    Raises:
        InputError: the file has become shorter.
    """
    if not isinstance(embeddings, np.memmap):
        out[...] = embeddings[start : start + len(out)]
        return
    path = embeddings.filename
    with open_input(path) as file:
        file.seek(embeddings.offset + start * embeddings.strides[0])
        read = file.readinto(out.reshape(-1).view(np.uint8))
    if read < out.nbytes:
        raise InputError("was cut short", file=path)


def check_dimensions(
    part: np.ndarray, path: str | Path, queries: np.ndarray, of_queries: str | Path
) -> None:
    """Refuse vectors of passages, (n, dim) in a file, not of the queries' length."""
    if part.shape[1] != queries.shape[1]:
        raise InputError(
            f"has vectors of {part.shape[1]} dimensions, but the queries "
            f"({of_queries}) have {queries.shape[1]}",
            file=path,
        )


class CorpusEmbeddings:
    """The embeddings of all parts as one (n_passages, dim) array, left on disk.

    Rows are read, not mapped: with the pages around each row that the kernel maps, all
    of the corpus would count as memory before long.
    """

    def __init__(
        self,
        paths: Sequence[str | Path],
        queries: str | Path,
        passages: int,
        pairs: int,
    ) -> None:
        """Map the files of all parts, in order, and of the queries; check them.

        Args:
            paths: of the parts.
            queries: a row for each pair.
            passages: how many the corpus has.
            pairs: how many there are.

        Raises:
            InputError: as `load_embeddings` and `check_dimensions`; a part with
                another number of rows than its share of the corpus, or queries with
                another than there are pairs.
        """
        self.queries = load_embeddings(queries)
        if len(self.queries) != pairs:
            raise InputError(
                f"has {len(self.queries)} rows, but there are {pairs} pairs",
                file=queries,
            )
        self._parts = [load_embeddings(path) for path in paths]
        self._files = [open(path, "rb") for path in paths]  # noqa: SIM115
        self._starts: list[int] = []
        for number, (path, part) in enumerate(zip(paths, self._parts, strict=True), 1):
            bounds = Part(number, len(paths)).bounds(passages)
            self._starts.append(bounds.start)
            if len(part) != len(bounds):
                raise InputError(
                    f"has {len(part)} rows, but part {number} of {len(paths)} of "
                    f"the corpus has {len(bounds)} passages",
                    file=path,
                )
            check_dimensions(part, path, self.queries, queries)

    def take(self, rows: np.ndarray) -> np.ndarray:
        """(n, dim) float64: the vectors of rows of the whole corpus."""
        size = 2 * self.queries.shape[1]
        parts = np.searchsorted(self._starts, rows, side="right") - 1
        raw = bytearray()
        for index, row in zip(parts.tolist(), rows.tolist(), strict=True):
            place = self._parts[index].offset + size * (row - self._starts[index])
            raw += os.pread(self._files[index].fileno(), size, place)
        taken = np.frombuffer(raw, np.float16).reshape(-1, self.queries.shape[1])
        return taken.astype(np.float64)
