"""A table of volumes, line by line: CSV with any delimiter, or JSON Lines."""

from __future__ import annotations

import codecs
import csv
import io
from collections.abc import Container, Iterator
from pathlib import Path
from typing import Any

from arkiv.base.errors import InputError
from arkiv.base.files import open_input, parse_record
from arkiv.base.hashing import nfc
from arkiv.pages.tables import DELIMITERS

# Names of files that hold JSON Lines; any other is CSV.
LINES = (".jsonl", ".ndjson")

Row = dict[str, Any]


def rows(
    path: str | Path, needed: str, known: Container[str]
) -> Iterator[tuple[int, Row]]:
    """Yield line (from 1) and cells by column of each row that has any.

    The file is UTF-8, with a byte order mark or without. Cells of CSV are text.

    Args:
        path: the file.
        needed: the column that tells which of the characters in the head divides.
        known: columns that are found whatever the case of their letters.

    Raises:
        InputError: naming the line and the column at fault.
    """
    with open_input(path) as file:
        data = file.read().removeprefix(codecs.BOM_UTF8)
    read = _of_lines if str(path).lower().endswith(LINES) else _of_csv
    try:
        yield from read(data, needed, known)
    except InputError as fault:
        raise fault.at(path, fault.line) from None


def _of_lines(
    data: bytes, needed: str, known: Container[str]
) -> Iterator[tuple[int, Row]]:
    for line, raw in enumerate(data.split(b"\n"), 1):
        if not raw.strip():
            continue
        try:
            record = parse_record(raw)
            row = {_column(key, known): value for key, value in record.items()}
            if needed not in row:
                raise InputError("is missing, expected its name", key=needed)
        except InputError as fault:
            raise InputError(fault.reason, line=line, key=fault.key) from None
        yield line, row


def _of_csv(
    data: bytes, needed: str, known: Container[str]
) -> Iterator[tuple[int, Row]]:
    head: list[str] = []
    for line, cells in _cells(_decoded(data), needed, known):
        try:
            if head:
                yield line, _row(head, cells)
            else:
                head = _head(cells, known)
        except InputError as fault:
            raise InputError(fault.reason, line=line, key=fault.key) from None


def _decoded(data: bytes) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        reason = "the line is not UTF-8; save the table as UTF-8"
        raise InputError(reason, line=line) from None


def _cells(
    text: str, needed: str, known: Container[str]
) -> Iterator[tuple[int, list[str]]]:
    """The rows that are not empty, with the line where each begins."""
    delimiter = _delimiter(text, needed, known)
    table = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    while True:
        line = table.line_num + 1
        try:
            cells = next(table, None)
        except csv.Error as error:
            raise InputError(f"is no row of CSV ({error})", line=line) from None
        if cells is None:
            return
        if any(cell.strip() for cell in cells):
            yield line, cells


def _delimiter(text: str, needed: str, known: Container[str]) -> str:
    """What divides the cells of the head, one of which is the needed column."""
    head = next((line for line in io.StringIO(text) if line.strip()), "").strip()
    for delimiter in sorted(DELIMITERS, key=lambda each: -head.count(each)):
        cells = next(csv.reader([head], delimiter=delimiter), [])
        if needed in (_column(cell, known) for cell in cells):
            return delimiter
    raise InputError(
        f"is missing from the head, {head[:200]!r}; expected the names of the columns, "
        "divided by commas, semicolons, tabs or bars",
        key=needed,
    )


def _column(name: str, known: Container[str]) -> str:
    name = nfc(name.strip())
    return name.casefold() if name.casefold() in known else name


def _head(cells: list[str], known: Container[str]) -> list[str]:
    names = [_column(cell, known) for cell in cells]
    if repeated := [name for name in names if name and names.count(name) > 1]:
        raise InputError("is the name of two columns", key=repeated[0])
    return names


def _row(head: list[str], cells: list[str]) -> Row:
    beyond = any(cell.strip() for cell in cells[len(head) :])
    if len(cells) < len(head) or beyond:
        raise InputError(f"the line has {len(cells)} cells, expected {len(head)}")
    found = list(zip(head, cells, strict=False))
    if nameless := [cell for name, cell in found if not name and cell.strip()]:
        raise InputError(f"holds {nameless[0]!r} in a column without a name")
    return {name: cell for name, cell in found if name}
