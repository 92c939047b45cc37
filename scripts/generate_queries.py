"""Make search queries for documents, or for one part of them.

The extractive backend is the offline stand-in for a language model, the example one has
questions for the example archive. The others ask a language model: that of a server
with OpenAI's chat protocol, whose key is in the environment, or a local one.
"""

from __future__ import annotations

import logging
import sys
from collections import Counter

from arkiv.base.cli import add_part, parser, run
from arkiv.base.errors import InputError
from arkiv.base.files import Record, count_lines, write_json, write_records
from arkiv.base.setting_flags import add_settings, settings_from
from arkiv.llm.options import add_asking, asking_of
from arkiv.llm.settings import OFFLINE
from arkiv.queries.flags import add_task, sources_of, task_of
from arkiv.queries.generator import LanguageModelGenerator
from arkiv.queries.offline import ASKERS, offline_pairs
from arkiv.queries.quality import check_forbidden
from arkiv.queries.settings import QueryLimits

log = logging.getLogger("generate_queries")


def main(argv: list[str] | None = None) -> None:
    arguments = parser(
        __doc__,
        documents="JSONL",
        output="JSONL",
        rejected="JSONL where documents without a query, and queries that will not "
        "do, go",
        stats="JSON",
    )
    add_part(arguments)
    add_task(arguments)
    add_asking(arguments)
    limits = arguments.add_argument_group("queries by a language model that are kept")
    add_settings(limits, QueryLimits)
    arguments = arguments.parse_args(argv)

    if not count_lines(arguments.documents):
        raise InputError("holds no documents", file=arguments.documents)
    sources = sources_of(arguments, arguments.documents, arguments.part)
    stats: Record = {}
    rejected: list[Record] = []
    if arguments.backend in OFFLINE:
        pairs = offline_pairs(
            sources,
            ASKERS[arguments.backend],
            arguments.per_document,
            arguments.seed,
            rejected,
        )
        count = write_records(arguments.output, pairs)
    else:
        task, limits = task_of(arguments), settings_from(arguments, QueryLimits)
        check_forbidden(limits.forbidden)
        with asking_of(arguments, "queries") as asking:
            generator = LanguageModelGenerator(task, asking, limits)
            pairs = generator.pairs(sources, rejected)
            count = write_records(arguments.output, pairs)
        stats["usage"] = asking.usage_stats()
    write_records(arguments.rejected, rejected)
    reasons = Counter(record["reason"] for record in rejected)
    stats |= {"queries": count, "rejected": dict(sorted(reasons.items()))}
    write_json(arguments.stats, stats)
    log.info("made %d queries; set aside %d", count, len(rejected))


if __name__ == "__main__":
    sys.exit(run(main))
