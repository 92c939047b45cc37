"""What a language model would be asked, before it is: requests, tokens and money."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice

from arkiv.base.files import write_json
from arkiv.llm.budget import Prices
from arkiv.llm.options import budget_of
from arkiv.text.lengths import TokenCounter

COUNTED = (
    "requests",
    "input_tokens",
    "likely_output_tokens",
    "most_output_tokens",
)
# Prompts held at once.
HELD = 256


def prompt_tokens(prompts: Iterable[str], counter: TokenCounter) -> int:
    """The tokens of all prompts together."""

    def held() -> Iterator[list[str]]:
        waiting = iter(prompts)
        while some := list(islice(waiting, HELD)):
            yield some

    return sum(int(counter.lengths(some).sum()) for some in held())


def write_estimate(
    arguments: argparse.Namespace, of: str, datasets: Mapping[str, Mapping[str, float]]
) -> None:
    """Write what show_estimate.py reads to the `--output` of a program.

    Args:
        arguments: with whom it would ask, and the budget.
        of: what is asked for.
        datasets: counts with money, of each dataset.
    """
    write_json(
        arguments.output,
        {
            "of": of,
            "backend": arguments.backend,
            "model": arguments.model,
            "budget": vars(budget_of(arguments)),
            "datasets": datasets,
        },
    )


def with_money(counts: Mapping[str, int], prices: Prices) -> dict[str, float]:
    """The counts of `COUNTED`, and `likely_money` and `most_money` by the prices."""
    money = {
        f"{kind}_money": prices.cost(
            counts["input_tokens"], counts[f"{kind}_output_tokens"]
        ).money
        for kind in ("likely", "most")
    }
    return {key: counts[key] for key in COUNTED} | {
        key: round(value, 6) for key, value in money.items()
    }
