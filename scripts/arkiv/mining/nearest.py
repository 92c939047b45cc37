"""Exact nearest passages by inner product, the same however the corpus is divided.

A matrix product in float32 rounds differently with the block and the library, so its
order near a tie says nothing. It serves to fetch a few more candidates than asked
for; their scores are then computed in float64, which is *exact* here: the product of
two float16 numbers is a multiple of 2^-48, and a sum of such multiples that stays
below 32 in absolute value (as for L2-normalised vectors) is a float64 in any order of
summation. Rounded to float32 and sorted by (score descending, id), the result is a
pure function of vectors and ids.

How they are fetched is a `Way`: that of faiss stands here, that of torch in
`arkiv.mining.torch_search`; `arkiv.mining.ways` chooses.

The vectors of a part are read block by block and each block is searched for all
queries, which keep the best so far: memory depends on the blocks, not on the part.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import numpy as np

from arkiv.base.errors import InputError
from arkiv.base.files import written_whole
from arkiv.mining.embeddings import blocks_of, load_array, rows_of

# From (n_queries, dim) float32 and k: (n_queries, k) NEIGHBOUR, best first, and row -1
# where there is none.
Shortlist = Callable[[np.ndarray, int], np.ndarray]

# From (n_queries, dim) float16 to what is nearest.
Search = Callable[[np.ndarray], "Found"]
# A search in a part of the corpus, of so many neighbours.
Way = Callable[["CorpusPart", int], Search]

NEIGHBOUR = np.dtype([("row", "<i8"), ("score", "<f4")])
NO_NEIGHBOUR = np.array((-1, -np.inf), dtype=NEIGHBOUR)

# Queries held at once, in float32. The corpus is read once again for each block.
QUERY_BLOCK_BYTES = 1 << 28
# Queries compared in float64 with every passage at once.
EXHAUSTIVE_BLOCK = 256
# How many candidates beyond the depth are fetched: what a tie within the rounding of
# float32 may need. 2048 is the most that faiss finds on a GPU.
EXTRA = 64
MOST_FETCHED = 2048


class CorpusPart(NamedTuple):
    """What is searched: one part of the corpus.

    Attributes:
        embeddings: (n, dim) float16.
        ranks: (n,) `id_ranks` of the part; equal scores are ordered by it.
        first_row: row of the whole corpus at which the part begins.
    """

    embeddings: np.ndarray
    ranks: np.ndarray
    first_row: int = 0


class Found(NamedTuple):
    """What a search gives for each of n queries.

    Attributes:
        nearest: (n, depth) NEIGHBOUR by exact (score descending, id), best first, of
            the passages that were scored exactly; `row` is one of the part, -1 beyond
            its passages.
        beyond: (n,) float32, which no score of another passage exceeds; -inf: there is
            no other.
    """

    nearest: np.ndarray
    beyond: np.ndarray


def id_ranks(ids: Sequence[str]) -> np.ndarray:
    """(n,) int64: the place of each row's id among the sorted ids."""
    ranks = np.empty(len(ids), np.int64)
    ranks[sorted(range(len(ids)), key=ids.__getitem__)] = np.arange(len(ids))
    return ranks


def find_neighbours(
    queries: np.ndarray,
    part: CorpusPart,
    depth: int,
    shortlist: Shortlist | None = None,
    way: Way | None = None,
) -> Iterator[np.ndarray]:
    """Yield the nearest passages of each block of queries, in order.

    Args:
        queries: (n_queries, dim) float16.
        part: of the corpus.
        depth: neighbours per query.
        shortlist: finds passages worth scoring; None: all that may be among the
            nearest, so that the search is exact.
        way: to search exactly; None: by faiss. All give the same.

    Yields:
        (up to a block, depth) NEIGHBOUR, with `row` in the whole corpus; places beyond
        the part's passages have row -1 and score -inf.
    """
    step = rows_of(QUERY_BLOCK_BYTES, queries)
    search = (way or FaissSearch)(part, depth) if shortlist is None else None
    for start in range(0, len(queries), step):
        block = np.asarray(queries[start : start + step])
        if search is None:
            near = shortlist(block.astype(np.float32), _fetched_for(part, depth))
            found = _scored(block, part, near, depth).nearest
        else:
            found = _settled(search(block), block, part, depth)
        found["row"] += np.where(found["row"] >= 0, part.first_row, 0)
        yield found


def _settled(
    given: Found, queries: np.ndarray, part: CorpusPart, depth: int
) -> np.ndarray:
    """(n, depth) NEIGHBOUR of which no other passage could be one."""
    found = given.nearest
    unsettled = np.flatnonzero(found["score"][:, -1] <= given.beyond)
    unsettled = unsettled[given.beyond[unsettled] > -np.inf]
    for place in range(0, len(unsettled), EXHAUSTIVE_BLOCK):
        some = unsettled[place : place + EXHAUSTIVE_BLOCK]
        floors = found["score"][some, -1]
        found[some] = _exhaustive(queries[some], part, depth, floors)
    return found


def gpu_count() -> int:
    """How many GPUs the installed faiss sees."""
    import faiss

    return faiss.get_num_gpus()


class FaissSearch:
    """Search by faiss, on the GPUs that it sees, else on the CPU: a `Way`."""

    def __init__(self, part: CorpusPart, depth: int) -> None:
        self._part, self._depth = part, depth

    def __call__(self, queries: np.ndarray) -> Found:
        fetch = _fetched_for(self._part, self._depth)
        near = _fetched(queries.astype(np.float32), self._part.embeddings, fetch)
        return _scored(queries, self._part, near, self._depth)


def _fetched_for(part: CorpusPart, depth: int) -> int:
    """How many candidates are fetched for so many neighbours."""
    return min(len(part.embeddings), depth + EXTRA, max(depth, MOST_FETCHED))


def _scored(
    queries: np.ndarray, part: CorpusPart, near: np.ndarray, depth: int
) -> Found:
    """The best of (n, fetch) NEIGHBOUR by exact scores; what is beyond, if exact.

    `near` is in the order of float32 scores. Where it has all that an exact search
    fetches, what was not fetched scores at most its last, give or take.
    """
    # An inner product in float32 is off by no more than dim * 2^-24 times the norms,
    # in whatever order it is added up; twice that, and the rounding of our score.
    total, dim = part.embeddings.shape
    margin = np.float32((dim + 2) * 2.0**-23)
    fetch = near.shape[1]
    if fetch > depth:
        # What cannot be among the nearest needs no exact score.
        least = near["score"][:, [depth - 1]] - 2 * margin
        near["row"][near["score"] < least] = -1
    nearest = _rescored(queries, part, near["row"], depth)
    beyond = np.full(len(queries), -np.inf, np.float32)
    if fetch < total:
        beyond = near["score"][:, -1] + margin
    return Found(nearest, beyond)


def _fetched(queries: np.ndarray, embeddings: np.ndarray, fetch: int) -> np.ndarray:
    """(n_queries, fetch) NEIGHBOUR with float32 scores, best first, block by block."""
    import faiss

    found = np.full((len(queries), fetch), NO_NEIGHBOUR)
    gpus = [faiss.StandardGpuResources() for _ in range(gpu_count())]
    for start, block in blocks_of(embeddings):
        scores, rows = _knn(queries, block, min(fetch, len(block)), gpus)
        both = np.concatenate([found, neighbours(rows + start, scores)], axis=1)
        best = np.argpartition(both["score"], both.shape[1] - fetch, axis=1)[:, -fetch:]
        found = np.take_along_axis(both, best, axis=1)
    order = np.argsort(-found["score"], axis=1, kind="stable")
    return np.take_along_axis(found, order, axis=1)


def _knn(
    queries: np.ndarray, block: np.ndarray, k: int, gpus: list
) -> tuple[np.ndarray, np.ndarray]:
    """Scores (n_queries, k) float32 and rows int64 of the best within a block.

    On all GPUs, whose resources faiss has made; without one on the CPU.
    """
    import faiss

    metric = faiss.METRIC_INNER_PRODUCT
    if not gpus or k > MOST_FETCHED:
        return faiss.knn(queries, block.astype(np.float32), k, metric=metric)
    # float16 as it is: the products are exact, and added up in float32.
    halves = queries.astype(np.float16)
    pieces = np.array_split(np.arange(len(block)), min(len(gpus), len(block)))

    def on_gpu(gpu: int, piece: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        part = block[piece[0] : piece[-1] + 1]
        scores, rows = faiss.knn_gpu(
            gpus[gpu], halves, part, min(k, len(part)), metric=metric, device=gpu
        )
        return scores, rows + piece[0]

    with ThreadPoolExecutor(len(gpus)) as pool:
        scores, rows = zip(*pool.map(on_gpu, range(len(gpus)), pieces), strict=True)
    return np.concatenate(scores, axis=1), np.concatenate(rows, axis=1)


def _rescored(
    queries: np.ndarray, part: CorpusPart, rows: np.ndarray, depth: int
) -> np.ndarray:
    """The best of the candidates `rows` (n_queries, k; -1: none) by exact scores."""
    scores = np.full(rows.shape, -np.inf, np.float32)
    ordered = np.argsort(rows, axis=1)
    sorted_rows = np.take_along_axis(rows, ordered, axis=1)
    for start, block in blocks_of(part.embeddings):
        values = block.astype(np.float32)
        first = (sorted_rows < start).sum(axis=1)
        last = (sorted_rows < start + len(block)).sum(axis=1)
        for query in np.flatnonzero(last > first):
            places = ordered[query, first[query] : last[query]]
            vectors = values[rows[query, places] - start].astype(np.float64)
            scores[query, places] = exact_scores(
                vectors @ queries[query].astype(np.float64)
            )
    return _best(neighbours(rows, scores), part.ranks, depth)


def _best(found: np.ndarray, ranks: np.ndarray, depth: int) -> np.ndarray:
    """(n, depth) NEIGHBOUR by (score descending, id) of (n, k), padded with row -1."""
    missing = found["row"] < 0
    ties = np.full(found.shape, len(ranks), np.int64)
    ties[~missing] = ranks[found["row"][~missing]]
    scores = np.where(missing, -np.inf, found["score"])
    order = np.lexsort((ties, -scores), axis=1)[:, :depth]
    best = np.full((len(found), depth), NO_NEIGHBOUR)
    best[:, : order.shape[1]] = np.take_along_axis(found, order, axis=1)
    best[best["row"] < 0] = NO_NEIGHBOUR
    return best


def exact_scores(products: np.ndarray) -> np.ndarray:
    """Sums of products in float64 rounded to the float32 of a score.

    Adding zero turns -0.0, whose sign depends on the order of summation, into 0.0.
    """
    return products.astype(np.float32) + np.float32(0)


def neighbours(rows: np.ndarray, scores: np.ndarray) -> np.ndarray:
    """NEIGHBOUR of rows and their scores, of the same shape."""
    found = np.empty(rows.shape, NEIGHBOUR)
    found["row"], found["score"] = rows, scores
    return found


def _exhaustive(
    queries: np.ndarray, part: CorpusPart, depth: int, floors: np.ndarray
) -> np.ndarray:
    """Compare (n, dim) queries with every passage in float64, in blocks of passages.

    `floors` (n,) are scores that the last neighbour is known to reach (-inf if not).
    """
    found = np.full((len(queries), depth), NO_NEIGHBOUR)
    wide = queries.astype(np.float64)
    for start, block in blocks_of(part.embeddings):
        scores = exact_scores(wide @ block.astype(np.float64).T)
        for query in np.flatnonzero((scores >= floors[:, None]).any(axis=1)):
            hits = np.flatnonzero(scores[query] >= floors[query])
            more = neighbours(start + hits, scores[query, hits])
            both = np.concatenate([found[query], more])
            found[query] = _best(both[None], part.ranks, depth)
            floors[query] = max(floors[query], found["score"][query, -1])
    return found


def write_neighbours(
    path: str | Path, blocks: Iterable[np.ndarray], shape: tuple[int, int]
) -> None:
    """Write what `find_neighbours` yields as one array, whole or not at all."""
    header = {
        "descr": np.lib.format.dtype_to_descr(NEIGHBOUR),
        "fortran_order": False,
        "shape": shape,
    }
    with written_whole(path) as beside, open(beside, "wb") as out:
        np.lib.format.write_array_header_1_0(out, header)
        for block in blocks:
            out.write(block.tobytes())


def load_neighbours(paths: Sequence[str | Path], queries: int) -> list[np.ndarray]:
    """Map the neighbours that were found in each part into memory.

    Raises:
        InputError: as `load_array`; a part without a row for each of the queries, or
            that goes deeper than the first.
    """
    parts = [load_array(path, NEIGHBOUR, 2) for path in paths]
    for path, part in zip(paths, parts, strict=True):
        if len(part) != queries:
            raise InputError(
                f"has {len(part)} rows, but there are {queries} pairs", file=path
            )
        if part.shape[1] != parts[0].shape[1]:
            raise InputError(
                f"goes {part.shape[1]} passages deep, but {paths[0]} goes "
                f"{parts[0].shape[1]}",
                file=path,
            )
    return parts


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
    if np.isnan(everything["score"][rows >= 0]).any():
        raise InputError("hold a score that is NaN", key="neighbours")
    ordered = np.sort(rows, axis=1)
    if ((ordered[:, 1:] == ordered[:, :-1]) & (ordered[:, 1:] >= 0)).any():
        raise InputError(
            "hold one passage twice for a query; is a part given twice?",
            key="neighbours",
        )
    return _best(everything, ranks, depth)
