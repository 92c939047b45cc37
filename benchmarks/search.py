"""Searching a large corpus and merging its parts, with vectors that are ready."""

from __future__ import annotations

import sys
from pathlib import Path

from benchmarks import HERE, ROOT, ours
from benchmarks.bench import Bench, Result, require
from benchmarks.harness import Limit, Variant

DEPTH = 200
# Inner products of unit vectors, added up in float32 by the peer.
TOLERANCE = 1e-5


def search(bench: Bench) -> Result:
    """Compare with one flat faiss index that holds the whole corpus."""
    passages, queries, dim = bench.size(
        full=(200_000, 5_000, 1_024), quick=(2_000, 100, 64)
    )
    made = bench.made("vectors", passages, queries, dim, ours.PARTS)
    twice = bench.made("vectors", 2 * passages, queries, dim, ours.PARTS)
    bench.warm("faiss")

    here = {"PYTHONPATH": str(ROOT)}
    own = Variant("arkiv", ours.search(made, depth=DEPTH, together=True), None, here)
    # How memory grows: whether the peaks of two processes fall together is chance.
    single, doubled = (
        Variant(name, ours.search(vectors, depth=DEPTH, together=False), 1, here)
        for name, vectors in (
            ("arkiv, one part at a time", made),
            ("arkiv, likewise, twice the passages", twice),
        )
    )
    faiss = Variant(
        "faiss, one flat index",
        [
            [
                *(sys.executable, str(HERE / "peers" / "search_faiss.py")),
                *("--queries", str(made / "queries.npy"), "--embeddings"),
                *(str(made / f"part-{part}.npy") for part in ours.parts()),
                *("--depth", str(DEPTH), "--output", "{out}/found.npz"),
            ]
        ],
    )
    runs = bench.measure([own, faiss, single, doubled])
    return Result(
        f"Searching {passages:,} random vectors of {dim:,} dimensions in "
        f"{ours.PARTS} parts for {queries:,} queries, {DEPTH} deep, and merging",
        runs,
        [
            Limit("wall", own.name, (faiss.name,), 1.3),
            Limit("memory", own.name, (), 1_200),
            Limit("memory", doubled.name, (single.name,), 1.1),
        ],
        [check(bench.out(own), bench.out(faiss) / "found.npz")],
    )


def check(own: Path, found: Path) -> str:
    """See that arkiv's merged neighbours are faiss's, up to ties.

    Raises:
        BenchmarkError: they are not.
    """
    import numpy as np

    merged = np.load(own / "merged.npy")
    peer = np.load(found)
    apart = float(np.abs(merged["score"] - peer["scores"]).max())
    require(
        apart <= TOLERANCE,
        f"the scores of arkiv and faiss differ by {apart:.2g}, more than {TOLERANCE}",
    )
    other = 0
    for ours_row, rows, scores in zip(
        merged, peer["rows"], peer["scores"], strict=True
    ):
        strange = ours_row[~np.isin(ours_row["row"], rows)]
        other += len(strange)
        require(
            bool((strange["score"] <= scores[-1] + TOLERANCE).all()),
            "arkiv found passages that faiss did not and that are no ties",
        )
    return (
        f"arkiv's neighbours are faiss's: scores within {apart:.1g}, and all but "
        f"{other} ties at the last rank of {merged.size:,} passages the same."
    )
