"""Tables as text: what divides their columns, and what these are called."""

from __future__ import annotations

import csv

# The likeliest first.
DELIMITERS = ",;\t|"


def header(start: str) -> tuple[str, list[str]]:
    """The delimiter of a table, and its columns' names in lower case.

    By its first line: the delimiter is what makes the most columns of it.
    """
    line = start.lstrip("\ufeff").partition("\n")[0].rstrip("\r")
    found = {sign: _names(line, sign) for sign in DELIMITERS}
    delimiter = max(DELIMITERS, key=lambda sign: len(found[sign]))
    return delimiter, found[delimiter]


def _names(line: str, delimiter: str) -> list[str]:
    try:
        fields = next(csv.reader([line], delimiter=delimiter), [])
    except csv.Error:
        return []
    return [field.strip().lower() for field in fields]
