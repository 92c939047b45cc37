"""Exact search: the neighbours that numpy finds in float64, and how fast."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from unittest.mock import patch

import numpy as np

from arkiv.base.files import Part
from arkiv.mining.nearest import (
    EXTRA,
    NEIGHBOUR,
    CorpusPart,
    Way,
    exact_scores,
    find_neighbours,
    id_ranks,
    merge_neighbours,
    neighbours,
)
from benchmarks.gpu.part import Found, Given
from benchmarks.gpu.timing import seconds_of

SEED = 3
DEPTH = 200
# Times the products alone.
GOAL = 2
RUNS = 3
# Queries of the speed's corpus that are compared with numpy's, before any is timed.
QUERIES = 16
# Passages that numpy has in float64 at once.
BLOCK = 1 << 16


def unit_vectors(count: int, dim: int, device: str, seed: int) -> np.ndarray:
    """(count, dim) float16 of length 1, made on the device."""
    import torch

    generator = torch.Generator(device).manual_seed(seed)
    made = torch.empty(count, dim, dtype=torch.float16, device=device)
    for block in made.split(1 << 16):
        values = torch.randn(block.shape, generator=generator, device=device)
        block.copy_(torch.nn.functional.normalize(values, dim=-1))
    return made.cpu().numpy()


def by_numpy(
    queries: np.ndarray, passages: np.ndarray, ranks: np.ndarray, depth: int
) -> np.ndarray:
    """(n_queries, depth) NEIGHBOUR: every product in float64, sorted."""
    found = np.empty((len(queries), depth), NEIGHBOUR)
    wide = queries.astype(np.float64)
    scores = np.empty((len(queries), len(passages)), np.float32)
    for start in range(0, len(passages), BLOCK):
        block = passages[start : start + BLOCK].astype(np.float64)
        scores[:, start : start + BLOCK] = exact_scores(wide @ block.T)
    for row, of_query in enumerate(scores):
        best = np.lexsort((ranks, -of_query))[:depth]
        found[row] = neighbours(best, of_query[best])
    return found


def by_torch(device: str, shares: int) -> Way:
    """Search by torch in shares of the passages, as on so many devices."""
    import torch

    from arkiv.mining.torch_search import TorchSearch

    # The current one by its number, as the search has it.
    on = torch.empty(0, device=device).device
    return lambda part, depth: TorchSearch(part, depth, [on] * shares)


@contextmanager
def little_memory(device: str, more: int) -> Iterator[None]:
    """Let torch take no more than so many bytes of a GPU beyond what it has."""
    import torch

    if device != "cuda":
        yield
        return
    torch.cuda.empty_cache()
    _, total = torch.cuda.mem_get_info()
    share = (torch.cuda.memory_reserved() + more) / total
    torch.cuda.set_per_process_memory_fraction(share)
    try:
        yield
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0)


def search(given: Given, found: Found) -> None:
    """Neighbours with many ties, of one and of three parts, byte for byte.

    Also by two shares, as of two GPUs, by blocks of passages that do not stay on the
    device, and with memory for a part of the queries alone.
    """
    passages, dim, count = (600, 64, 20) if given.small else (20_000, 1024, 200)
    vectors = unit_vectors(passages, dim, given.device, SEED)
    # Equal vectors score alike, so that the ids decide.
    vectors[passages // 2 :: 3] = vectors[: len(vectors[passages // 2 :: 3])]
    queries = unit_vectors(count, dim, given.device, SEED + 1)
    queries[::4] = vectors[: len(queries[::4])]
    ids = [f"{number * 7919 % passages:08d}" for number in range(passages)]
    expected = by_numpy(queries, vectors, id_ranks(ids), DEPTH)

    def check(what: str, parts: int = 1, shares: int = 1) -> None:
        way, each = by_torch(given.device, shares), []
        for number in range(parts):
            rows = Part(number + 1, parts).bounds(passages)
            held = slice(rows.start, rows.stop)
            part = CorpusPart(vectors[held], id_ranks(ids[held]), rows.start)
            blocks = find_neighbours(queries, part, DEPTH, way=way)
            each.append(np.concatenate(list(blocks)))
        merged = merge_neighbours(each, id_ranks(ids), DEPTH)
        unlike = int((merged != expected).any(axis=1).sum())
        found.check(
            f"search {what}: queries with other neighbours than numpy's",
            unlike,
            at_most=0,
        )

    check("of 1 part")
    check("of 3 parts", parts=3)
    check("by 2 shares", shares=2)
    with patch("arkiv.mining.torch_search.HELD_SHARE", 1e-4):
        check("in blocks of passages")
    with little_memory(given.device, 1 << 28):
        check("short of memory")


def seconds_of_products(
    queries: np.ndarray, passages: np.ndarray, device: str
) -> float:
    """Seconds that the search's products alone take, all vectors on the device."""
    import torch

    from arkiv.mining.torch_search import QUERIES_AT_ONCE, products

    dtype = torch.float16 if device == "cuda" else torch.float32
    there, others = (
        torch.from_numpy(one).to(device, dtype) for one in (queries, passages)
    )

    def multiply() -> None:
        for some in there.split(QUERIES_AT_ONCE):
            products(some, others)

    return seconds_of(multiply, device, warm_up=1, runs=5)


def seconds_of_choice(queries: np.ndarray, passages: np.ndarray, device: str) -> float:
    """Seconds in which candidates are chosen among the products of one round."""
    import torch

    from arkiv.mining.torch_search import QUERIES_AT_ONCE, best_columns, products

    dtype = torch.float16 if device == "cuda" else torch.float32
    made = products(
        *(
            torch.from_numpy(one).to(device, dtype)
            for one in (queries[:QUERIES_AT_ONCE], passages)
        )
    )
    return seconds_of(lambda: best_columns(made, DEPTH + EXTRA), device, 1, RUNS)


def search_speed(given: Given, found: Found) -> None:
    """Seconds of a search by torch, by those of its products alone.

    A corpus in one part is copied to the GPU once and stays there for further queries,
    so a search is timed with that copy and without.
    """
    passages, dim, count = (4000, 64, 40) if given.small else (1_000_000, 1024, 10_000)
    vectors = unit_vectors(passages, dim, given.device, SEED)
    queries = unit_vectors(count, dim, given.device, SEED + 1)
    part = CorpusPart(vectors, np.arange(passages))
    what = f"{count:,} queries in {passages:,} x {dim:,}"
    products = seconds_of_products(queries, vectors, given.device)
    found.measure(f"{what}: products alone", products, "s")
    way = by_torch(given.device, 1)

    def searched(some: np.ndarray) -> np.ndarray:
        return np.concatenate(list(find_neighbours(some, part, DEPTH, way=way)))

    checked = queries[:QUERIES]
    expected = by_numpy(checked, vectors, part.ranks, DEPTH)
    unlike = int((searched(checked) != expected).any(axis=1).sum())
    found.check(f"{what}: queries, of {QUERIES}, unlike numpy's", unlike, at_most=0)
    seconds = seconds_of(lambda: searched(queries), given.device, warm_up=0, runs=RUNS)
    found.measure(f"{what}: {DEPTH} deep, copy of the passages included", seconds, "s")
    found.measure(f"{what}: the same by products alone", seconds / products, "")
    there = way(part, DEPTH)
    seconds = seconds_of(lambda: there(queries), given.device, warm_up=1, runs=RUNS)
    found.measure(f"{what}: {DEPTH} deep, passages on the device", seconds, "s")
    what = f"{what}: passages on the device, by products alone"
    found.measure(what, seconds / products, "", at_most=GOAL)
    seconds = seconds_of_choice(queries, vectors, given.device)
    found.measure("candidates chosen among the products of one round", seconds, "s")
