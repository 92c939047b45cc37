"""Grade pairs of query and passage by a reranker's scores, or a part of them.

Scores are raw logits, kept by content as the teacher's are. Writes `{"query_id",
"passage_id", "grade", "score"}` a line.
"""

from __future__ import annotations

import logging
import sys
import time

from arkiv.base.cli import parser, run
from arkiv.base.errors import InputError
from arkiv.base.files import write_records
from arkiv.base.setting_flags import add_settings
from arkiv.encode.flags import add_reranker, scores_by
from arkiv.gold.pool import add_pool, pool_of
from arkiv.gold.settings import Gold
from arkiv.gold.standard import HIGHEST, grade_of

log = logging.getLogger("grade_pool")


def main(argv: list[str] | None = None) -> None:
    arguments = parser(__doc__, output="JSONL")
    add_pool(arguments)
    add_settings(arguments, Gold, "thresholds")
    add_reranker(arguments)
    arguments = arguments.parse_args(argv)

    thresholds = arguments.thresholds
    if sorted(set(thresholds)) != thresholds or len(thresholds) > HIGHEST:
        raise InputError(
            f"is {thresholds}, expected at most {HIGHEST} ascending numbers",
            key="--thresholds",
        )
    pairs = pool_of(arguments)

    began = time.monotonic()
    texts = [(pair.query, pair.passage["text"]) for pair in pairs]
    scores = scores_by(arguments, texts)
    graded = [
        pair.ids | {"grade": grade_of(score, thresholds), "score": score}
        for pair, score in zip(pairs, scores.tolist(), strict=True)
    ]
    write_records(arguments.output, graded)
    log.info("graded %d pairs in %.1f s", len(graded), time.monotonic() - began)


if __name__ == "__main__":
    sys.exit(run(main))
