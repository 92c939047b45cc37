"""Estimate what grades by a language model would cost, before any is asked for.

Nothing is sent. Tokens of prompts are counted with a tokenizer; another model's differ
by some tenths. Answers are reckoned with at a likely length, and at the most they may
have. What would be asked again, and what the journal has already, is not reckoned with.
"""

from __future__ import annotations

import logging
import sys

from arkiv.base.cli import parser, run
from arkiv.encode.tokenizer import fast_tokenizer
from arkiv.gold.grades import add_grading, grading_of
from arkiv.gold.pool import add_pool, pool_of
from arkiv.llm.estimate import Asked, estimated, write_estimate
from arkiv.llm.settings import OFFLINE
from arkiv.text.lengths import TokenCounter

log = logging.getLogger("estimate_grades")

LIKELY_GRADE = 2  # tokens


def main(argv: list[str] | None = None) -> None:
    arguments = parser(__doc__, tokenizer="MODELDIR", output="JSON")
    add_pool(arguments)
    add_grading(arguments)
    arguments = arguments.parse_args(argv)

    pool = {}
    if arguments.backend not in OFFLINE:
        grading = grading_of(arguments)
        pairs = pool_of(arguments)
        asked = (Asked(grading.request(pair).prompt, LIKELY_GRADE) for pair in pairs)
        counter = TokenCounter(fast_tokenizer(arguments.tokenizer))
        pool = estimated(asked, arguments, counter)
    write_estimate(arguments, "grades", {"pool": pool})
    log.info("%s", pool)


if __name__ == "__main__":
    sys.exit(run(main))
