"""Exact search: the neighbours that numpy finds in float64, and how fast."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from unittest.mock import patch

import numpy as np

from arkiv.base.files import Part
from arkiv.mining.nearest import (
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
from benchmarks.gpu.timing import seconds_of, wait

SEED = 3
DEPTH = 200
# Passages whose products with all queries are made at once, of those alone.
BLOCK = 1 << 15


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
    wide = passages.astype(np.float64)
    for row, query in enumerate(queries):
        scores = exact_scores(wide @ query.astype(np.float64))
        best = np.lexsort((ranks, -scores))[:depth]
        found[row] = neighbours(best, scores[best])
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
    """Seconds that the products alone take, in float16, all vectors on the device."""
    import torch

    there = torch.from_numpy(queries).to(device)
    blocks = torch.from_numpy(passages).to(device).split(BLOCK)
    out = torch.empty(len(there), BLOCK, dtype=there.dtype, device=device)

    def multiply() -> None:
        for block in blocks:
            torch.mm(there, block.T, out=out[:, : len(block)])

    return seconds_of(multiply, device, warm_up=1, runs=5)


def search_speed(given: Given, found: Found) -> None:
    """Seconds of a whole search, by those of its products alone."""
    import torch

    passages, dim, count = (4000, 64, 40) if given.small else (1_000_000, 1024, 10_000)
    vectors = unit_vectors(passages, dim, given.device, SEED)
    queries = unit_vectors(count, dim, given.device, SEED + 1)
    what = f"{count:,} queries in {passages:,} x {dim:,}"
    products = seconds_of_products(queries, vectors, given.device)
    found.measure(f"{what}: products alone", products, "s")
    copying = seconds_of(
        lambda: torch.from_numpy(vectors).to(given.device), given.device, 1, 3
    )
    found.measure(f"{what}: copy of the corpus to the device", copying, "s")
    part = CorpusPart(vectors, np.arange(passages))
    way = by_torch(given.device, 1)
    wait(given.device)
    whole = seconds_of(
        lambda: list(find_neighbours(queries, part, DEPTH, way=way)),
        *(given.device, 1, 3),
    )
    found.measure(f"{what}: search, {DEPTH} deep, with copying", whole, "s")
    held = way(part, DEPTH)
    again = seconds_of(lambda: held(queries), given.device, 1, 5)
    found.measure(f"{what}: search of passages on the device", again, "s")
    found.measure(f"{what}: search by products", again / products, "", at_most=2)
