"""Respell a sample of the test queries: as once, as today, and misread.

Each query that has a relevant passage is as likely to be drawn as any other. Writes all
variants of all of them, those that leave a query as it is too, in the order of their
ids: `{"id", "query", "of", "variant", "edits"}`.
"""

from __future__ import annotations

import logging
import sys
from collections import Counter

from arkiv.base.cli import parser, run
from arkiv.base.declared import Seeded
from arkiv.base.errors import InputError
from arkiv.base.files import write_records
from arkiv.base.hashing import uniform
from arkiv.base.setting_flags import add_settings
from arkiv.evaluate.settings import Spelling
from arkiv.gold.standard import relevant
from arkiv.retrieve.collection import read_ordered
from arkiv.retrieve.trec import read_qrels
from arkiv.text.spelling import variants_of
from arkiv.text.spelling_tables import read_table

log = logging.getLogger("respell_queries")


def main(argv: list[str] | None = None) -> None:
    arguments = parser(
        __doc__,
        queries="JSONL",
        qrels="TREC",
        rules="YAML a table such as config/spelling/sv.yaml",
        output="JSONL",
    )
    add_settings(arguments, Spelling, "noise")
    arguments.add_argument(
        "--count", type=int, default=Spelling.queries, help="queries to draw"
    )
    add_settings(arguments, Seeded)
    arguments = arguments.parse_args(argv)

    table = read_table(arguments.rules)
    if not table.variants and not arguments.noise:
        reason = "has no variants, and no noise is asked for either"
        raise InputError(reason, key="--rules")
    if arguments.noise and not table.confusions:
        raise InputError("has no confusions, which noise needs", file=arguments.rules)
    answered = relevant(read_qrels(arguments.qrels))
    queries = [
        query
        for query in read_ordered(arguments.queries, queries=True)
        if query["id"] in answered
    ]
    if not queries:
        reason = f"has no relevant passage for any query of {arguments.queries}"
        raise InputError(reason, file=arguments.qrels)
    queries.sort(key=lambda query: uniform(arguments.seed, "respelled", query["id"]))
    found = [
        variant
        for query in queries[: arguments.count]
        for variant in variants_of(query, table, arguments.noise, arguments.seed)
    ]
    write_records(arguments.output, sorted(found, key=lambda one: one["id"]))
    changed = Counter(one["variant"] for one in found if one["edits"])
    for name in dict.fromkeys(one["variant"] for one in found):
        asked = min(arguments.count, len(queries))
        log.info("%s: %d of %d queries changed", name, changed[name], asked)


if __name__ == "__main__":
    sys.exit(run(main))
