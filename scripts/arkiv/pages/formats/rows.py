"""Pages as rows of a file: JSON Lines, a list in JSON, or a table (CSV, TSV).

A row is a page or one of its lines: consecutive rows of one volume and page are lines
of it. One file may hold many volumes of any size, so the rows are found in one pass,
each with its place in the file, and read by it afterwards.
"""

from __future__ import annotations

import codecs
import csv
import io
import json
from collections.abc import Generator, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any, BinaryIO

from arkiv.base.errors import InputError
from arkiv.base.hashing import nfc
from arkiv.pages.encodings import encoding_of, text_of
from arkiv.pages.gzipped import LARGEST
from arkiv.pages.page import LONGEST_LINE, Format, Sheet, check_unicode, not_a_page
from arkiv.pages.tables import header

# What columns or keys may be called, in any case of letters; all others mean nothing.
TEXT = "text"
VOLUME = ("volume", "document", "doc")
PAGE = ("page", "page_no", "n")
LINE = "line"
# Bytes that a file begins with, and by which its encoding and its columns are told.
START = 1 << 16
# Characters of a field. One without its closing quote would be the rest of the file.
LONGEST_FIELD = 10 * LONGEST_LINE
JSON_SPACE = " \t\r\n,"


@dataclass(frozen=True, slots=True)
class Span:
    """Where a page stands in a file of rows, or a row that is none."""

    volume: str | None
    page: int | str | None
    """As the file has it."""
    offset: int
    """Bytes before it."""
    length: int
    """In bytes."""
    line: int
    """The line of the file, counted from 1, in which it begins."""
    fault: str | None = None
    """Why a row is none. It may lie between rows of a page."""
    is_line: bool = False
    """Whether it is a line of a page, for all that it says."""


@dataclass(frozen=True, slots=True)
class _Row:
    """A row and its place; None and why where it is none."""

    values: dict[str, Any] | None
    offset: int
    length: int
    line: int
    fault: str = ""


def spans(file: BinaryIO, encoding: str | None = None) -> Iterator[Span]:
    """The pages of a file in its order, and the rows that are none.

    Raises:
        InputError: the file cannot be divided into rows; without the file.
    """
    held: Span | None = None
    for row in _rows(file, encoding):
        try:
            found = _span(row)
        except InputError as error:
            volume = held and held.volume
            fault = str(error)
            yield Span(volume, None, row.offset, row.length, row.line, fault)
            continue
        if held is not None and _goes_on(held, found):
            held = replace(held, length=found.offset + found.length - held.offset)
            continue
        if held is not None:
            yield held
        held = found
    if held is not None:
        yield held


def sheet(file: BinaryIO, span: Span, encoding: str | None = None) -> Sheet:
    """The page at a place of a file, without the rows there that are none.

    Raises:
        InputError: it is none, or the text is not in the encoding; without the file.
    """
    if span.fault is not None:
        raise InputError(span.fault, line=span.line)
    start = _start(file)
    rows = _of_json(file, span) if _is_json(start) else _of_table(file, encoding, span)
    return _sheet([row.values for row in rows if _is_good(row)])


def read(text: str) -> list[Sheet]:
    """The pages of one volume.

    Raises:
        InputError: a row is none, or the rows are of several volumes.
    """
    file = io.BytesIO(text.encode())
    found = list(spans(file))
    if len({span.volume for span in found}) > 1:
        raise not_a_page("holds rows of several volumes")
    return [sheet(file, span) for span in found]


def _goes_on(held: Span, found: Span) -> bool:
    known = found.page is not None or (held.is_line and found.is_line)
    return known and (held.volume, held.page) == (found.volume, found.page)


def _is_good(row: _Row) -> bool:
    try:
        _span(row)
    except InputError:
        return False
    return True


def _span(row: _Row) -> Span:
    """The place of a good row.

    Raises:
        InputError: with the key at fault.
    """
    if row.values is None:
        raise InputError(row.fault)
    text = row.values.get(TEXT)
    if not isinstance(text, str):
        said = "missing" if text is None else f"of type {type(text).__name__}"
        raise InputError(f"is {said}, expected a text", key=TEXT)
    volume, page = (_name(row.values, keys) for keys in (VOLUME, PAGE))
    return Span(
        None if volume is None else str(volume),
        page,
        row.offset,
        row.length,
        row.line,
        is_line=_said(row.values, LINE) is not None,
    )


def _name(values: dict[str, Any], keys: Iterable[str]) -> int | str | None:
    """The number or name under the first of the keys that is there.

    Raises:
        InputError: it is something else.
    """
    for key in keys:
        value = values.get(key)
        if value is None:
            continue
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if isinstance(value, str):
            check_unicode(key, value)
            if not (value := nfc(" ".join(value.split()))):
                continue
        if isinstance(value, bool) or not isinstance(value, int | str):
            raise InputError(f"is {value!r}, expected a number or a name", key=key)
        return value
    return None


def _sheet(rows: list[dict[str, Any]]) -> Sheet:
    first = rows[0] if rows else {}
    page = _name(first, PAGE)
    named = page if isinstance(page, str) and not page.isdecimal() else None
    found = Sheet(image=_said(first, "image"), label=_said(first, "label") or named)
    for row in rows:
        for line in row[TEXT].splitlines():
            found.add(line, row.get("confidence"), id=_said(row, LINE))
    return found


def _said(row: dict[str, Any], key: str) -> str | None:
    value = row.get(key)
    return str(value) if isinstance(value, int | str) and value != "" else None


def _rows(file: BinaryIO, encoding: str | None) -> Iterator[_Row]:
    start = _start(file)
    if encoding_of(start)[0] != "utf-8":
        raise not_a_page("rows in UTF-16; save the file in UTF-8")
    return _of_json(file) if _is_json(start) else _of_table(file, encoding)


def _start(file: BinaryIO) -> bytes:
    file.seek(0)
    return file.read(START)


def _is_json(start: bytes) -> bool:
    return start.removeprefix(codecs.BOM_UTF8).lstrip()[:1] in (b"{", b"[")


def _of_json(file: BinaryIO, span: Span | None = None) -> Iterator[_Row]:
    """Objects a line; else those of a list, or one after the other."""
    file.seek(span.offset if span else 0)
    first = b""
    while not first.strip() and (line := file.readline()):
        first = line.removeprefix(codecs.BOM_UTF8)
    if first.lstrip()[:1] == b"{" and not isinstance(_parsed(first), str):
        return _of_lines(file, span)
    file.seek(span.offset if span else 0)
    data = file.read(span.length if span else LARGEST + 1)
    if len(data) > LARGEST:
        raise not_a_page(
            f"has more than {LARGEST:,} bytes, expected a JSON object a line"
        )
    whole = list(_of_list(data, span.offset if span else 0))
    # Lines of which the first is broken.
    lines = first.lstrip()[:1] == b"{" and whole[0].values is None
    return _of_lines(file, span) if lines else iter(whole)


def _of_lines(file: BinaryIO, span: Span | None) -> Iterator[_Row]:
    offset, end = (span.offset, span.offset + span.length) if span else (0, None)
    file.seek(offset)
    for number, raw in enumerate(file, start=span.line if span else 1):
        if end is not None and offset >= end:
            return
        text = raw.removeprefix(codecs.BOM_UTF8)
        if text.strip():
            found = _parsed(text)
            known, fault = (found, "") if isinstance(found, dict) else (None, found)
            yield _Row(known, offset, len(raw), number, fault)
        offset += len(raw)


def _parsed(raw: bytes) -> dict[str, Any] | str:
    """An object with its keys in lower case, or why there is none."""
    try:
        found = json.loads(raw)
    except UnicodeDecodeError:
        return "is not UTF-8"
    except (ValueError, RecursionError) as error:
        return f"is not JSON ({error})"
    return _object(found)


def _object(found: Any) -> dict[str, Any] | str:
    if not isinstance(found, dict):
        return f"is a JSON {type(found).__name__}, expected an object"
    return {key.lower(): value for key, value in found.items()}


def _of_list(data: bytes, offset: int) -> Iterator[_Row]:
    """The objects of a list, or such as stand one after the other."""
    text = text_of(data)
    decoder, line = json.JSONDecoder(), 1
    at = len(text) - len(text.lstrip(JSON_SPACE + "\ufeff["))
    place, done = offset + len(data) - len(text.encode()), 0
    while at < len(text) and text[at] != "]":
        place += len(text[done:at].encode())
        line += text.count("\n", done, at)
        try:
            found, end = decoder.raw_decode(text, at)
        except (ValueError, RecursionError) as error:
            length = len(text[at:].encode())
            yield _Row(None, place, length, line, f"is not JSON ({error})")
            return
        known = _object(found)
        length = len(text[at:end].encode())
        if isinstance(known, str):
            yield _Row(None, place, length, line, known)
        else:
            yield _Row(known, place, length, line)
        done, at = at, end
        while at < len(text) and text[at] in JSON_SPACE:
            at += 1


def _of_table(
    file: BinaryIO, encoding: str | None, span: Span | None = None
) -> Iterator[_Row]:
    """The rows below the header."""
    file.seek(0)
    first = file.readline()
    delimiter, names = header(text_of(first, encoding))
    place = (span.offset, span.line) if span else (len(first), 2)
    end = span.offset + span.length if span else None
    while place is not None:
        lines = _Lines(file, *place, end, encoding)
        place = yield from _until_fault(lines, names, delimiter)


@dataclass
class _Lines:
    """The lines of a table from some place on."""

    file: BinaryIO
    offset: int
    line: int
    end: int | None
    encoding: str | None

    def __iter__(self) -> Iterator[str]:
        self.file.seek(self.offset)
        while self.end is None or self.offset < self.end:
            if not (raw := self.file.readline()):
                return
            self.offset += len(raw)
            self.line += 1
            yield text_of(raw, self.encoding)


def _until_fault(
    lines: _Lines, names: list[str], delimiter: str
) -> Generator[_Row, None, tuple[int, int] | None]:
    """The rows up to a broken one, with it; where to go on behind it, if anywhere.

    That is its first line: a quote that is never closed takes no other row with it.
    """
    csv.field_size_limit(LONGEST_FIELD)
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    while True:
        offset, line = lines.offset, lines.line
        try:
            fields = next(reader, None)
        except (csv.Error, InputError) as error:
            lines.file.seek(offset)
            length = len(lines.file.readline())
            yield _Row(None, offset, length, line, f"is no row of a table ({error})")
            return offset + length, line + 1
        if fields is None:
            return None
        if not any(fields):
            continue
        values, fault = dict(zip(names, fields, strict=False)), ""
        if any(fields[len(names) :]):
            values, fault = (
                None,
                (
                    f"has {len(fields)} columns, expected {len(names)}: texts with "
                    f"{delimiter!r} in them stand in quotes"
                ),
            )
        yield _Row(values, offset, lines.offset - offset, line, fault)


FORMAT = Format(
    "rows of pages",
    (".jsonl", ".ndjson", ".json", ".csv", ".tsv"),
    read,
    columns=frozenset((TEXT,)),
)
