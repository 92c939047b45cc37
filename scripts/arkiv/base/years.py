"""Years as tables and rows have them: a year, a span of years, a date."""

from __future__ import annotations

import re

from arkiv.base.errors import InputError

# What lies outside is a slip: 18, 18801.
FIRST, LAST = 100, 2999
EXPECTED = "a year (1880), a span (1880-1885) or a date (1880-05-03)"

_DATE = r"(\d{3,4})(?:-(\d\d)(?:-(\d\d)(?:T\S*)?)?)?"
_TO = r"\s*(?:[-–—/]|\.\.|\bto\b)\s*"
DATE = re.compile(_DATE)
COMPACT = re.compile(r"(\d{4})(\d\d)(\d\d)")
SPAN = re.compile(f"{_DATE}{_TO}{_DATE}")
# 1880-85, which from 1901-02 to 1911-12 may also be a month.
SHORT = re.compile(r"(\d{4})\s*[-–—/]\s*(\d\d)")


def years(value: object, key: str) -> tuple[int, int] | None:
    """The first and last year that a value names, which may be the same; None for
    nothing: an empty text or None.

    Args:
        value: a whole number, or a text of a year, of a span (`1880-1885`, `1880–85`,
            ISO 8601's `1880/1885`) or of a date as ISO 8601 has it (`1880-05-03`,
            `1880-05`, `18800503`).
        key: that has the value. In `year` a month cannot be told from a span's end:
            `1901-05` is refused there.

    Raises:
        InputError: naming the key, what it holds and what was expected.
    """
    text = "" if value is None else str(value).strip()
    if isinstance(value, float) and value.is_integer():
        text = str(int(value))
    elif re.fullmatch(r"\d+\.0+", text):  # as spreadsheets write whole numbers
        text = text.partition(".")[0]
    if not text and not isinstance(value, bool | list | dict):
        return None
    found = None if isinstance(value, bool) else _named(text, key)
    if found is None or not all(FIRST <= year <= LAST for year in found):
        raise InputError(f"is {value!r}, expected {EXPECTED}", key=key)
    if found[0] > found[1]:
        raise InputError(f"is {value!r}, a span that ends before it begins", key=key)
    return found


def _named(text: str, key: str) -> tuple[int, int] | None:
    if found := SHORT.fullmatch(text):
        return _of_short(text, found, key)
    if (found := DATE.fullmatch(text) or COMPACT.fullmatch(text)) and _is_date(found):
        return int(found[1]), int(found[1])
    if (found := SPAN.fullmatch(text)) and _is_date(found) and _is_date(found, 3):
        return int(found[1]), int(found[4])
    return None


def _of_short(text: str, found: re.Match, key: str) -> tuple[int, int] | None:
    """The years of `1880-85`, which ends in the same century, or of `1880-05`."""
    first, two = int(found[1]), int(found[2])
    last = first // 100 * 100 + two
    is_month = "-" in text and text == text.replace(" ", "") and 1 <= two <= 12
    if is_month and (last <= first or key != "year"):
        return first, first
    if is_month:
        raise InputError(
            f"is {text!r}, a month or the span {first}-{last}; write {first} or "
            f"{first}-{last}",
            key=key,
        )
    return (first, last) if last > first else None


def _is_date(found: re.Match, after: int = 0) -> bool:
    """Whether the month and day behind these groups can be ones."""
    month, day = found[after + 2], found[after + 3]
    return (month is None or 1 <= int(month) <= 12) and (
        day is None or 1 <= int(day) <= 31
    )


def decade(year: int) -> str:
    """The decade of a year: `1880s`."""
    return f"{year // 10 * 10}s"
