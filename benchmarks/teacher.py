"""Teacher scores of query-passage pairs, whole commands."""

from __future__ import annotations

import sys
from functools import partial
from itertools import islice

from arkiv.base.files import read_records, write_records
from benchmarks import HERE, ours
from benchmarks.bench import Bench, Result, require
from benchmarks.harness import Limit, Variant
from benchmarks.peers import encoding, settings

QUERY_MAX_LENGTH, MAX_LENGTH = 256, 8192
METHOD_RUNS = 1  # it is slow


def teacher(bench: Bench) -> Result:
    """Compare with FlagReranker, at batch size 1 and at its best."""
    passages, queries = bench.size(full=(20_000, 5_000), quick=(400, 100))
    rows = bench.size(full=2_000, quick=20)
    archive, models = bench.made("archive", passages, queries), bench.models()
    bench.warm("FlagEmbedding")
    pairs = bench.folder / "data" / f"negatives-{rows}.jsonl"
    read = read_records(archive / "negatives.jsonl")
    write_records(pairs, (record for _, record in islice(read, rows)))
    model = models / "reranker"

    own = Variant(
        "arkiv",
        ours.score(
            pairs, model, query_max_length=QUERY_MAX_LENGTH, max_length=MAX_LENGTH
        ),
    )

    flag = partial(
        encoding,
        "FlagReranker",
        [
            *(sys.executable, HERE / "peers" / "score_flagembedding.py"),
            *("--model", model, "--pairs", pairs),
            *("--output", "{out}/scores.jsonl"),
            *("--query-max-length", QUERY_MAX_LENGTH, "--max-length", MAX_LENGTH),
        ],
        gpu=bench.gpu,
    )
    tried = settings(quick=bench.quick, gpu=bench.gpu)
    method = flag(1, runs=METHOD_RUNS)
    best = bench.fastest([flag(*setting) for setting in tried])
    variants = [own, method, best]
    runs = bench.measure(variants)
    tolerance = 1e-2 if bench.gpu else 1e-4
    greatest = max(greatest_difference(bench, own, peer) for peer in (method, best))
    require(
        greatest <= tolerance,
        f"the scores of arkiv and FlagReranker differ by {greatest:.2g}, more than "
        f"{tolerance}",
    )
    return Result(
        f"Teacher scores of {8 * rows:,} pairs of mixed length",
        runs,
        [
            Limit("wall", own.name, (method.name,), 0.6),
            Limit("wall", own.name, (best.name,), 0.85),
        ],
        [f"The scores of all variants are the same within {greatest:.1g}."],
    )


def greatest_difference(bench: Bench, own: Variant, peer: Variant) -> float:
    """Between the scores of two variants."""
    ours_and_theirs = (
        [
            score
            for _, record in read_records(bench.out(variant) / "scores.jsonl")
            for score in record["pos_scores"] + record["neg_scores"]
        ]
        for variant in (own, peer)
    )
    return max(abs(a - b) for a, b in zip(*ours_and_theirs, strict=True))
