"""What is known of the volumes of an archive: years, type, title, reference code.

By a table that a person or an archive's catalogue has made, or by what the METS file of
a volume says.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from arkiv.base.errors import InputError
from arkiv.base.files import Record
from arkiv.base.hashing import nfc
from arkiv.base.years import years
from arkiv.volumes.table import rows
from arkiv.volumes.volume import Volume

VOLUME = "volume"
# Columns that hold the first or the last year, or both in one. Others are kept as text.
BEGINNINGS = ("year", "date", "from")
ENDS = ("to", "year_to")
TEXTS = ("type", "title", "reference")
KNOWN = frozenset((VOLUME, *BEGINNINGS, *ENDS, *TEXTS))
# Names that a sentence lists.
SHOWN = 5


def about(
    span: tuple[int, int] | None = None,
    texts: Mapping[str, str | None] | None = None,
    others: Mapping[str, str] | None = None,
) -> Record:
    """What is known of a volume, as documents have it: whatever is known, with the
    same keys, and values of the same types.

    Args:
        span: its first and last year.
        texts: its type, title and reference.
        others: more, by name.
    """
    first, last = span or (None, None)
    return {
        "year": first,
        "year_to": last,
        **{key: (texts or {}).get(key) or None for key in TEXTS},
        "about": [
            {"name": name, "value": value} for name, value in (others or {}).items()
        ],
    }


def read_table(path: str | Path) -> dict[str, Record]:
    """What a table says of each volume, by the volume's name.

    A table is CSV (with commas, semicolons, tabs or bars, told by the head) or, by its
    name, JSON Lines; UTF-8, with a byte order mark or without.

    Raises:
        InputError: naming the line and the column at fault.
    """
    found: dict[str, Record] = {}
    lines: dict[str, int] = {}
    for line, row in rows(path, VOLUME, KNOWN):
        try:
            name = _text(row.pop(VOLUME, None), VOLUME)
            if not name:
                raise InputError("is empty, expected a volume's name", key=VOLUME)
            if first := lines.get(name):
                reason = f"is {name}, which line {first} tells of already"
                raise InputError(reason, key=VOLUME)
            lines[name], found[name] = line, _of_row(row)
        except InputError as fault:
            raise fault.at(path, line) from None
    if not found:
        raise InputError("is empty, expected a line for each volume", file=path)
    return found


def described(
    names: Iterable[str], table: Mapping[str, Record], path: str | Path
) -> dict[str, Record]:
    """What the table says of the volumes of an archive, by the volumes' names.

    Raises:
        InputError: naming volumes that the table lacks, or that the archive lacks.
    """
    wanted = {nfc(name): name for name in names}
    lacking = [name for name in wanted if name not in table]
    strange = [name for name in table if name not in wanted]
    if lacking and strange:
        raise InputError(
            f"has no line for {_listed(lacking)} of the archive, but tells of "
            f"{_listed(strange)} not in it; call volumes as find_volumes.py does",
            file=path,
        )
    if lacking:
        raise InputError(
            f"has no line for {_listed(lacking)} of the archive; add one, with empty "
            "cells for what is not known",
            file=path,
        )
    if strange:
        raise InputError(
            f"tells of {_listed(strange)} not in the archive; leave out what is not "
            "there",
            file=path,
        )
    return {own: table[name] for name, own in wanted.items()}


def with_about(volumes: Sequence[Volume], table: str | Path | None) -> list[Volume]:
    """The volumes with what a table says of them, else with what METS says.

    All have the same keys, as `about` gives them; none where nothing is known of any.

    Raises:
        InputError: as `read_table` and `described`.
    """
    known = {one.name: dict(one.about) or about() for one in volumes}
    if table is not None:
        readable = [one.name for one in volumes if not one.fault]
        told = read_table(table)
        broken = known.keys() - set(readable)
        known |= described([*readable, *(broken & told.keys())], told, table)
    anything = any(any(record.values()) for record in known.values())
    return [replace(one, about=known[one.name] if anything else {}) for one in volumes]


def about_folders(
    folders: Sequence[str], told: Iterable[tuple[str, Record]]
) -> list[Record]:
    """What METS files that list no page say of documents, by where both lie.

    A METS file tells of the single document in or below its folder; where there are
    several, it is that of a collection, or it is not clear whose it is.

    Args:
        folders: of documents.
        told: folders of METS files, and what they say.
    """
    known: dict[str, Record] = {}
    for folder, said in told:
        known[folder] = {} if folder in known else said
    above = [
        [each for each in folders_above(folder) if each in known] for folder in folders
    ]
    counts = Counter(each for some in above for each in some)
    return [
        next((known[each] for each in some if counts[each] == 1), {}) for some in above
    ]


def folders_above(folder: str) -> Iterator[str]:
    """A folder and those that it lies in, up to the archive."""
    while folder:
        yield folder
        folder = folder.rpartition("/")[0]
    yield ""


def _listed(names: list[str]) -> str:
    few = ", ".join(names[:SHOWN])
    volumes = "volume" if len(names) == 1 else "volumes"
    more = " …" if len(names) > SHOWN else ""
    return f"{len(names):,} {volumes} ({few}{more})"


def _of_row(row: Mapping[str, Any]) -> Record:
    texts = {key: _text(row.get(key), key) for key in TEXTS}
    others = {key: _text(value, key) for key, value in row.items() if key not in KNOWN}
    return about(_span(row), texts, {key: text for key, text in others.items() if text})


def _span(row: Mapping[str, Any]) -> tuple[int, int] | None:
    """The first and last year of a row; one of them stands for both.

    Raises:
        InputError: what is none, or two columns that do not agree.
    """
    found = {
        key: span
        for key in (*BEGINNINGS, *ENDS)
        if (span := years(row.get(key), key)) is not None
    }
    if not found:
        return None
    begins = [key for key in BEGINNINGS if key in found]
    ends = [key for key in ENDS if key in found]
    for some in (begins, ends):
        if any(found[key] != found[some[0]] for key in some):
            raise _differ(row, some[0], some[1])
    first, last = found[(begins or ends)[0]], found[(ends or begins)[0]]
    if first[1] not in (first[0], last[1]):
        raise _differ(row, begins[0], ends[0])
    if last[1] < first[0]:
        raise InputError(
            f"is {last[1]}, before the first year, {first[0]}", key=ends[0]
        )
    return first[0], last[1]


def _differ(row: Mapping[str, Any], one: str, other: str) -> InputError:
    reason = f"is {row[one]!r}, but `{other}` is {row[other]!r}; keep one of them"
    return InputError(reason, key=one)


def _text(value: object, key: str) -> str | None:
    """A cell as text, in Unicode's form NFC as all texts are; None if empty."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, list | dict):
        kind = "list" if isinstance(value, list) else "map"
        raise InputError(f"is a {kind}, expected a text or a number", key=key)
    if isinstance(value, bool):
        value = json.dumps(value)
    return None if value is None else nfc(str(value).strip()) or None
