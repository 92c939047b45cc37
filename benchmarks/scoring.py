"""The scoring step of an evaluation by all of M3's scores: ours, and nested loops.

The loops go over queries and passages and score each pair by itself, as the method's
own evaluation does, with FlagEmbedding's functions. Both get the same encodings, ready
in memory, and score every pair, or with --rerank-depth by late interaction only what
the pipeline would re-rank. A kind has a process of its own.

    python -m benchmarks.scoring --kind arkiv --collection DIR --model DIR --output NPZ
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from arkiv.encode.settings import MODES
from benchmarks import ROOT
from benchmarks.train_step import peak_mb

KINDS = ("arkiv", "loops")
# What scores pairs one by one; the last one is made of these.
ALONE = MODES[:-1]
QUERY_LENGTH, PASSAGE_LENGTH = 256, 8192


def encoded(collection: Path, model: Path) -> tuple[Any, Any]:
    """The queries and the passages, each `Encoded` with everything."""
    from arkiv.encode.encoder import Encoder
    from arkiv.encode.m3 import M3
    from arkiv.retrieve.collection import read_ordered

    sides = []
    for name, key, side, length in (
        ("queries", "query", "query", QUERY_LENGTH),
        ("corpus", "text", "passage", PASSAGE_LENGTH),
    ):
        records = read_ordered(collection / f"{name}.jsonl", queries=side == "query")
        with Encoder(M3(model), longest=length) as encoder:
            encoded = encoder.encode(
                *([record[key] for record in records], side),
                max_length=length,
                sparse=True,
                multi_vector=True,
            )
        sides.append(encoded)
    return sides[0], sides[1]


def of_arkiv(queries: Any, passages: Any, depth: int | None) -> dict[str, Callable]:
    """The pipeline's own functions, as `retrieve.py` calls them."""
    import numpy as np

    from arkiv.retrieve.late import multi_vector_scores
    from arkiv.retrieve.rankings import search_dense, search_sparse

    count = len(passages.dense)

    def of_all(rankings: Any) -> np.ndarray:
        scores = np.zeros((len(queries.dense), count), np.float32)
        for row, ranking in zip(scores, rankings, strict=True):
            row[ranking.rows] = ranking.scores
        return scores

    def late() -> np.ndarray:
        candidates = [
            ranking.rows
            for ranking in search_dense(queries.dense, passages.dense, depth or count)
        ]
        found = multi_vector_scores(
            queries.multi_vector,
            [str(row) for row in range(count)],
            candidates,
            lambda rows: [passages.multi_vector[int(row)] for row in rows],
        )
        scores = np.full((len(candidates), count), np.nan, np.float32)
        for row, rows, values in zip(scores, candidates, found, strict=True):
            row[rows] = values
        return scores

    return {
        "dense": lambda: of_all(search_dense(queries.dense, passages.dense, count)),
        "sparse": lambda: of_all(
            search_sparse(queries.sparse, passages.sparse.T.tocsr(), count)
        ),
        "multi_vector": late,
    }


def of_loops(queries: Any, passages: Any) -> dict[str, Callable]:
    """A pair at a time, by FlagEmbedding's functions on what its `encode` gives."""
    import numpy as np
    from FlagEmbedding import BGEM3FlagModel

    # Neither function uses the model.
    model = BGEM3FlagModel.__new__(BGEM3FlagModel)

    def weights(matrix: Any) -> list[dict[str, Any]]:
        return [
            dict(
                zip(
                    map(str, matrix.indices[start:end].tolist()),
                    matrix.data[start:end],
                    strict=True,
                )
            )
            for start, end in zip(matrix.indptr, matrix.indptr[1:], strict=False)
        ]

    asked, found = weights(queries.sparse), weights(passages.sparse)

    def looped(score: Callable, one: Any, other: Any) -> np.ndarray:
        return np.array(
            [[float(score(query, passage)) for passage in other] for query in one],
            np.float32,
        )

    return {
        "dense": lambda: looped(lambda q, p: q @ p, queries.dense, passages.dense),
        "sparse": lambda: looped(model.compute_lexical_matching_score, asked, found),
        "multi_vector": lambda: looped(
            model.colbert_score, queries.multi_vector, passages.multi_vector
        ),
    }


def measured(
    kind: str, collection: Path, model: Path, depth: int | None, to: Path
) -> dict[str, Any]:
    """Seconds by mode, CPU seconds and the most memory; the scores go to a file."""
    import numpy as np

    sides = encoded(collection, model)
    modes = of_arkiv(*sides, depth) if kind == "arkiv" else of_loops(*sides)
    scores, seconds, cpu = {}, {}, 0.0
    for mode, score in modes.items():
        began, before = time.perf_counter(), time.process_time()
        scores[mode] = score()
        seconds[mode] = time.perf_counter() - began
        cpu += time.process_time() - before
    np.savez(to, **scores)
    return {"seconds": seconds, "cpu": cpu, "peak_mb": peak_mb()}


def in_its_own_process(kind: str, **flags: object) -> dict:
    """What `measured` gives, from another process."""
    words = [
        word
        for flag, value in flags.items()
        if value is not None
        for word in (f"--{flag.replace('_', '-')}", str(value))
    ]
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.scoring", "--kind", kind, *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        check=True,
        cwd=ROOT,
    )
    return json.loads(done.stdout.splitlines()[-1])


def main(argv: list[str] | None = None) -> None:
    arguments = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    arguments.add_argument("--kind", choices=KINDS, required=True)
    arguments.add_argument("--collection", type=Path, required=True)
    arguments.add_argument("--model", type=Path, required=True)
    arguments.add_argument("--rerank-depth", type=int)
    arguments.add_argument("--output", type=Path, required=True)
    given = arguments.parse_args(argv)
    found = measured(
        given.kind, given.collection, given.model, given.rerank_depth, given.output
    )
    print(json.dumps(found))


if __name__ == "__main__":
    main()
