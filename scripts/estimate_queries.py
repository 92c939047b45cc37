"""Estimate what a language model would be asked for queries, and what it would cost.

Nothing is sent. Tokens of prompts are counted with a tokenizer; another model's differ
by some tenths. Answers are reckoned with at a likely length, and at the most they may
have. What the journal has already is not taken off.
"""

from __future__ import annotations

import logging
import sys
from argparse import Namespace
from collections.abc import Iterator

from arkiv.base.cli import parser, run
from arkiv.base.files import Part
from arkiv.base.named import named
from arkiv.encode.tokenizer import fast_tokenizer
from arkiv.llm.estimate import (
    LIKELY_MARK,
    LIKELY_QUERY,
    Asked,
    estimated,
    write_estimate,
)
from arkiv.llm.settings import OFFLINE
from arkiv.queries.flags import add_task, sources_of, task_of
from arkiv.text.lengths import TokenCounter

log = logging.getLogger("estimate_queries")


def asked(arguments: Namespace, documents: str) -> Iterator[Asked]:
    """What would be asked for a dataset's queries and their marks."""
    if arguments.backend in OFFLINE:
        return
    task = task_of(arguments)
    for wanted in task.wanted(sources_of(arguments, documents, Part(1, 1))):
        yield Asked(wanted.request.prompt, LIKELY_QUERY)
        if task.judge:
            prompt = task.judgement(wanted.source, "").prompt
            yield Asked(prompt, LIKELY_MARK, LIKELY_QUERY)


def main(argv: list[str] | None = None) -> None:
    arguments = parser(
        __doc__, documents="DATASET=JSONL...", tokenizer="MODELDIR", output="JSON"
    )
    add_task(arguments)
    arguments = arguments.parse_args(argv)

    datasets = {}
    counter = TokenCounter(fast_tokenizer(arguments.tokenizer))
    for name, path in named(arguments.documents, "--documents").items():
        datasets[name] = estimated(asked(arguments, path), arguments, counter)
        log.info("%s: %s", name, datasets[name])
    write_estimate(arguments, "queries", datasets)


if __name__ == "__main__":
    sys.exit(run(main))
