"""A file's format, told by its content, and its pages."""

from __future__ import annotations

import re

from arkiv.pages import gzipped, xml
from arkiv.pages.encodings import text_of
from arkiv.pages.kinds import FORMATS, HEAD, TARS, Role, kind
from arkiv.pages.page import Page, Sheet, not_a_page

# Digits of a page number; a longer run is not one.
LONGEST_NUMBER = 18


def _endings(*, marked: bool) -> tuple[str, ...]:
    chosen = (each for each in FORMATS.values() if each.marked == marked)
    return tuple(sorted({ending for each in chosen for ending in each.endings}))


# What the names of pages end with.
STRUCTURED, PLAIN = _endings(marked=True), _endings(marked=False)


def read_pages(name: str, data: bytes, *, encoding: str | None = None) -> list[Page]:
    """The pages of a file: of most there is one; a page without text has no lines.

    Args:
        name: of the file.
        data: its content; compressed by gzip it may be.
        encoding: of texts that are not UTF-8.

    Raises:
        InputError: it is no page in any format that is read here; without the file.
    """
    within = name
    if gzipped.is_gzipped(data) and not name.lower().endswith(TARS):
        within, data = gzipped.inner_name(name), gzipped.unpacked(data)
    try:
        sheets = _sheets(within, data, encoding)
    except RecursionError:
        raise not_a_page("nested too deeply") from None
    if not sheets:
        raise not_a_page("holds no page")
    several = len(sheets) > 1
    return [
        Page(
            place if several else page_number(within),
            f"{name}#{place}" if several else name,
            tuple(sheet.lines),
            sheet.regions_without_text,
            sheet.image,
            sheet.size,
            sheet.label,
            unheld=tuple(sheet.unheld),
        )
        for place, sheet in enumerate(sheets, start=1)
    ]


def page_number(name: str) -> int | str:
    """The number that ends a file's name; without one, the name before its ending."""
    stem = name.rpartition(".")[0] or name
    digits = re.search(r"[0-9]+$", stem)
    return int(digits[0]) if digits and len(digits[0]) <= LONGEST_NUMBER else stem


def _sheets(name: str, data: bytes, encoding: str | None) -> list[Sheet]:
    if not data or data.isspace():
        raise not_a_page("is empty" if not data else "holds white space alone")
    found = kind(name, data[:HEAD])
    if found.format is None:
        raise not_a_page(found.title + (found.advice and f"; {found.advice}"))
    format = FORMATS[found.format]
    if format.roots:
        root = xml.parse(data)
        if xml.name(root) not in format.roots:
            raise not_a_page(f"XML of <{xml.name(root)}>")
        return format.read(root)
    if found.role is Role.PAGE and format.marked:
        return format.read(data)
    return format.read(text_of(data, encoding))
