"""Estimate what a language model would be asked for queries, and what it would cost.

Nothing is sent. Tokens of prompts are counted with a tokenizer; another model's differ
by some tenths. Answers are reckoned with at a likely length, and at the most they may
have. What the journal has already is not taken off.
"""

from __future__ import annotations

import logging
import sys
from collections import Counter
from collections.abc import Iterator

from arkiv.base.cli import parser, run
from arkiv.base.files import Part
from arkiv.base.named import named
from arkiv.encode.models import tokenizer_file
from arkiv.llm.estimate import prompt_tokens, with_money, write_estimate
from arkiv.llm.options import add_budget, prices_of
from arkiv.queries.flags import add_task, groups_of, task_of
from arkiv.queries.generator import Task
from arkiv.queries.sources import Groups, Sources
from arkiv.text.lengths import TokenCounter

log = logging.getLogger("estimate_queries")

# Of a query, and of a judge's mark with a word about it.
LIKELY_QUERY, LIKELY_MARK = 32, 4


def counted(
    task: Task, path: str, groups: Groups, counter: TokenCounter
) -> Counter[str]:
    """Requests and tokens of a dataset's queries and their marks."""
    counts: Counter[str] = Counter()
    most = task.sampling.max_tokens

    def prompts() -> Iterator[str]:
        for wanted in task.wanted(Sources(path, Part(1, 1), groups)):
            counts["requests"] += 1
            counts["likely_output_tokens"] += min(most, LIKELY_QUERY)
            yield wanted.request.prompt
            if task.judge:
                counts["requests"] += 1
                counts["input_tokens"] += LIKELY_QUERY
                counts["likely_output_tokens"] += min(most, LIKELY_MARK)
                yield task.judgement(wanted.source, "").prompt

    tokens = prompt_tokens(prompts(), counter)
    counts["input_tokens"] += tokens
    counts["most_output_tokens"] = counts["requests"] * most
    return counts


def main(argv: list[str] | None = None) -> None:
    arguments = parser(__doc__)
    arguments.add_argument(
        "--documents", nargs="+", required=True, metavar="DATASET=JSONL"
    )
    arguments.add_argument("--tokenizer", required=True, metavar="MODELDIR")
    arguments.add_argument("--output", required=True, metavar="JSON")
    add_task(arguments)
    add_budget(arguments)
    arguments = arguments.parse_args(argv)

    datasets = {}
    prices = prices_of(arguments)
    counter = TokenCounter(tokenizer_file(arguments.tokenizer))
    for name, path in named(arguments.documents, "--documents").items():
        counts: Counter[str] = Counter()
        if arguments.backend != "extractive":
            counts = counted(task_of(arguments), path, groups_of(arguments), counter)
        datasets[name] = with_money(counts, prices)
        log.info("%s: %s", name, datasets[name])
    write_estimate(arguments, "queries", datasets)


if __name__ == "__main__":
    sys.exit(run(main))
