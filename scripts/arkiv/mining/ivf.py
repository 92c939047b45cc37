"""Approximate search by inverted lists, for corpora beyond exact search.

Passages are put into lists by k-means; a query is compared with the lists whose centres
are nearest to it. What is found gets exact scores as in `arkiv.mining.nearest`; what is
missed is measured against the exact search on a sample of queries.
"""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np

from arkiv.base.errors import InputError
from arkiv.base.hashing import uniform
from arkiv.mining.embeddings import blocks_of
from arkiv.mining.nearest import (
    CorpusPart,
    Way,
    find_neighbours,
    gpu_count,
    neighbours,
)
from arkiv.mining.ways import imported

# Below this many passages the exact search is as fast.
LEAST_PASSAGES = 10_000
# faiss asks for at least 39 vectors a list to train on, and gains little from more than
# 256.
TRAINED_PER_LIST = 64
# Queries on which recall is measured.
SAMPLE = 200


class InvertedLists:
    """An index of one part: 2 bytes x n x dim, on the GPUs that faiss sees, if any.

    Vectors are kept in float16, as they are, so scores in the lists lose nothing.

    Args:
        embeddings: (n, dim) float16, n at least LEAST_PASSAGES.
        probes: lists compared with each query.
        seed: of the vectors that k-means is trained on.
    """

    def __init__(self, embeddings: np.ndarray, probes: int, seed: int) -> None:
        import faiss

        count, dim = embeddings.shape
        self.lists = round(4 * math.sqrt(count))
        self.probes = min(probes, self.lists)
        wanted = min(count, self.lists * TRAINED_PER_LIST)
        drawn = np.random.default_rng(seed).choice(count, wanted, replace=False)
        drawn.sort()
        quantizer = faiss.IndexFlatIP(dim)
        index = faiss.IndexIVFScalarQuantizer(
            quantizer,
            dim,
            self.lists,
            faiss.ScalarQuantizer.QT_fp16,
            faiss.METRIC_INNER_PRODUCT,
        )
        index.by_residual = False
        index.cp.seed = seed % 2**31
        index.train(
            np.concatenate(
                [
                    block[
                        drawn[(drawn >= start) & (drawn < start + len(block))] - start
                    ]
                    for start, block in blocks_of(embeddings)
                ]
            ).astype(np.float32)
        )
        for _, block in blocks_of(embeddings):
            index.add(block.astype(np.float32))
        index.nprobe = self.probes
        self.gpus = gpu_count()
        if self.gpus:
            options = faiss.GpuMultipleClonerOptions()
            options.shard = True
            index = faiss.index_cpu_to_all_gpus(index, co=options)
        self._index = index

    def __call__(self, queries: np.ndarray, k: int) -> np.ndarray:
        """(n_queries, k) NEIGHBOUR, best first; row -1 where the lists end."""
        scores, rows = self._index.search(queries, k)
        return neighbours(rows, np.where(rows < 0, -np.inf, scores))


def build_lists(embeddings: np.ndarray, probes: int, seed: int) -> InvertedLists | None:
    """The lists of a part, or None where the exact search is as fast.

    Raises:
        InputError: faiss, which makes them, is not installed.
    """
    if imported("faiss") is None:
        raise InputError(
            "is ivf, which needs faiss, and that is not installed here; ask for exact",
            key="index",
        )
    if len(embeddings) < LEAST_PASSAGES:
        return None
    return InvertedLists(embeddings, probes, seed)


def sample_rows(count: int, seed: int) -> np.ndarray:
    """Up to SAMPLE of `count` rows, in order, drawn by the seed."""
    drawn = sorted(range(count), key=lambda row: uniform(seed, "recall", row))
    return np.array(sorted(drawn[:SAMPLE]), np.int64)


def recall(
    found: np.ndarray, queries: np.ndarray, part: CorpusPart, way: Way | None = None
) -> list[float]:
    """Of each query the share of the exact neighbours that was found.

    Args:
        found: (n_queries, depth) NEIGHBOUR of an approximate search of these queries.
        queries: (n_queries, dim) float16.
        part: that was searched.
        way: to search exactly, as `find_neighbours`.
    """
    depth = found.shape[1]
    exact = np.concatenate(list(find_neighbours(queries, part, depth, way=way)))
    shares = []
    for ours, wanted in zip(found["row"], exact["row"], strict=True):
        wanted = wanted[wanted >= 0]
        shares.append(float(np.isin(wanted, ours).mean()) if len(wanted) else 1.0)
    return shares


def recall_report(
    path: str | Path,
    queries: np.ndarray,
    part: CorpusPart,
    lists: InvertedLists | None,
    seed: int,
    way: Way | None = None,
) -> dict:
    """What a search by lists found of what the exact search finds, on a sample.

    Args:
        path: what it found of all queries.
        queries: (n_queries, dim) float16.
        part: that was searched.
        lists: None where the search was exact.
        seed: of the sample.
        way: to search exactly, as `find_neighbours`.
    """
    found = np.load(path, mmap_mode="r")
    rows = sample_rows(len(queries), seed)
    shares = [1.0] * len(rows)
    if lists is not None:
        shares = recall(found[rows], queries[rows], part, way)
    return {
        "recall": float(np.mean(shares)) if shares else 1.0,
        "lowest": min(shares, default=1.0),
        "queries": len(rows),
        "depth": found.shape[1],
        "lists": lists.lists if lists else None,
        "probes": lists.probes if lists else None,
    }
