"""Grade pairs of query and passage from 0 to 3 by a language model, or a part of them.

Asks a server with OpenAI's chat protocol, whose key is in the environment, or a local
model. Writes `{"query_id", "passage_id", "grade"}` a line; pairs without a grade are
set aside, none is taken for 0.
"""

from __future__ import annotations

import logging
import sys

from arkiv.base.cli import parser, run
from arkiv.base.errors import InputError
from arkiv.base.files import write_json, write_records
from arkiv.gold.grades import Grader, add_grading, grading_of
from arkiv.gold.pool import add_pool, pool_of
from arkiv.llm.options import add_asking, asking_of
from arkiv.llm.settings import OFFLINE

log = logging.getLogger("judge_pool")


def main(argv: list[str] | None = None) -> None:
    arguments = parser(__doc__, output="JSONL", rejected="JSONL", stats="JSON")
    add_pool(arguments)
    add_grading(arguments)
    add_asking(arguments)
    arguments = arguments.parse_args(argv)

    if arguments.backend in OFFLINE:
        raise InputError(
            f"is {arguments.backend}, which is no language model", key="backend"
        )
    grading = grading_of(arguments)
    pairs = pool_of(arguments)
    with asking_of(arguments, "gold.judge") as asking:
        grader = Grader(grading, asking)
        graded = grader.graded(pairs)
    write_records(arguments.output, graded)
    write_records(arguments.rejected, grader.rejected)
    write_json(arguments.stats, {"graded": len(graded)} | grader.stats())
    log.info("graded %d pairs, set aside %d", len(graded), len(grader.rejected))


if __name__ == "__main__":
    sys.exit(run(main))
