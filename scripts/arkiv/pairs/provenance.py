"""Where a passage comes from: what a row may say of it, and what that becomes.

A volume or group is a name; pages are whole numbers in the order of the volume, by
which blocks are cut, with labels, what the archive calls them; confidence is the
recogniser's, from 0 to 1. Of the volume its years may be known, its type, its title and
its reference code, and under `about` whatever else, as `{"name", "value"}` each, so
that all records have the same columns.
"""

from __future__ import annotations

import math

from arkiv.base.errors import InputError
from arkiv.base.files import Record
from arkiv.base.numbers import share
from arkiv.base.years import years

YEARS = ("year", "year_to")
PAGES = ("first_page", "last_page")
LABELS = ("first_label", "last_label")
NAMES = ("volume", "group", "type", *LABELS)
# What is known of a volume.
ABOUT = (*YEARS, "type", "title", "reference", "about")
# What pairs are divided by.
PLACE = ("volume", *PAGES, "group", *YEARS)
# In the order in which they are written: where a text stands, and how well it was read.
ORIGIN = ("volume", *PAGES, *LABELS, "group", *ABOUT)
PROVENANCE = (*ORIGIN, "confidence")
# No passage runs over more; a slip in a number would fill the memory with its blocks.
MOST_PAGES = 10_000


def settle_provenance(record: Record) -> None:
    """Check what a row says of its origin.

    Numbers that are written otherwise become numbers, and names that are numbers texts;
    of two pages or years one stands for both.

    Raises:
        InputError: naming the key, what it holds and what was expected.
    """
    for key in NAMES:
        value = record.get(key)
        if isinstance(value, bool) or not isinstance(value, str | int | float | None):
            kind = type(value).__name__
            raise InputError(f"is of type {kind}, expected a text or a number", key=key)
        if value is not None:
            record[key] = name_of(value)
    given = [key for key in PAGES if record.get(key) is not None]
    for key in given:
        record[key] = _whole_number(record[key], key)
    if given:
        for key in PAGES:
            record[key] = record[key if key in given else given[0]]
        _check_order(record["first_page"], record["last_page"])
    _settle_years(record)
    if record.get("confidence") is not None:
        record["confidence"] = _share(record["confidence"])


def origin_of(row: Record) -> Record:
    """What a ready row says of where its positives come from.

    There `type` is the query's, and `about`, or a title or reference that is no text,
    is not ours.
    """
    return {
        key: row[key]
        for key in PROVENANCE
        if key in row and key not in ("type", "about")
        if key not in ("title", "reference") or isinstance(row[key], str | None)
    }


def _settle_years(record: Record) -> None:
    given = [key for key in YEARS if key in record]
    spans = [span for key in given if (span := years(record[key], key)) is not None]
    if spans:
        first, last = spans[0][0], spans[-1][1]
        if last < first:
            raise InputError(
                f"is {last}, before `year`, which is {first}", key=given[-1]
            )
        record["year"], record["year_to"] = first, last
    else:
        record.update(dict.fromkeys(given))


def name_of(value: str | int | float) -> str | None:
    """A name as a row has it: 12, 12.0, as a column with gaps is written, and "12" are
    one; a blank is none."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    name = str(value)
    return name if name.strip() else None


def _whole_number(value: object, key: str) -> int:
    try:
        number = float(value) if not isinstance(value, bool) else math.nan
    except (TypeError, ValueError, OverflowError):
        number = math.nan
    if not number.is_integer():
        raise InputError(
            f"is {value!r}, expected a whole number: count the pages in their order, "
            f"and keep labels (12r, iv) under `{key.replace('page', 'label')}`",
            key=key,
        )
    return int(number)


def _check_order(first: int, last: int) -> None:
    if last < first:
        reason = f"is {last}, before `first_page`, which is {first}"
        raise InputError(reason, key="last_page")
    if last - first >= MOST_PAGES:
        raise InputError(
            f"is {last}, {last - first:,} pages after `first_page`; expected a passage "
            f"of at most {MOST_PAGES:,} pages",
            key="last_page",
        )


def _share(value: object) -> float:
    number = None if isinstance(value, bool) else share(value)
    if number is None:
        raise InputError(
            f"is {value!r}, expected a number from 0 to 1", key="confidence"
        )
    return number
