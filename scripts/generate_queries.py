"""Make search queries for documents, or for one part of them.

The extractive backend is the offline stand-in for a language model. The others ask one:
a server with OpenAI's chat protocol, whose key is in the environment, or a local model.
"""

from __future__ import annotations

import contextlib
import logging
import sys
from collections import Counter

from arkiv.base.cli import add_part, parser, run
from arkiv.base.errors import InputError
from arkiv.base.files import count_lines, write_json, write_records
from arkiv.llm.journal import Journal
from arkiv.llm.options import (
    add_budget,
    add_local,
    add_server,
    backend_of,
    budget_of,
    prices_of,
)
from arkiv.queries.extractive import ExtractiveGenerator
from arkiv.queries.flags import (
    add_limits,
    add_task,
    groups_of,
    limits_of,
    task_of,
)
from arkiv.queries.generator import LanguageModelGenerator
from arkiv.queries.sources import Sources

log = logging.getLogger("generate_queries")


def main(argv: list[str] | None = None) -> None:
    arguments = parser(__doc__)
    arguments.add_argument("--documents", required=True, metavar="JSONL")
    arguments.add_argument("--output", required=True, metavar="JSONL")
    arguments.add_argument(
        "--rejected",
        required=True,
        metavar="JSONL",
        help="where documents without a query, and queries that will not do, go",
    )
    arguments.add_argument("--stats", required=True, metavar="JSON")
    add_part(arguments)
    add_task(arguments)
    add_server(arguments)
    add_local(arguments)
    add_limits(arguments)
    add_budget(arguments)
    arguments = arguments.parse_args(argv)

    if not count_lines(arguments.documents):
        raise InputError("holds no documents", file=arguments.documents)
    sources = Sources(arguments.documents, arguments.part, groups_of(arguments))
    stats: dict = {}
    with contextlib.ExitStack() as stack:
        if arguments.backend == "extractive":
            generator = ExtractiveGenerator(arguments.per_document, arguments.seed)
        else:
            if not arguments.journal:
                raise InputError("is not given", key="journal")
            task, limits = task_of(arguments), limits_of(arguments)
            journal = stack.enter_context(
                Journal(
                    arguments.journal,
                    arguments.output,
                    budget_of(arguments),
                    prices_of(arguments),
                )
            )
            backend = backend_of(arguments, task.sampling)
            generator = LanguageModelGenerator(task, backend, journal, limits)
        count = write_records(arguments.output, generator.pairs(sources))
        if arguments.backend != "extractive":
            stats["usage"] = generator.usage_stats()
    write_records(arguments.rejected, generator.rejected)
    reasons = Counter(record["reason"] for record in generator.rejected)
    stats |= {"queries": count, "rejected": dict(sorted(reasons.items()))}
    write_json(arguments.stats, stats)
    log.info("made %d queries; set aside %d", count, len(generator.rejected))


if __name__ == "__main__":
    sys.exit(run(main))
