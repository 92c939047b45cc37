"""Evaluating by all of M3's modes, and its scoring step against nested loops."""

from __future__ import annotations

from pathlib import Path

from benchmarks import ours
from benchmarks.bench import Bench, Result, require
from benchmarks.harness import Limit, Run, Variant
from benchmarks.scoring import ALONE, in_its_own_process

# As the pipeline's defaults: what late interaction re-ranks.
RERANK_DEPTH = 100
# The share of the loops' time that the scoring step may take.
SHARE = 0.01
# Of scores in float32, added up in another order.
TOLERANCE = 1e-4
WHOLE, STEP, EVERY_PAIR, LOOPS = (
    "arkiv, all modes, encoding included",
    "arkiv, scoring step",
    "arkiv, scoring step, late interaction of every pair",
    "nested loops over FlagEmbedding's scores",
)


def evaluation(bench: Bench) -> Result:
    """Measure whole commands on a large collection, then the step alone on a small.

    In the step imports, loading and encoding do not count; its memory is the most that
    its process has held, with all encodings in memory.
    """
    passages, queries = bench.size(full=(20_000, 1_000), quick=(300, 20))
    few, asked = bench.size(full=(2_000, 300), quick=(200, 10))
    model = bench.models() / "embedder"
    bench.warm("torch", "transformers", "scipy.sparse")
    collection = bench.made("collection", passages, queries)
    commands = ours.evaluate(collection, model, rerank_depth=RERANK_DEPTH)
    whole = bench.measure([Variant(WHOLE, commands, 1)])

    small = bench.made("collection", few, asked)
    files = {
        name: bench.folder / f"{n}.npz"
        for n, name in enumerate((STEP, EVERY_PAIR, LOOPS))
    }
    runs: dict[str, list[Run]] = {}
    seconds: dict[str, dict[str, float]] = {}
    for number in range(bench.runs):
        for name, kind, depth in (
            (STEP, "arkiv", RERANK_DEPTH),
            (EVERY_PAIR, "arkiv", None),
            (LOOPS, "loops", None),
        ):
            if name == LOOPS and number:
                continue
            found = in_its_own_process(
                kind,
                collection=small,
                model=model,
                rerank_depth=depth,
                output=files[name],
            )
            step = sum(found["seconds"].values())
            runs.setdefault(name, []).append(Run(step, found["cpu"], found["peak_mb"]))
            seconds[name] = found["seconds"]
    ratios = ", ".join(
        f"{mode} {seconds[LOOPS][mode] / seconds[EVERY_PAIR][mode]:,.0f}"
        for mode in ALONE
    )
    return Result(
        f"Ranking {passages:,} passages for {queries:,} queries by all of M3's modes; "
        f"and the scoring step alone, by all scores of {asked:,} "
        f"queries and {few:,} passages",
        runs | whole,
        [
            Limit("memory", WHOLE, (), 3_000),
            Limit("wall", STEP, (LOOPS,), SHARE),
        ],
        [
            check(*files.values()),
            f"Score by score of every pair, the loops take so many times as long: "
            f"{ratios} (last run of each).",
        ],
    )


def check(step: Path, every_pair: Path, loops: Path) -> str:
    """See that all scores are the same; say how alike the rankings are.

    Raises:
        BenchmarkError: they are not.
    """
    import numpy as np

    found = [np.load(path) for path in (step, every_pair, loops)]
    apart = 0.0
    for mode in ALONE:
        for own in found[:2]:
            # Not a number: what is not re-ranked has no score of that kind.
            known = ~np.isnan(own[mode])
            difference = np.abs(own[mode] - found[2][mode])[known]
            apart = max(apart, float(difference.max()))
    require(apart <= TOLERANCE, f"scores differ by {apart:.2g}, more than {TOLERANCE}")
    known = ~np.isnan(found[0]["multi_vector"])
    require(
        bool((known.sum(axis=1) == min(RERANK_DEPTH, known.shape[1])).all()),
        "the step did not re-rank as many passages as it should",
    )
    late = found[2]["multi_vector"]
    first = np.argsort(-late, axis=1, kind="stable")[:, :10]
    among = np.take_along_axis(known, first, axis=1).mean()
    return (
        f"All scores are the same within {apart:.1g}. The scoring step has late "
        f"interaction of the first {RERANK_DEPTH} passages by dense score, as the "
        f"pipeline does; of the loops' first ten by late interaction {among:.0%} are "
        "among them."
    )
