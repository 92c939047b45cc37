"""Grades by a language model: how much a passage helps whoever asks a query.

The scale is that of TREC's tracks, as language models are asked for it by UMBRELA
(Upadhyay et al., 2024): 0 not at all, 1 a little, 2 much, 3 wholly.
"""

from __future__ import annotations

import argparse
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from arkiv.base.files import Record
from arkiv.base.setting_flags import add_settings
from arkiv.gold.pool import Pair
from arkiv.gold.settings import Judge
from arkiv.llm.asking import UNANSWERED, Asking, without_thoughts
from arkiv.llm.options import add_model, sampling_of
from arkiv.llm.prompts import Prompt
from arkiv.llm.protocol import Request, Sampling

NO_GRADE = "the model gave no grade"
# Put below the prompt when it is asked again.
REMINDER = "Answer with one digit and nothing else: 0, 1, 2 or 3."
# A number, whole or not, with its sign.
NUMBER = re.compile(r"(?<![\w.,])-?\d+(?:[.,]\d+)*(?!\w)")
# The highest grade, where it is named with the grade given: 2/3, 2 of 3.
OUT_OF = re.compile(r"(?<=[0-3])\s*(?:/|(?:ut)?av|(?:out )?of)\s*3(?![\w.,]\d)", re.I)


def grade_in(answer: str) -> int | None:
    """The grade that an answer gives; None if that is not certain.

    It is the number that the answer begins with, or else the only one in it: an answer
    that names several, such as the scale, may mean any of them.
    """
    text = OUT_OF.sub("", without_thoughts(answer)).strip(" \t\r\n*_`#\"'()[]")
    numbers = [(found.start(), found[0]) for found in NUMBER.finditer(text)]
    if not numbers:
        return None
    start, first = numbers[0]
    # A dash after it makes it the beginning of a range.
    alone = start == 0 and not re.match(r"\s*[-–—]\s*\d", text[len(first) :])
    if not alone and len({number for _, number in numbers}) > 1:
        return None
    return int(first) if first in ("0", "1", "2", "3") else None


@dataclass(frozen=True)
class Grading:
    """What is asked of each pair.

    Attributes:
        prompt: with the fields `query` and `text`.
        language: the field of that name.
        tries: how often it is asked where its answer is no grade.
    """

    prompt: Prompt
    language: str
    sampling: Sampling
    tries: int

    def request(self, pair: Pair, tried: int = 0) -> Request:
        """The request for the grade of a pair after so many tries."""
        values = {"language": self.language, **pair.passage, "query": pair.query}
        text = self.prompt.filled(values)
        if tried:
            text = f"{text}\n\n{REMINDER}"
        return Request.make(text, self.sampling, "grade", tried)


def add_grading(arguments: argparse.ArgumentParser) -> None:
    """Add which language model is asked for grades, how, and what it may cost."""
    add_settings(arguments, Judge, "backend", "prompt", "tries")
    add_model(arguments, Judge)


def grading_of(arguments: argparse.Namespace) -> Grading:
    """What `add_grading` speaks of.

    Raises:
        InputError: no model is named, or the prompt is faulty.
    """
    prompt = Prompt.read(arguments.prompt, needed=("text", "query"))
    return Grading(prompt, arguments.language, sampling_of(arguments), arguments.tries)


class Grader:
    """Grades pairs, each asked about until the answer is a grade.

    Attributes:
        rejected: pairs without a grade, each with its `reason`.
    """

    def __init__(self, grading: Grading, asking: Asking) -> None:
        self.rejected: list[Record] = []
        self._grading = grading
        self._asking = asking
        self._again = 0

    def graded(self, pairs: Sequence[Pair]) -> list[Record]:
        """The pairs that get a grade, in their order.

        Returns:
            `{"query_id", "passage_id", "grade"}` each.
        """
        outcomes: dict[int, Record] = {}
        left: Sequence[int] = range(len(pairs))
        for tried in range(self._grading.tries):
            self._again += len(left) if tried else 0
            self._asking.ask(
                self._grading.request(pairs[place], tried) for place in left
            )
            self._asking.check_answered("gold.judge")
            for place in left:
                request = self._grading.request(pairs[place], tried)
                outcomes[place] = self._outcome(request)
            left = [at for at in left if outcomes[at].get("reason") == NO_GRADE]
        graded = []
        for place, pair in enumerate(pairs):
            if "grade" in outcomes[place]:
                graded.append(pair.ids | outcomes[place])
            else:
                self.rejected.append(outcomes[place] | pair.ids)
        return graded

    def _outcome(self, request: Request) -> Record:
        """The grade that a request brought, or why there is none, and more on that."""
        if (said := self._asking.unanswered.get(request.key)) is not None:
            return {"reason": UNANSWERED, "detail": said}
        answer = self._asking.answer(request)
        grade = grade_in(answer.text)
        if grade is None:
            return {"reason": NO_GRADE, "detail": answer.text[:200]}
        return {"grade": grade}

    def stats(self) -> Record:
        """What came of it, and what the answers cost."""
        reasons = Counter(record["reason"] for record in self.rejected)
        return {
            "rejected": dict(sorted(reasons.items())),
            "asked_again": self._again,
            "usage": self._asking.usage_stats(),
        }
