"""What a language model would be asked, before it is: requests, tokens and money."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Mapping
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple

from arkiv.base.files import write_json
from arkiv.base.setting_flags import settings_from
from arkiv.llm.settings import Budget, Prices

if TYPE_CHECKING:
    from arkiv.text.lengths import TokenCounter

# Tokens of a query, and of a judge's mark with a word about it.
LIKELY_QUERY, LIKELY_MARK = 32, 4
# Prompts held at once.
HELD = 256


class Asked(NamedTuple):
    """A prompt, the likely tokens of its answer, and those of what it lacks as yet."""

    prompt: str
    answer: int
    lacking: int = 0


def estimated(
    asked: Iterable[Asked], arguments: argparse.Namespace, counter: TokenCounter
) -> dict[str, float]:
    """Requests, tokens and money of all that would be asked, see `add_model`."""
    most = arguments.max_tokens
    prices = settings_from(arguments, Prices, prefix="price_")
    requests = tokens = likely = 0
    waiting = iter(asked)
    while held := list(islice(waiting, HELD)):
        requests += len(held)
        tokens += int(counter.lengths(one.prompt for one in held).sum())
        tokens += sum(one.lacking for one in held)
        likely += sum(min(one.answer, most) for one in held)
    return {
        "requests": requests,
        "input_tokens": tokens,
        "likely_output_tokens": likely,
        "most_output_tokens": requests * most,
        "likely_money": round(prices.cost(tokens, likely).money, 6),
        "most_money": round(prices.cost(tokens, requests * most).money, 6),
    }


def write_estimate(
    arguments: argparse.Namespace, of: str, datasets: Mapping[str, Mapping[str, float]]
) -> None:
    """Write what show_estimate.py reads: of each dataset what `estimated` says."""
    written = {
        "of": of,
        "backend": arguments.backend,
        "model": arguments.model,
        "budget": vars(settings_from(arguments, Budget, prefix="budget_")),
        "datasets": datasets,
    }
    write_json(arguments.output, written)
