"""Which of a language model's queries are kept: cleaned first, then judged by rules."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from difflib import SequenceMatcher

from arkiv.base.errors import InputError
from arkiv.base.hashing import nfc
from arkiv.llm.asking import without_thoughts
from arkiv.queries.settings import QueryLimits

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
    """The query an answer holds: one line in NFC, without numbering, label and quotes.

    Of several lines it is the first that does not merely announce what follows.
    """
    lines = nfc(without_thoughts(answer)).splitlines()
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
    matcher = SequenceMatcher(None, query, passage, autojunk=False)
    return matcher.find_longest_match().size


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


def refusal(query: str, passages: Iterable[str], limits: QueryLimits) -> str | None:
    """Why a cleaned query will not do; None if it will."""
    own = words(query)
    if not own:
        return EMPTY
    if len(own) > limits.max_words:
        return LONG
    forbidden = map(nfc, limits.forbidden)
    if any(re.search(pattern, query, re.IGNORECASE) for pattern in forbidden):
        return FORBIDDEN
    for passage in map(words, passages):
        run, share = limits.copied_run, limits.copied_share
        if run is not None and longest_run(own, passage) >= run:
            return COPIED
        if share is not None and copied_share(own, passage) >= share:
            return COPIED
    return None


def check_forbidden(patterns: Iterable[str]) -> None:
    """Refuse what is no regular expression.

    Raises:
        InputError: naming it.
    """
    for text in patterns:
        try:
            re.compile(text, re.IGNORECASE)
        except re.error as error:
            raise InputError(
                f"has {text!r}, which is no regular expression ({error})",
                key="queries.forbidden",
            ) from None


def mark(answer: str) -> int | None:
    """The mark from 1 to 5 that a judge's answer holds: its first such number."""
    found = MARK.search(without_thoughts(answer))
    return int(found[1]) if found else None
