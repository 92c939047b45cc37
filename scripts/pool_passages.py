"""Pool what several systems find first for each test query, to be judged.

Known items are pooled too. Writes `{"query_id", "passage_id"}` a line, in the order of
the ids.
"""

from __future__ import annotations

import logging
import sys

from arkiv.base.cli import parser, run
from arkiv.base.files import write_records
from arkiv.base.setting_flags import add_settings
from arkiv.gold.settings import Gold
from arkiv.gold.standard import pool
from arkiv.retrieve.collection import read_ordered
from arkiv.retrieve.trec import read_qrels, read_run

log = logging.getLogger("pool_passages")


def main(argv: list[str] | None = None) -> None:
    arguments = parser(
        __doc__, queries="JSONL", known_items="TREC", runs="TREC...", output="JSONL"
    )
    add_settings(arguments, Gold, "depth")
    arguments = arguments.parse_args(argv)

    queries = read_ordered(arguments.queries, queries=True)
    pairs = pool(
        [read_run(path, depth=arguments.depth) for path in arguments.runs],
        read_qrels(arguments.known_items, may_be_empty=True),
        [query["id"] for query in queries],
        arguments.depth,
    )
    pooled = write_records(
        arguments.output,
        ({"query_id": query, "passage_id": passage} for query, passage in pairs),
    )
    log.info("%d queries, %d runs: %d pairs", len(queries), len(arguments.runs), pooled)


if __name__ == "__main__":
    sys.exit(run(main))
