"""Mining hard negatives: from texts to negatives, whole commands."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

from arkiv.base.files import read_records
from benchmarks import HERE, ours
from benchmarks.bench import Bench, Result, require
from benchmarks.harness import Limit, Variant
from benchmarks.peers import encoding, settings

WINDOW = (2, 200)
NEGATIVES = 7
QUERY_MAX_LENGTH, PASSAGE_MAX_LENGTH = 256, 8192
METHOD_RUNS = 1  # it is slow
QUERY_BLOCK = 512


def mining(bench: Bench) -> Result:
    """Compare with FlagEmbedding and sentence-transformers, each at its best."""
    passages, queries = bench.size(full=(20_000, 5_000), quick=(400, 100))
    archive, models = bench.made("archive", passages, queries), bench.models()
    bench.warm("FlagEmbedding", "sentence_transformers", "faiss")
    model = models / "embedder"

    own = Variant(
        "arkiv",
        ours.mine(
            archive,
            model,
            window=WINDOW,
            negatives=NEGATIVES,
            query_max_length=QUERY_MAX_LENGTH,
            passage_max_length=PASSAGE_MAX_LENGTH,
        ),
    )

    def peer(name: str, program: str, *more: object) -> Callable[..., Variant]:
        """A function of batch size and processes."""
        command = [
            *(sys.executable, HERE / "peers" / program, "--model", model),
            *("--corpus", archive / "corpus.jsonl", "--pairs", archive / "pairs.jsonl"),
            *("--output", "{out}/negatives.jsonl"),
            *("--window", *WINDOW, "--negatives", NEGATIVES),
            *("--passage-max-length", PASSAGE_MAX_LENGTH, *more),
        ]
        return partial(encoding, name, command, gpu=bench.gpu)

    flag = peer(
        "FlagEmbedding",
        "mine_flagembedding.py",
        *("--query-max-length", QUERY_MAX_LENGTH),
    )
    sentence = peer("sentence-transformers", "mine_sentence_transformers.py")
    tried = settings(quick=bench.quick, gpu=bench.gpu)
    method = flag(1, runs=METHOD_RUNS)
    best = [
        bench.fastest([of(*setting) for setting in tried]) for of in (flag, sentence)
    ]
    variants = [own, method, *best]
    runs = bench.measure(variants)
    check(bench, archive, own, variants)
    return Result(
        f"Mining {NEGATIVES} negatives for each of {queries:,} queries among "
        f"{passages:,} passages of mixed length",
        runs,
        [
            Limit("wall", own.name, (method.name,), 0.6),
            Limit("wall", own.name, tuple(variant.name for variant in best), 0.85),
        ],
        [
            "Every variant found seven different negatives for every query, all of "
            "them, by arkiv's vectors, within the window's ranks."
        ],
    )


def check(bench: Bench, archive: Path, own: Variant, variants: list[Variant]) -> None:
    """See that all negatives of all variants come from the window.

    Judged by the scores of arkiv's vectors. They are float16, and on a GPU so is the
    forward pass: near the window's ends ranks may differ. The window of
    sentence-transformers does not count the one positive, so it may end a rank later.
    """
    import numpy as np

    tolerance = 1e-2 if bench.gpu else 2e-4
    row_of = {
        record["text"]: row
        for row, (_, record) in enumerate(read_records(archive / "corpus.jsonl"))
    }
    pairs = [record for _, record in read_records(archive / "pairs.jsonl")]
    passages = np.load(bench.out(own) / "corpus.npy").astype(np.float32)
    queries = np.load(bench.out(own) / "queries.npy").astype(np.float32)
    chosen = {}
    for variant in variants:
        mined = {
            record["query"]: record["neg"]
            for _, record in read_records(bench.out(variant) / "negatives.jsonl")
        }
        rows = [[row_of[text] for text in mined[pair["query"]]] for pair in pairs]
        for pair, found in zip(pairs, rows, strict=True):
            require(
                len(set(found)) == NEGATIVES and row_of[pair["pos"][0]] not in found,
                f"{variant.name} did not find {NEGATIVES} different negatives for the "
                f"query {pair['query']!r}",
            )
        chosen[variant.name] = np.array(rows)
    first, end = WINDOW
    for start in range(0, len(queries), QUERY_BLOCK):
        scores = queries[start : start + QUERY_BLOCK] @ passages.T
        ranked = -np.sort(-scores, axis=1)
        for name, rows in chosen.items():
            own_scores = np.take_along_axis(
                scores, rows[start : start + QUERY_BLOCK], axis=1
            )
            beyond = np.maximum(
                own_scores - ranked[:, first, None],
                ranked[:, min(end, len(passages) - 1), None] - own_scores,
            ).max()
            require(
                beyond <= tolerance,
                f"{name} took a negative from outside the window: its score is "
                f"{beyond:.4f} beyond those of ranks {first} to {end}",
            )
