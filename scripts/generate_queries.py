"""Make search queries for documents, or for one part of them.

The extractive backend is the offline stand-in for a language model.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator

from arkiv.cli import add_part, parser, run
from arkiv.errors import InputError
from arkiv.files import Record, check_text, count_lines, read_records, write_records
from arkiv.queries import ExtractiveGenerator, query_record

log = logging.getLogger("generate_queries")

BACKENDS = {"extractive": ExtractiveGenerator}


def check(record: Record) -> None:
    check_text(record, "id")
    check_text(record, "text")


def main(argv: list[str] | None = None) -> None:
    arguments = parser(__doc__)
    arguments.add_argument("--documents", required=True, metavar="JSONL")
    arguments.add_argument("--output", required=True, metavar="JSONL")
    arguments.add_argument(
        "--rejected",
        required=True,
        metavar="JSONL",
        help="where documents without a query go, each with its reason",
    )
    arguments.add_argument("--backend", choices=sorted(BACKENDS), default="extractive")
    arguments.add_argument("--per-document", type=int, default=1)
    arguments.add_argument("--seed", type=int, default=0)
    add_part(arguments)
    arguments = arguments.parse_args(argv)

    if not count_lines(arguments.documents):
        raise InputError("holds no documents", file=arguments.documents)
    generator = BACKENDS[arguments.backend](arguments.per_document, arguments.seed)
    read = read_records(arguments.documents, check, part=arguments.part)
    rejected: list[Record] = []

    def queries() -> Iterator[Record]:
        for document, made in generator.generate(record for _, record in read):
            if not made:
                reason = "holds no word that a query could be made of"
                rejected.append({"reason": reason, **document})
            for query in made:
                yield query_record(query, document)

    count = write_records(arguments.output, queries())
    write_records(arguments.rejected, rejected)
    log.info("made %d queries; %d documents gave none", count, len(rejected))


if __name__ == "__main__":
    sys.exit(run(main))
