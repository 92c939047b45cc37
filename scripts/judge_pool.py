"""Grade pairs of query and passage from 0 to 3 by a language model, or a part of them.

Asks a server with OpenAI's chat protocol, whose key is in the environment, or a local
model. Writes `{"query_id", "passage_id", "grade"}` a line; pairs without a grade are
set aside, none is taken for 0.
"""

from __future__ import annotations

import logging
import sys

from arkiv.base.cli import add_part, parser, run
from arkiv.base.errors import InputError
from arkiv.base.files import write_json, write_records
from arkiv.gold.flags import add_grading, grading_of
from arkiv.gold.grades import Grader
from arkiv.gold.pool import read_pool
from arkiv.llm.journal import Journal
from arkiv.llm.options import (
    add_budget,
    add_local,
    add_server,
    backend_of,
    budget_of,
    prices_of,
)

log = logging.getLogger("judge_pool")


def main(argv: list[str] | None = None) -> None:
    arguments = parser(__doc__)
    arguments.add_argument("--corpus", required=True, metavar="JSONL")
    arguments.add_argument("--queries", required=True, metavar="JSONL")
    arguments.add_argument("--pool", required=True, metavar="JSONL")
    add_part(arguments)
    add_grading(arguments)
    add_server(arguments)
    add_local(arguments)
    add_budget(arguments)
    arguments.add_argument("--output", required=True, metavar="JSONL")
    arguments.add_argument("--rejected", required=True, metavar="JSONL")
    arguments.add_argument("--stats", required=True, metavar="JSON")
    arguments = arguments.parse_args(argv)

    if arguments.backend == "extractive":
        raise InputError("is extractive, which is no language model", key="backend")
    if not arguments.journal:
        raise InputError("is not given", key="journal")
    grading = grading_of(arguments)
    pairs = read_pool(
        arguments.pool, arguments.part, arguments.queries, arguments.corpus
    )
    with Journal(
        arguments.journal,
        arguments.output,
        budget_of(arguments),
        prices_of(arguments),
        key="gold.judge.budget",
    ) as journal:
        grader = Grader(grading, backend_of(arguments, grading.sampling), journal)
        graded = grader.graded(pairs)
    write_records(arguments.output, graded)
    write_records(arguments.rejected, grader.rejected)
    write_json(arguments.stats, {"graded": len(graded)} | grader.stats())
    log.info("graded %d pairs, set aside %d", len(graded), len(grader.rejected))


if __name__ == "__main__":
    sys.exit(run(main))
