"""Requests that are put to a language model once: what the journal has is not asked."""

from __future__ import annotations

import logging
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from itertools import chain
from typing import Protocol

from arkiv.base.errors import InputError
from arkiv.llm.journal import Journal
from arkiv.llm.protocol import Answer, Request

log = logging.getLogger("arkiv.llm.asking")

# Why a request has no answer.
UNANSWERED = "the model gave no answer"
THOUGHTS = re.compile(r"<think>.*?(</think>|\Z)", re.DOTALL | re.IGNORECASE)
USAGE = ("requests", "input_tokens", "output_tokens", "estimated_requests")


def without_thoughts(answer: str) -> str:
    """An answer without what a reasoning model thought before it."""
    return THOUGHTS.sub("", answer)


class Backend(Protocol):
    """Answers requests."""

    def ask(self, requests: Iterable[Request], journal: Journal) -> dict[str, str]:
        """Put an answer to every request into the journal, in any order.

        The journal has none of them as yet; it is asked before each whether the budget
        has room. Returns the requests that cannot be answered, by key, with the reason.

        Raises:
            InputError: the budget is spent, or the model cannot be asked. What was
                answered until then is in the journal.
        """


class Asking:
    """What a job asks, and what it has cost.

    Args:
        backend: makes the model that answers, if there is anything left to ask.
        journal: where answers are kept.

    Attributes:
        unanswered: requests that the model turned away, by key, with its reason.
    """

    def __init__(self, backend: Callable[[], Backend], journal: Journal) -> None:
        self.unanswered: dict[str, str] = {}
        self._backend = cache(backend)
        self._journal = journal
        self._usage: Counter[str] = Counter()
        self._money = 0.0

    def ask(self, requests: Iterable[Request]) -> None:
        """See that the journal has an answer to every request that gets one."""
        asked: set[str] = set()

        def new() -> Iterator[Request]:
            for request in requests:
                if request.key not in self._journal and request.key not in asked:
                    asked.add(request.key)
                    yield request

        waiting = new()
        first = next(waiting, None)
        if first is None:
            return
        backend = self._backend()
        self.unanswered |= backend.ask(chain([first], waiting), self._journal)
        log.info(
            "asked %d requests; the run has spent %s, %d of the requests without an "
            "answer that arrived",
            len(asked),
            self._journal.spent,
            self._journal.lost,
        )

    def answer(self, request: Request, *, count: bool = True) -> Answer:
        """The answer to a request that was asked and not turned away.

        With `count` its cost counts for `usage_stats`.
        """
        answer, money = self._journal.answer(request.key)
        if count:
            self._usage["requests"] += 1
            self._usage["input_tokens"] += answer.input
            self._usage["output_tokens"] += answer.output
            self._usage["estimated_requests"] += answer.estimated
            self._money += money
        return answer

    def usage_stats(self) -> dict[str, float]:
        """What the answers that were counted cost, whenever they were paid."""
        counts = {key: self._usage[key] for key in USAGE}
        return counts | {"money": round(self._money, 9)}

    def check_answered(self, key: str) -> None:
        """Refuse to go on where the model turned everything away.

        Raises:
            InputError: saying what it said; `key` is the setting of who is asked.
        """
        # Those that were lost on the way are paid for, perhaps, and no answers.
        if self.unanswered and self._journal.spent.requests == self._journal.lost:
            request, said = min(self.unanswered.items())
            raise InputError(
                f"turned away all of {len(self.unanswered)} requests, {request} with: "
                f"{said}",
                key=key,
            )
