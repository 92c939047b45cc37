"""Estimate what grades by a language model would cost, before any is asked for.

Nothing is sent. Tokens of prompts are counted with a tokenizer; another model's differ
by some tenths. Answers are reckoned with at a likely length, and at the most they may
have. What would be asked again, and what the journal has already, is not reckoned with.
"""

from __future__ import annotations

import argparse
import logging
import sys

from arkiv.base.cli import parser, run
from arkiv.base.files import Part
from arkiv.encode.models import tokenizer_file
from arkiv.gold.flags import add_grading, grading_of
from arkiv.gold.pool import read_pool
from arkiv.llm.estimate import prompt_tokens, with_money, write_estimate
from arkiv.llm.options import add_budget, prices_of
from arkiv.text.lengths import TokenCounter

log = logging.getLogger("estimate_grades")

LIKELY_GRADE = 2  # tokens


def counted(arguments: argparse.Namespace) -> dict[str, float]:
    """Requests, tokens and money of the pool's grades."""
    grading = grading_of(arguments)
    pairs = read_pool(arguments.pool, Part(1, 1), arguments.queries, arguments.corpus)
    counter = TokenCounter(tokenizer_file(arguments.tokenizer))
    prompts = (grading.request(pair).prompt for pair in pairs)
    most = grading.sampling.max_tokens
    counts = {
        "requests": len(pairs),
        "input_tokens": prompt_tokens(prompts, counter),
        "likely_output_tokens": len(pairs) * min(most, LIKELY_GRADE),
        "most_output_tokens": len(pairs) * most,
    }
    return with_money(counts, prices_of(arguments))


def main(argv: list[str] | None = None) -> None:
    arguments = parser(__doc__)
    arguments.add_argument("--corpus", required=True, metavar="JSONL")
    arguments.add_argument("--queries", required=True, metavar="JSONL")
    arguments.add_argument("--pool", required=True, metavar="JSONL")
    arguments.add_argument("--tokenizer", required=True, metavar="MODELDIR")
    arguments.add_argument("--output", required=True, metavar="JSON")
    add_grading(arguments)
    add_budget(arguments)
    arguments = arguments.parse_args(argv)

    pool = {}
    if arguments.backend != "extractive":
        pool = counted(arguments)
    write_estimate(arguments, "grades", {"pool": pool})
    log.info("%s", pool)


if __name__ == "__main__":
    sys.exit(run(main))
