"""Exact nearest passages by inner product, the same however the corpus is divided.

A matrix product in float32 rounds differently with the block and the library, so its
order near a tie says nothing. It serves to fetch a few more candidates than asked
for; their scores are then computed in float64, which is *exact* here: the product of
two float16 numbers is a multiple of 2^-48, and a sum of such multiples that stays
below 32 in absolute value (as for L2-normalised vectors) is a float64 in any order of
summation. Rounded to float32 and sorted by (score descending, id), the result is a
pure function of vectors and ids.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from arkiv.errors import InputError

NEIGHBOUR = np.dtype([("row", "<i8"), ("score", "<f4")])
NO_NEIGHBOUR = np.array((-1, -np.inf), dtype=NEIGHBOUR)

QUERY_BLOCK = 256
PASSAGE_BLOCK = 4096
# How many candidates beyond the depth are fetched at first, and how many candidates
# at most before an unsettled query is compared with every passage. 2048 is also the
# most that faiss gives on a GPU.
EXTRA = 64
MOST_FETCHED = 2048
# float16 rounding moves a norm by less than 2^-11.
NORM_TOLERANCE = 0.02


def load_array(path: str | Path, dtype: np.dtype | type, ndim: int) -> np.ndarray:
    """Map a `.npy` file into memory, read-only, checked for type, rank and size.

    Raises:
        InputError: missing, not `.npy`, truncated, or of another type or rank.
    """
    try:
        with open(path, "rb") as file:
            magic = file.read(6)
    except FileNotFoundError:
        raise InputError("no such file", file=path) from None
    except IsADirectoryError:
        raise InputError("is a directory, expected a file", file=path) from None
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
    for start in range(0, len(array), PASSAGE_BLOCK):
        block = array[start : start + PASSAGE_BLOCK].astype(np.float32)
        squares = np.einsum("ij,ij->i", block, block)
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


def id_ranks(ids: Sequence[str]) -> np.ndarray:
    """(n,) int64: the place of each row's id among the sorted ids."""
    ranks = np.empty(len(ids), np.int64)
    ranks[sorted(range(len(ids)), key=ids.__getitem__)] = np.arange(len(ids))
    return ranks


def build_index(embeddings: np.ndarray) -> tuple[Any, int]:
    """A flat faiss index over the GPUs that faiss sees, else in main memory.

    Args:
        embeddings: (n, dim) float16; the index holds them as float32, 4 bytes * n *
            dim, shared out if there are several GPUs.

    Returns:
        The index, and how many GPUs hold it.
    """
    import faiss

    index = faiss.IndexFlatIP(embeddings.shape[1])
    for start in range(0, len(embeddings), PASSAGE_BLOCK):
        index.add(embeddings[start : start + PASSAGE_BLOCK].astype(np.float32))
    gpus = faiss.get_num_gpus() if len(embeddings) else 0
    if gpus:
        # Only a filled index can be shared out: shards take no second `add`. float32
        # on the device too: `useFloat16` would add up in less precision.
        options = faiss.GpuMultipleClonerOptions()
        options.shard = True
        index = faiss.index_cpu_to_all_gpus(index, co=options)
    return index, gpus


def search(
    index: Any,
    queries: np.ndarray,
    embeddings: np.ndarray,
    ranks: np.ndarray,
    depth: int,
    *,
    first_row: int = 0,
) -> Iterator[np.ndarray]:
    """Yield the nearest passages of each block of queries, in order.

    Args:
        index: of `build_index(embeddings)`.
        queries: (n_queries, dim) float16.
        embeddings: (n, dim) float16, one part of the corpus.
        ranks: (n,) `id_ranks` of the part; equal scores are ordered by it.
        depth: neighbours per query.
        first_row: row of the whole corpus at which the part begins.

    Yields:
        (up to QUERY_BLOCK, depth) NEIGHBOUR, with `row` in the whole corpus; places
        beyond the part's passages have row -1 and score -inf.
    """
    total, dim = embeddings.shape
    # An inner product in float32 is off by no more than dim * 2^-24 times the norms,
    # in whatever order it is added up; twice that, and the rounding of our score.
    margin = (dim + 2) * 2.0**-23
    for start in range(0, len(queries), QUERY_BLOCK):
        block = queries[start : start + QUERY_BLOCK].astype(np.float64)
        found = np.full((len(block), depth), NO_NEIGHBOUR)
        unsettled = np.arange(len(block))
        fetch = min(total, depth + EXTRA)
        while len(unsettled) and 0 < fetch <= MOST_FETCHED:
            fetched, rows = index.search(block[unsettled].astype(np.float32), fetch)
            left = []
            for query, candidates, lowest in zip(
                unsettled, rows, fetched[:, -1], strict=True
            ):
                vectors = embeddings[candidates].astype(np.float64)
                scores = _rounded(vectors @ block[query])
                best = _best(candidates, scores, ranks, depth)
                found[query, : len(best)] = best
                # What was not fetched scores at most `lowest`, give or take.
                if fetch < total and not best["score"][-1] > lowest + margin:
                    left.append(query)
            unsettled = np.array(left, np.int64)
            if fetch == min(total, MOST_FETCHED):
                break
            fetch = min(total, 4 * fetch, MOST_FETCHED)
        if len(unsettled):
            found[unsettled] = _exhaustive(
                block[unsettled],
                embeddings,
                ranks,
                depth,
                found["score"][unsettled, -1].copy(),
            )
        found["row"][found["row"] >= 0] += first_row
        yield found


def _rounded(scores: np.ndarray) -> np.ndarray:
    # Adding zero turns -0.0, whose sign depends on the order of summation, into 0.0.
    return scores.astype(np.float32) + np.float32(0)


def _best(
    rows: np.ndarray, scores: np.ndarray, ranks: np.ndarray, depth: int
) -> np.ndarray:
    order = np.lexsort((ranks[rows], -scores))[:depth]
    best = np.empty(len(order), NEIGHBOUR)
    best["row"], best["score"] = rows[order], scores[order]
    return best


def _exhaustive(
    queries: np.ndarray,
    embeddings: np.ndarray,
    ranks: np.ndarray,
    depth: int,
    floors: np.ndarray,
) -> np.ndarray:
    """Compare (n, dim) float64 queries with every passage, in blocks of passages.

    `floors` (n,) are scores that the last neighbour is known to reach (-inf if not).
    """
    found = np.full((len(queries), depth), NO_NEIGHBOUR)
    for start in range(0, len(embeddings), PASSAGE_BLOCK):
        block = embeddings[start : start + PASSAGE_BLOCK].astype(np.float64)
        scores = _rounded(queries @ block.T)
        for query in np.flatnonzero((scores >= floors[:, None]).any(axis=1)):
            hits = np.flatnonzero(scores[query] >= floors[query])
            so_far = found[query][found["row"][query] >= 0]
            best = _best(
                np.concatenate([so_far["row"], start + hits]),
                np.concatenate([so_far["score"], scores[query, hits]]),
                ranks,
                depth,
            )
            found[query, : len(best)] = best
            floors[query] = max(floors[query], found["score"][query, -1])
    return found


def merge_neighbours(
    parts: Sequence[np.ndarray], ranks: np.ndarray, depth: int
) -> np.ndarray:
    """The nearest passages over all parts of a corpus.

    Args:
        parts: (n_queries, k) NEIGHBOUR of each part, rows in the whole corpus.
        ranks: (n_passages,) `id_ranks` of the whole corpus.
        depth: neighbours to keep; right up to the smallest k of the parts.

    Returns:
        (n_queries, depth) NEIGHBOUR by (score descending, id), padded with row -1.

    Raises:
        InputError: a row beyond the corpus or held by two parts, or a NaN score.
    """
    everything = np.concatenate(parts, axis=1)
    rows = everything["row"]
    if rows.size and rows.max() >= len(ranks):
        raise InputError(
            f"hold passage row {rows.max()}, beyond the corpus of {len(ranks)} "
            "passages",
            key="neighbours",
        )
    missing = rows < 0
    ties = np.full(rows.shape, len(ranks), np.int64)
    ties[~missing] = ranks[rows[~missing]]
    scores = np.where(missing, -np.inf, everything["score"])
    if np.isnan(scores).any():
        raise InputError("hold a score that is NaN", key="neighbours")
    order = np.lexsort((ties, -scores), axis=1)
    ties = np.take_along_axis(ties, order, axis=1)
    twice = (ties[:, 1:] == ties[:, :-1]) & (ties[:, 1:] < len(ranks))
    if twice.any():
        raise InputError(
            "hold one passage twice for a query; is a part given twice?",
            key="neighbours",
        )
    order = order[:, :depth]
    merged = np.full((len(everything), depth), NO_NEIGHBOUR)
    merged[:, : order.shape[1]] = np.take_along_axis(everything, order, axis=1)
    merged[merged["row"] < 0] = NO_NEIGHBOUR
    return merged
