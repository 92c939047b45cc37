"""Files of rows as containers: the volumes in one, and their pages read in place."""

from __future__ import annotations

from collections import defaultdict
from itertools import islice
from typing import BinaryIO

from arkiv.base.errors import InputError
from arkiv.pages.formats.rows import Span, sheet, spans
from arkiv.pages.page import Page
from arkiv.volumes.order import Place, number_of

# Pages that tell whether others hold the same text.
SOME = 10


def volumes_in(
    file: BinaryIO, encoding: str | None
) -> dict[str | None, list[tuple[str, Place]]]:
    """The pages of each volume of a file, as it names them, in its order.

    A row that is none is a page of the volume before it, which cannot be read.

    Args:
        file: read in one pass; no texts are kept.
        encoding: of a table that is not UTF-8.

    Returns:
        Of each page its place in the file, for `page`, and in its volume.

    Raises:
        InputError: the file cannot be divided into rows; without the file.
    """
    found: dict[str | None, list[Span]] = defaultdict(list)
    for span in spans(file, encoding):
        found[span.volume].append(span)
    # What is known of each twice is so of one volume at a time.
    return {volume: _placed(found.pop(volume)) for volume in list(found)}


def _placed(found: list[Span]) -> list[tuple[str, Place]]:
    """Places in the file and in the volume; a row that is none has no number."""
    # A broken row between those of a page comes before the page.
    found.sort(key=lambda span: span.offset)
    last, result = 0, []
    for span in found:
        place = Place(last, None, True) if span.fault else _place(span, last)
        last = place.number
        result.append((_written(span), place))
    return result


def first_lines(file: BinaryIO, encoding: str | None) -> list[str]:
    """The lines of some pages with which a file begins; none of a broken one."""
    try:
        good = [each for each in islice(spans(file, encoding), SOME) if not each.fault]
        pages = [sheet(file, each, encoding) for each in good]
    except InputError:
        return []
    return [line.text for page in pages for line in page.lines]


def is_one_page(file: BinaryIO) -> bool:
    """Whether a file has one page, and says nothing of a volume."""
    try:
        found = list(islice(spans(file), 2))
    except InputError:
        return False
    return len(found) == 1 and not found[0].fault and found[0].volume is None


def page(file: BinaryIO, written: str, encoding: str | None) -> list[Page]:
    """A page by its place in the file.

    Raises:
        InputError: the row is none, with its line; without the file.
    """
    offset, length, line, fault = written.split(":", 3)
    span = Span(None, None, int(offset), int(length), int(line), fault or None)
    try:
        found = sheet(file, span, encoding)
    except InputError as error:
        raise InputError(error.reason, line=span.line, key=error.key) from None
    return [found.page(1)]


def _written(span: Span) -> str:
    return f"{span.offset}:{span.length}:{span.line}:{span.fault or ''}"


def _place(span: Span, last: int) -> Place:
    said = str(span.page) if span.page is not None else ""
    number = number_of(said)
    if number is None:
        return Place(last + 1, said or None, True)
    if number <= last:
        return Place(last + 1, said, True)
    return Place(number, None, number == last + 1 or not last)
