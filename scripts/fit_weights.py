"""Learn on dev queries by which weights a system should add up its scores.

Of M3's combined mode (--encodings, --query-encodings: dense, sparse and multi-vector
scores of the candidates) or of a fusion (--runs). See `arkiv.retrieve.weights`.
"""

from __future__ import annotations

import logging
import sys
from argparse import Namespace
from dataclasses import asdict

import numpy as np

from arkiv.base.cli import parser, run
from arkiv.base.declared import Seeded
from arkiv.base.files import write_json
from arkiv.base.setting_flags import add_settings
from arkiv.encode.settings import Weights
from arkiv.evaluate.measures import by_query
from arkiv.evaluate.settings import Measuring
from arkiv.retrieve.collection import read_ordered
from arkiv.retrieve.trec import read_qrels, read_scores
from arkiv.retrieve.weights import Scored, learn

log = logging.getLogger("fit_weights")


def of_modes(given: Namespace, queries: list[str]) -> dict[str, Scored]:
    """The candidates of each query with their scores in M3's three modes."""
    from arkiv.retrieve.modes import dense_scores, sparse_scores
    from arkiv.retrieve.rankings import read_encodings

    ids = [passage["id"] for passage in read_ordered(given.corpus)]
    asked, found = (
        {
            kind: read_encodings(folder, name, kind, count)
            for kind in ("dense", "sparse")
        }
        for folder, name, count in (
            (given.query_encodings, "queries", len(queries)),
            (given.encodings, "corpus", len(ids)),
        )
    )
    late = read_encodings(
        given.query_encodings, "queries", "multi_vector", len(queries)
    )
    ends = late.indptr[1:-1]
    candidates = np.split(late.indices, ends)
    columns = zip(
        candidates,
        dense_scores(asked["dense"], found["dense"], candidates),
        sparse_scores(asked["sparse"], found["sparse"], candidates),
        np.split(late.data, ends),
        strict=True,
    )
    return {
        query: Scored([ids[row] for row in rows], np.column_stack(scores))
        for query, (rows, *scores) in zip(queries, columns, strict=True)
    }


def of_runs(given: Namespace, queries: list[str]) -> dict[str, Scored]:
    """The passages of each query with what each ranking makes them worth."""
    from arkiv.retrieve.fusion import K, by_rank, by_score, worths

    worth = by_score if given.method == "weighted" else by_rank(given.k or K)
    runs = [read_scores(path) for path in given.runs]
    return {
        query: Scored(*worths([found.get(query, {}) for found in runs], worth))
        for query in queries
    }


def main(argv: list[str] | None = None) -> None:
    from arkiv.retrieve.systems.fusion import FusionSystem

    arguments = parser(
        __doc__,
        queries="JSONL dev queries, as a collection has them",
        qrels="TREC their known items",
        corpus="[JSONL] the passages",
        encodings="[DIR] of the passages",
        query_encodings="[DIR] of the dev queries",
        runs="[TREC...] of the dev queries by each system of a fusion",
        output="JSON",
    )
    add_settings(arguments, FusionSystem.of({}), "method", "k")
    add_settings(arguments, Measuring, "measures")
    add_settings(arguments, Seeded)
    given = arguments.parse_args(argv)

    queries = [query["id"] for query in read_ordered(given.queries, queries=True)]
    qrels = read_qrels(given.qrels)
    measure = given.measures[0]

    def measured(found):
        return by_query(found, qrels, queries, [measure])[:, 0]

    if given.runs:
        scored, default = of_runs(given, queries), [1.0] * len(given.runs)
    else:
        scored, default = of_modes(given, queries), list(Weights.weights)
    learnt = learn(scored, default, measured, given.seed)
    write_json(given.output, {"measure": measure, **asdict(learnt)})
    log.info(
        "weights %s: %s", learnt.weights, learnt.kept or f"gain {learnt.gain:+.4f}"
    )


if __name__ == "__main__":
    sys.exit(run(main))
