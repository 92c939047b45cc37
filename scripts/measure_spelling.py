"""Measure what other spelling and misread letters cost each system.

The same queries as they are and in each variant: means with 95 % bootstrap intervals,
and paired differences to the original with p-values by the randomisation test, also
corrected for the number of systems and variants. Where a variant leaves a query as it
is, the original's values stand for it.
"""

from __future__ import annotations

import logging
import sys
from argparse import Namespace
from itertools import chain
from typing import Any

import numpy as np

from arkiv.base.cli import parser, run
from arkiv.base.errors import InputError
from arkiv.base.files import Record, write_json
from arkiv.base.hashing import uniform
from arkiv.base.named import named
from arkiv.evaluate.intervals import LEVEL
from arkiv.evaluate.measures import (
    add_measuring,
    by_query,
    check_measures,
    summary,
)
from arkiv.evaluate.significance import draws
from arkiv.evaluate.units import Units
from arkiv.gold.standard import relevant
from arkiv.retrieve.collection import read_ordered, volumes_of
from arkiv.retrieve.trec import Qrels, Run, read_qrels, read_run

log = logging.getLogger("measure_spelling")

# Of all variants, shown by the report.
EXAMPLES = 5


def by_variant(path: str, queries: dict[str, Record]) -> dict[str, dict[str, Record]]:
    """The respelled queries by variant and by the id of the original.

    Raises:
        InputError: a record that respell_queries.py did not make of these queries.
    """
    variants: dict[str, dict[str, Record]] = {}
    for record in read_ordered(path, queries=True):
        name, key = record.get("variant"), record.get("of")
        if not isinstance(name, str) or key not in queries:
            raise InputError(
                f"has the query {record['id']}, which is no variant of a query of the "
                "collection",
                file=path,
            )
        variants.setdefault(name, {})[key] = record
    asked = {frozenset(of) for of in variants.values()}
    if len(asked) > 1:
        raise InputError("lacks some variants of some queries", file=path)
    return variants


def values_by_variant(
    arguments: Namespace,
    qrels: Qrels,
    query_ids: list[str],
    variants: dict[str, dict],
    units: Units | None,
) -> dict[str, dict[str, np.ndarray]]:
    """Of the original, "", and of each variant the measures by system and query."""
    runs = named(arguments.runs, "--runs")
    respelled = named(arguments.respelled_runs, "--respelled-runs")
    if list(runs) != list(respelled):
        reason = f"names {', '.join(respelled)}, expected the systems of --runs"
        raise InputError(reason, key="--respelled-runs")
    values: dict[str, dict[str, np.ndarray]] = {name: {} for name in ("", *variants)}

    def ranked(path: str) -> Run:
        return units.run(read_run(path)) if units else read_run(path)

    qrels = units.qrels(qrels) if units else qrels
    for system, path in runs.items():
        asked = (qrels, query_ids, arguments.measures)
        original = values[""][system] = by_query(ranked(path), *asked)
        found = ranked(respelled[system])
        for name, queries in variants.items():
            run_of = {
                key: found[record["id"]]
                for key, record in queries.items()
                if record["id"] in found
            }
            same = np.array([queries[key]["edits"] == 0 for key in query_ids])
            table = by_query(run_of, *asked)
            values[name][system] = np.where(same[:, None], original, table)
        log.info("%s: %d queries in each spelling", system, len(query_ids))
    return values


def about(
    name: str, variants: dict[str, dict[str, Record]], queries: dict, whole: dict
) -> dict[str, Any]:
    """How much a variant changes, what the systems reach, and how that differs."""
    records = variants[name].values()
    characters = sum(len(queries[key]["query"]) for key in variants[name])
    changed = sum(record["edits"] > 0 for record in records)
    return {
        "name": name,
        "changed": round(changed / len(records), 6),
        "cer": round(sum(one["edits"] for one in records) / characters, 6),
        "systems": of_variant(name, whole),
        "difference": {
            pair["system"][1]: pair["difference"]
            for pair in whole["comparisons"]
            if pair["system"][0] == name
        },
    }


def of_variant(name: str, whole: dict) -> dict[str, Any]:
    """The measures of each system in a variant, or of the original, ""."""
    return {
        system: values
        for (variant, system), values in whole["systems"].items()
        if variant == name
    }


def main(argv: list[str] | None = None) -> None:
    arguments = parser(
        __doc__,
        qrels="TREC",
        queries="JSONL of the collection",
        corpus="[JSONL] passages, for the volumes of queries that were made from none",
        respelled="JSONL of respell_queries.py",
        runs="SYSTEM=TREC...",
        respelled_runs="SYSTEM=TREC... of the same systems for the respelled queries",
        output="JSON",
    )
    add_measuring(arguments)
    arguments = arguments.parse_args(argv)

    check_measures(arguments.measures)
    queries = {
        query["id"]: query for query in read_ordered(arguments.queries, queries=True)
    }
    variants = by_variant(arguments.respelled, queries)
    qrels = read_qrels(arguments.qrels)
    query_ids = sorted(next(iter(variants.values())))
    for key in query_ids:
        if key not in qrels:
            raise InputError(f"judges nothing of the query {key}", file=arguments.qrels)
    relevant_ids = chain(*relevant(qrels).values())
    units = Units.read(arguments.unit, arguments.corpus, relevant_ids)
    values = values_by_variant(arguments, qrels, query_ids, variants, units)
    systems = list(values[""])
    pairs = [((name, one), ("", one)) for name in variants for one in systems]
    settings = {"samples": arguments.bootstrap, "seed": arguments.seed}
    whole = summary(
        {
            (name, system): table
            for name, tables in values.items()
            for system, table in tables.items()
        },
        pairs,
        measures=arguments.measures,
        tested=True,
        volumes=volumes_of(
            [queries[key] for key in query_ids], qrels, arguments.corpus
        ),
        **settings,
    )
    shown = sorted(query_ids, key=lambda key: uniform(arguments.seed, "examples", key))
    write_json(
        arguments.output,
        {
            "queries": len(query_ids),
            "measures": arguments.measures,
            "volumes": whole["volumes"],
            "queries_without_volume": whole["queries_without_volume"],
            "bootstrap": settings
            | {
                "level": LEVEL,
                "randomisations": draws(arguments.bootstrap, len(pairs)),
                "pairs": len(pairs),
            },
            "systems": systems,
            "original": of_variant("", whole),
            "variants": [about(name, variants, queries, whole) for name in variants],
            "examples": [
                {
                    "original": queries[key]["query"],
                    **{name: of[key]["query"] for name, of in variants.items()},
                }
                for key in shown[:EXAMPLES]
            ],
        },
    )


if __name__ == "__main__":
    sys.exit(run(main))
