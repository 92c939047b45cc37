"""Draw query-passage pairs for human judges, and write them to a sheet.

The sheet is CSV for a spreadsheet: a judge fills in the column `relevance`. It shows
neither system nor rank nor the gold standard's grade, and the passages of a query stand
in no order. It can be read only, so that what is filled in is saved under another name;
compare_judgements.py reads it from there.
"""

from __future__ import annotations

import logging
import sys
from pathlib import Path

from arkiv.base.cli import parser, run
from arkiv.base.declared import Seeded
from arkiv.base.errors import InputError
from arkiv.base.files import written_whole
from arkiv.base.named import named
from arkiv.base.setting_flags import add_settings
from arkiv.gold.sampling import sampled_queries
from arkiv.gold.settings import Sheet
from arkiv.gold.sheet import sheet_csv, sheet_row
from arkiv.retrieve.collection import read_ordered
from arkiv.retrieve.trec import read_qrels, read_run

log = logging.getLogger("sample_judgements")


def main(argv: list[str] | None = None) -> None:
    arguments = parser(
        __doc__,
        corpus="JSONL",
        queries="JSONL",
        qrels="TREC",
        runs="SYSTEM=TREC...",
        output="CSV",
    )
    arguments.add_argument(
        "--query-count", type=int, default=Sheet.queries, help="at most"
    )
    arguments.add_argument(
        "--passage-count",
        type=int,
        default=Sheet.passages,
        help="of each query, at most",
    )
    add_settings(arguments, Sheet, "depth", "separator")
    add_settings(arguments, Seeded)
    arguments = arguments.parse_args(argv)

    passages = {row["id"]: row for row in read_ordered(arguments.corpus)}
    queries = {
        row["id"]: row["query"] for row in read_ordered(arguments.queries, queries=True)
    }
    runs = {
        name: read_run(path) for name, path in named(arguments.runs, "--runs").items()
    }
    drawn = list(
        sampled_queries(
            queries,
            read_qrels(arguments.qrels),
            runs,
            queries=arguments.query_count,
            passages=arguments.passage_count,
            depth=arguments.depth,
            seed=arguments.seed,
        )
    )
    rows = []
    for query_id, passage_ids in drawn:
        for key in passage_ids:
            if key not in passages:
                raise InputError(
                    f"lacks the passage {key}, which a run or the gold standard has "
                    f"for query {query_id}",
                    file=arguments.corpus,
                )
            rows.append(sheet_row(query_id, queries[query_id], passages[key]))
    with written_whole(arguments.output) as beside:
        # The carriage returns are the table's own.
        beside.write_text(
            sheet_csv(rows, arguments.separator), encoding="utf-8", newline=""
        )
    sheet = Path(arguments.output)
    sheet.chmod(sheet.stat().st_mode & 0o555)
    log.info("%d pairs of %d queries", len(rows), len(drawn))


if __name__ == "__main__":
    sys.exit(run(main))
