"""Add the teacher's scores to query-passage pairs with negatives, or to a part of them.

Scores are the reranker's raw logits: `pos_scores` one per `pos`, `neg_scores` one per
`neg`.
"""

from __future__ import annotations

import logging
import sys
import time

from arkiv.base.cli import add_part, parser, run
from arkiv.base.errors import InputError
from arkiv.base.files import (
    Record,
    check_texts,
    count_lines,
    read_records,
    write_records,
)
from arkiv.encode.flags import add_reranker, scores_by
from arkiv.pairs.division import check_pair

log = logging.getLogger("score_pairs")


def check(record: Record) -> None:
    check_pair(record)
    check_texts(record, "neg")


def main(argv: list[str] | None = None) -> None:
    arguments = parser(__doc__, pairs="JSONL", output="JSONL")
    add_part(arguments)
    add_reranker(arguments)
    arguments = arguments.parse_args(argv)

    if not count_lines(arguments.pairs):
        raise InputError("holds no pairs", file=arguments.pairs)
    started = time.monotonic()
    rows = [row for _, row in read_records(arguments.pairs, check, part=arguments.part)]
    pairs = [
        (row["query"], passage) for row in rows for passage in row["pos"] + row["neg"]
    ]
    scores = iter(scores_by(arguments, pairs).tolist())
    for row in rows:
        row["pos_scores"] = [next(scores) for _ in row["pos"]]
        row["neg_scores"] = [next(scores) for _ in row["neg"]]
    write_records(arguments.output, rows)
    seconds = time.monotonic() - started
    said = "scored %d pairs of %d rows, %d of them distinct, in %.1f s"
    log.info(said, len(pairs), len(rows), len(set(pairs)), seconds)


if __name__ == "__main__":
    sys.exit(run(main))
