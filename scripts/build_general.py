"""Make a collection of the general set, to be searched as the test collection is.

Its passages are the positives and negatives of its own rows. All three files are in the
order of their ids.
"""

from __future__ import annotations

import logging
import sys

from arkiv.base.cli import parser, run
from arkiv.base.errors import InputError
from arkiv.base.files import write_records
from arkiv.retrieve.general import collection_of, read_general
from arkiv.retrieve.trec import write_qrels

log = logging.getLogger("build_general")


def main(argv: list[str] | None = None) -> None:
    arguments = parser(
        __doc__,
        general='JSONL {"query", "pos"}, with "neg" if wanted',
        corpus="JSONL",
        queries="JSONL",
        qrels="TREC",
    ).parse_args(argv)
    pairs, texts = read_general(arguments.general)
    passages, queries, qrels = collection_of(pairs, texts)
    if not queries:
        reason = "holds no query with a passage that is not itself"
        raise InputError(reason, file=arguments.general)
    write_records(arguments.corpus, passages)
    write_records(arguments.queries, queries)
    write_qrels(arguments.qrels, qrels)
    asked = len({pair["id"] for pair in pairs})
    log.info(
        "%d queries in %d rows, %d left out, and %d passages",
        *(len(queries), len(pairs), asked - len(queries), len(passages)),
    )


if __name__ == "__main__":
    sys.exit(run(main))
