"""Measure the runs of retrieval systems against the judgements.

Means over all test queries with 95 % bootstrap intervals, and paired differences
between systems with theirs and with p-values by the randomisation test, also corrected
for the number of pairs, those compared further among themselves. The same without
p-values for the queries of each dataset, volume, decade and type, and by length and
recognition confidence of the known items. Fewer than ten queries have no intervals;
those of five volumes or more also have such from whole volumes drawn. A query that a
run lacks scores 0. One without a relevant passage, of which no measure can say
anything, is left out and counted. Pages or groups may be counted, by their best
passages.
"""

from __future__ import annotations

import argparse
import csv
import logging
import sys
from collections import Counter
from collections.abc import Mapping, Sequence, Set
from itertools import chain
from typing import Any

import numpy as np

from arkiv.base.cells import FORMULA, guarded
from arkiv.base.cli import json_object, parser, run
from arkiv.base.errors import InputError
from arkiv.base.files import Record, write_json, written_whole
from arkiv.base.named import named, named_lists
from arkiv.base.setting_flags import add_settings
from arkiv.evaluate.intervals import LEVEL
from arkiv.evaluate.measures import (
    add_measuring,
    by_query,
    check_measures,
    parts_of,
    summary,
)
from arkiv.evaluate.required import check_requirement, judged
from arkiv.evaluate.settings import Evaluate, compared
from arkiv.evaluate.significance import draws
from arkiv.evaluate.units import Units
from arkiv.gold.settings import Gold
from arkiv.gold.standard import METHODS, relevant
from arkiv.retrieve.collection import read_ordered, volumes_of
from arkiv.retrieve.trec import Qrels, read_qrels, read_run

log = logging.getLogger("measure_runs")


def command_line(argv: list[str] | None) -> argparse.Namespace:
    """What is asked for on the command line."""
    arguments = parser(
        __doc__,
        qrels="TREC",
        queries="JSONL",
        corpus="[JSONL] passages, for the volumes of queries that were made from none, "
        "and for pages or groups",
        runs="SYSTEM=TREC... what to measure",
        compare="[SYSTEM=BASE...] report the difference of a system to another one",
        compare_further="[SYSTEM=BASE...] likewise, tested as a family by itself",
        output="JSON",
        per_query="CSV",
        sources="[NAME...] datasets whose queries are measured by themselves too, with "
        "p-values",
    )
    arguments.add_argument(
        "--gold", choices=METHODS, default=Gold.method, help="how qrels came about"
    )
    add_measuring(arguments)
    add_settings(arguments, Evaluate, "length_edges", "confidence_edges", nargs="*")
    arguments.add_argument(
        "--require",
        nargs="*",
        type=json_object,
        default=[],
        metavar="JSON",
        help='what must be reached: {"system", "measure", "at_least"}, or "over" '
        '(another system) and "by"; judged here, enforced by check_metrics.py',
    )
    return arguments.parse_args(argv)


def pairs_of(
    words: list[str], option: str, systems: Mapping[str, str]
) -> list[tuple[str, str]]:
    """Each system with the one it is compared with.

    Raises:
        InputError: one of them has no run.
    """
    pairs = compared(named_lists(words, option))
    for system in chain(*pairs):
        if system not in systems:
            reason = f"names the system {system}, which has no run"
            raise InputError(reason, key=option)
    return pairs


def values_of(
    runs: Mapping[str, str],
    qrels: Qrels,
    query_ids: Sequence[str],
    asked: Set[str],
    arguments: argparse.Namespace,
    units: Units | None,
) -> dict[str, np.ndarray]:
    """The measures of each system, (n_queries, n_measures).

    Args:
        units: what is counted; None: passages.

    Raises:
        InputError: a run has a query that was not asked.
    """
    values = {}
    counted = units.qrels(qrels) if units else qrels
    for system, path in runs.items():
        ranked = read_run(path)
        if strays := ranked.keys() - asked:
            reason = f"has the query {min(strays)}, which {arguments.queries} lacks"
            raise InputError(reason, file=path)
        found = units.run(ranked) if units else ranked
        values[system] = by_query(found, counted, query_ids, arguments.measures)
        lacking = len(asked - ranked.keys())
        log.info("%s: %d queries, %d without a result", system, len(ranked), lacking)
    return values


def write_values(
    path: str,
    measures: Sequence[str],
    queries: Sequence[Record],
    values: Mapping[str, np.ndarray],
) -> None:
    """Write the measures of each query and system as CSV, whole or not at all."""
    with (
        written_whole(path) as beside,
        open(beside, "w", encoding="utf-8", newline="") as out,
    ):
        table = csv.writer(out, lineterminator="\n")
        table.writerow(["query_id", "query", "dataset", "system", *measures])
        for row, query in enumerate(queries):
            text = guarded(query["query"], FORMULA)
            about = [query["id"], text, query.get("dataset", "")]
            for system in values:
                numbers = [f"{value:.6f}" for value in values[system][row]]
                table.writerow([*about, system, *numbers])


def judged_queries(
    arguments: argparse.Namespace,
) -> tuple[list[Record], Qrels, set[str]]:
    """The queries that can be measured, their judgements, and all that were asked.

    Raises:
        InputError: there is none, or another query is judged.
    """
    queries = read_ordered(arguments.queries, queries=True)
    asked = {query["id"] for query in queries}
    judgements = read_qrels(arguments.qrels)
    qrels = relevant(judgements)
    if strays := judgements.keys() - asked:
        reason = f"judges the query {min(strays)}, which {arguments.queries} lacks"
        raise InputError(reason, file=arguments.qrels)
    queries = [query for query in queries if query["id"] in qrels]
    if not queries:
        raise InputError("holds no relevant passage", file=arguments.qrels)
    if left_out := len(asked) - len(queries):
        log.warning("%d queries without a relevant passage are left out", left_out)
    return queries, qrels, asked


def all_metrics(
    arguments: argparse.Namespace,
    queries: Sequence[Record],
    qrels: Qrels,
    values: Mapping[str, np.ndarray],
    families: Sequence[list[tuple[str, str]]],
    left_out: int,
) -> dict[str, Any]:
    """The measures of all queries, of each source's and of those of each part.

    Args:
        values: of each system, (n_queries, n_measures).
        families: pairs to compare: those that decide, and the further ones.
        left_out: how many queries cannot be measured.
    """
    pairs, further = families
    settings = {"samples": arguments.bootstrap, "seed": arguments.seed}
    volumes = volumes_of(queries, qrels, arguments.corpus)

    def measured(rows: np.ndarray, **more: Any) -> dict[str, Any]:
        return summary(
            {system: table[rows] for system, table in values.items()},
            pairs,
            **settings,
            measures=arguments.measures,
            volumes=[volumes[row] for row in rows],
            **more,
        )

    whole = measured(np.arange(len(queries)), tested=True, further=further)
    of = np.array([query.get("dataset") or "" for query in queries])
    sources = {
        name: measured(np.flatnonzero(of == name), tested=True)
        for name in arguments.sources
        if name in of
    }
    means = {name: part["systems"] for name, part in sources.items()}
    parts = parts_of(queries, arguments.length_edges, arguments.confidence_edges)
    drawn = draws(arguments.bootstrap, len(pairs))
    return {
        "measures": arguments.measures,
        "bootstrap": settings | {"level": LEVEL, "randomisations": drawn},
        "gold": arguments.gold,
        "queries_left_out": left_out,
        "datasets": dict(sorted(Counter(of[of != ""].tolist()).items())),
        "requirements": judged(arguments.require, whole["systems"], means),
        **whole,
        **({"sources": sources} if sources else {}),
        "parts": {
            key: {name: measured(rows) for name, rows in by_name.items()}
            for key, by_name in parts.items()
        },
    }


def main(argv: list[str] | None = None) -> None:
    arguments = command_line(argv)
    runs = named(arguments.runs, "--runs")
    check_measures(arguments.measures)
    families = [
        pairs_of(arguments.compare, "--compare", runs),
        pairs_of(arguments.compare_further, "--compare-further", runs),
    ]
    queries, qrels, asked = judged_queries(arguments)
    found = {query.get("dataset") for query in queries}
    sources = [name for name in arguments.sources if name in found]
    for requirement in arguments.require:
        check_requirement(requirement, runs, arguments.measures, sources)
    query_ids = [query["id"] for query in queries]
    units = Units.read(arguments.unit, arguments.corpus, chain(*qrels.values()))
    values = values_of(runs, qrels, query_ids, asked, arguments, units)
    left_out = len(asked) - len(queries)
    metrics = all_metrics(arguments, queries, qrels, values, families, left_out)
    if units:
        metrics["counted"] = units.counts()
    write_values(arguments.per_query, arguments.measures, queries, values)
    write_json(arguments.output, metrics)
    first = arguments.measures[0]
    for system, means in metrics["systems"].items():
        log.info("%s: %s %.4f", system, first, means[first]["mean"])


if __name__ == "__main__":
    sys.exit(run(main))
