"""Which of a language model's queries are kept: cleaned first, then judged by rules."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from arkiv.base.errors import InputError
from arkiv.llm.asking import without_thoughts

WORD = re.compile(r"\w+")
# `1.`, `2)`, `- `, `* `, `• ` and `#` before a line.
NUMBERING = re.compile(r"^(?:\(?\d{1,3}[.):]\s+|[-–*•]\s+|#+\s+)")
LABEL = re.compile(
    r"^(?:(?:en|a|the|här är(?: en)?|here is(?: a| the)?)\s+)?"
    r"(?:sök)?(?:fråga(?:n)?|question|(?:search )?query|svar|answer|nyckelord|keywords?"
    r"|påstående|claim|sökord|frage|spørgsmål|spørsmål|kysymys|question de "
    r"recherche)\s*\d*\s*:\s*",
    re.IGNORECASE,
)
MARKS = "*_`"
QUOTES = {
    '"': '"',
    "'": "'",
    "”": "”",
    "“": "”",
    "„": "“”",
    "’": "’",
    "‘": "’",
    "«": "»",
    "»": "«»",
}
# Fewer words say little by the share of their triples.
LEAST_TRIPLES = 4
TRIPLE = 3
MARK = re.compile(r"(?<![\d.,/])([1-5])(?![\d]|[.,]\d)")

# The reasons by which queries are counted.
EMPTY = "is empty"
CUT = "was cut off at max_tokens"
LONG = "is longer than max_words"
COPIED = "copies its passage"
FORBIDDEN = "says what is forbidden"
REPEATED = "repeats a query of its document"
LOW_MARK = "has too low a mark from the judge"
NO_MARK = "has no mark from the judge"


def cleaned(answer: str) -> str:
    """The query that an answer holds: one line, without numbering, label and quotes.

    Of several lines it is the first that does not merely announce what follows.
    """
    lines = without_thoughts(answer).splitlines()
    texts = [text for line in lines if (text := _bare(line))]
    for place, text in enumerate(texts):
        if not (text.endswith(":") and place + 1 < len(texts)):
            return text
    return ""


def _bare(line: str) -> str:
    """A line without what stands around a query, however often."""
    line = " ".join(line.split())
    while True:
        before = line
        line = NUMBERING.sub("", line.strip(MARKS + " "))
        line = LABEL.sub("", line)
        if len(line) > 1 and line[-1] in QUOTES.get(line[0], ""):
            inner = line[1:-1]
            # Not where the first quotation ends before the last begins.
            if line[0] not in inner and line[-1] not in inner:
                line = inner
        if line == before:
            return line


def words(text: str) -> list[str]:
    """The words of a text, case aside."""
    return WORD.findall(text.casefold())


def normal_form(query: str) -> str:
    """What two queries share that differ in case, signs and white space alone."""
    return " ".join(words(query))


def longest_run(query: Sequence[str], passage: Sequence[str]) -> int:
    """The length of the longest run of words that both have."""
    # Rows of the usual table, of which only the cells that match are kept.
    places: dict[str, list[int]] = {}
    for place, word in enumerate(passage):
        places.setdefault(word, []).append(place)
    longest = 0
    runs: dict[int, int] = {}
    for word in query:
        runs = {place: runs.get(place - 1, 0) + 1 for place in places.get(word, ())}
        longest = max(longest, *runs.values()) if runs else longest
    return longest


def copied_share(query: Sequence[str], passage: Sequence[str]) -> float:
    """The share of the query's word triples that the passage has; 0 for a short query.

    A query of a few words, such as a name and a place, may share them all.
    """
    triples = _triples(query)
    if len(triples) < LEAST_TRIPLES:
        return 0.0
    return len(triples & _triples(passage)) / len(triples)


def _triples(text: Sequence[str]) -> set[tuple[str, ...]]:
    return {tuple(text[i : i + TRIPLE]) for i in range(len(text) - TRIPLE + 1)}


@dataclass(frozen=True)
class Limits:
    """What a query may be.

    Attributes:
        max_words: of a query.
        copied_run: it is refused if so many words in a row are its passage's; None:
            however many.
        copied_share: likewise with this share of its word triples.
        forbidden: it is refused if it matches one of these.
    """

    max_words: int = 40
    copied_run: int | None = 8
    copied_share: float | None = 0.6
    forbidden: tuple[re.Pattern, ...] = ()

    def refusal(self, query: str, passages: Iterable[str]) -> str | None:
        """Why a cleaned query will not do; None if it will."""
        own = words(query)
        if not own:
            return EMPTY
        if len(own) > self.max_words:
            return LONG
        if any(pattern.search(query) for pattern in self.forbidden):
            return FORBIDDEN
        for passage in map(words, passages):
            run, share = self.copied_run, self.copied_share
            if run is not None and longest_run(own, passage) >= run:
                return COPIED
            if share is not None and copied_share(own, passage) >= share:
                return COPIED
        return None


def patterns(texts: Iterable[str]) -> tuple[re.Pattern, ...]:
    """The regular expressions of forbidden words, case aside.

    Raises:
        InputError: one that is none.
    """
    found = []
    for text in texts:
        try:
            found.append(re.compile(text, re.IGNORECASE))
        except re.error as error:
            raise InputError(
                f"has {text!r}, which is no regular expression ({error})",
                key="queries.forbidden",
            ) from None
    return tuple(found)


def mark(answer: str) -> int | None:
    """The mark from 1 to 5 that a judge's answer holds: its first such number."""
    found = MARK.search(without_thoughts(answer))
    return int(found[1]) if found else None
