"""The order of page files by their names, and what the names say of their numbers.

Names are compared as a whole, runs of digits by their value: `0012_left`,
`0012_right`, `0013`. The digits in which the names of a volume differ first are the
numbers of its pages, where each page has a higher one than the page before; else pages
are counted.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

from arkiv.base.natural import DIGITS
from arkiv.volumes.member import shown

# Digits of a number; a longer run is not one.
LONGEST = 18
# What divides the part of a name that all pages share from what is a page's own.
SEPARATORS = "._- "
# The number that ends a name, what introduces it and the side of the leaf.
LAST_NUMBER = re.compile(
    r"[\W_]*(?:(?<![a-z])(?:folio|fol|f|page|p|image|img)[\W_]*)?[0-9]+"
    r"[\W_]*(?:[a-z]|recto|verso|left|right)?$",
    re.IGNORECASE,
)


class Place(NamedTuple):
    """Where a page stands in its volume."""

    number: int
    label: str | None
    """What the archive calls it, if that is not its number."""
    follows: bool
    """Whether, as far as is known, no page is missing before it."""


def places(stems: Sequence[str]) -> list[Place]:
    """The place of each page, given the names of a volume's pages in their order.

    Args:
        stems: without endings.
    """
    chunks = [DIGITS.split(stem) for stem in stems]
    at = _differing(chunks)
    read = [_number(each, at) for each in chunks]
    steps = _steps(chunks, read, at)
    named = read[:1] != [None] and all(step is not None and step > 0 for step in steps)
    # Where pages are numbered by twos or tens, none is missing.
    usual = min((step for step in steps if step), default=1)
    shared = _shared(stems)
    result: list[Place] = []
    for stem, number, step in zip(stems, read, [0, *steps], strict=False):
        if number is None or not named:
            number = len(result) + 1
        label = stem[shared:]
        same = number_of(label) == number
        follows = step is not None and step <= max(usual, 1)
        result.append(Place(number, None if same else shown(label), follows))
    return result


def number_of(text: str) -> int | None:
    """The number that a text of nothing but digits is, unless it is far too long."""
    return int(text) if text.isdecimal() and len(text) <= LONGEST else None


def prefix(stem: str) -> str:
    """The part of a name that says of which manuscript a page is: `Ms_A` of `Ms_A_12r`.

    A name that ends in no number has none.
    """
    number = LAST_NUMBER.search(stem)
    return stem[: number.start()] if number else ""


def _differing(chunks: Sequence[list[str]]) -> int:
    """The place of the digits that are the numbers: the first that differ."""
    longest = max(map(len, chunks), default=0)
    for at in range(1, longest, 2):
        if len({tuple(each[at : at + 1]) for each in chunks}) > 1:
            return at
    # Of one page: `30003368_01100`, but not the year of `0001_Brev_1848`.
    plain = not any(part.strip(SEPARATORS) for each in chunks for part in each[2::2])
    return max(longest - 2, 1) if plain else 1


def _number(chunks: list[str], at: int) -> int | None:
    return number_of(chunks[at]) if at < len(chunks) else None


def _steps(
    chunks: Sequence[list[str]], read: Sequence[int | None], at: int
) -> list[int | None]:
    """How far each page is from the one before; None if it is of another manuscript."""
    return [
        None if one is None or two is None or a[:at] != b[:at] else two - one
        for (a, b), (one, two) in zip(pairwise(chunks), pairwise(read), strict=True)
    ]


def _shared(stems: Sequence[str]) -> int:
    """How many characters all names begin with, up to a separator."""
    first, last = min(stems, default=""), max(stems, default="")
    size = next(
        (n for n in range(len(first)) if first[n] != last[n : n + 1]), len(first)
    )
    return max(first.rfind(sign, 0, size) for sign in SEPARATORS) + 1
