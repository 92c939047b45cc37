"""Learn on dev queries by which weights a system should add up its scores.

Of M3's combined mode (--encodings, --query-encodings: dense, sparse and multi-vector
scores of the candidates) or of a fusion (--runs). See `arkiv.retrieve.weights`.
"""

from __future__ import annotations

import logging
import sys
from argparse import Namespace
from collections.abc import Sequence
from dataclasses import asdict

import numpy as np

from arkiv.base.cli import parser, run
from arkiv.base.declared import Seeded
from arkiv.base.errors import InputError
from arkiv.base.files import Record, write_json
from arkiv.base.setting_flags import add_settings
from arkiv.encode.settings import Weights
from arkiv.evaluate.measures import by_query, check_measures
from arkiv.evaluate.settings import Measuring
from arkiv.retrieve.collection import SEARCHED, read_ordered
from arkiv.retrieve.itself import own_rows
from arkiv.retrieve.trec import Run, read_qrels, read_scores
from arkiv.retrieve.weights import Scored, learn

log = logging.getLogger("fit_weights")


def of_modes(given: Namespace, queries: Sequence[Record]) -> dict[str, Scored]:
    """The candidates of each query with their scores in M3's three modes.

    Without the query itself, where it is a passage: it is not to find itself.
    """
    from arkiv.retrieve.modes import dense_scores, sparse_scores
    from arkiv.retrieve.rankings import read_candidates, read_encodings

    passages = read_ordered(given.corpus, keys=SEARCHED)
    ids = [passage["id"] for passage in passages]
    itself = own_rows(
        ((query["id"], query["query"]) for query in queries),
        ((passage["id"], passage["text"]) for passage in passages),
    )
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
    candidates, late = read_candidates(given.query_encodings, len(queries), len(ids))
    columns = zip(
        itself,
        candidates,
        dense_scores(asked["dense"], found["dense"], candidates),
        sparse_scores(asked["sparse"], found["sparse"], candidates),
        late,
        strict=True,
    )
    scored = {}
    for query, (own, rows, *scores) in zip(queries, columns, strict=True):
        others = ~np.isin(rows, own)
        names = [ids[row] for row in rows[others]]
        scored[query["id"]] = Scored(names, np.column_stack(scores)[others])
    return scored


def of_runs(given: Namespace, queries: Sequence[Record]) -> dict[str, Scored]:
    """The passages of each query with what each ranking makes them worth."""
    from arkiv.retrieve.fusion import worth_of, worths

    worth = worth_of(given.method, given.k)
    runs = [read_scores(path) for path in given.runs]
    return {
        name: Scored(*worths([found.get(name, {}) for found in runs], worth))
        for name in (query["id"] for query in queries)
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

    check_measures(given.measures)
    if not given.runs:
        for key in ("corpus", "encodings", "query_encodings"):
            if getattr(given, key) is None:
                reason = "is missing; expected --runs, or what M3 has encoded"
                raise InputError(reason, key=f"--{key.replace('_', '-')}")
    queries = read_ordered(given.queries, queries=True)
    names = [query["id"] for query in queries]
    qrels = read_qrels(given.qrels)
    for name in names:
        if name not in qrels:
            raise InputError(f"judges nothing of the query {name}", file=given.qrels)
    measure = given.measures[0]
    # What stands below its cut-off, a measure does not look at.
    depth = int(measure.partition("@")[2] or 0) or None

    def measured(found: Run) -> np.ndarray:
        return by_query(found, qrels, names, [measure])[:, 0]

    if given.runs:
        scored, default = of_runs(given, queries), [1.0] * len(given.runs)
    else:
        scored, default = of_modes(given, queries), list(Weights.weights)
    relevant = {
        name: {key for key, grade in qrels[name].items() if grade > 0} for name in names
    }
    learnt = learn(scored, default, measured, given.seed, depth, relevant)
    write_json(given.output, {"measure": measure, **asdict(learnt)})
    log.info(
        "weights %s: %s", learnt.weights, learnt.kept or f"gain {learnt.gain:+.4f}"
    )


if __name__ == "__main__":
    sys.exit(run(main))
