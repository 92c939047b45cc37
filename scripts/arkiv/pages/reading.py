"""A file's format, told by its content, and its pages."""

from __future__ import annotations

import re

from arkiv.pages import xml
from arkiv.pages.kinds import FORMATS
from arkiv.pages.page import Page, Sheet, not_a_page

# Digits of a page number; a longer run is not one.
LONGEST_NUMBER = 18
BYTE_ORDER_MARK = b"\xef\xbb\xbf"


def _endings(*, marked: bool) -> tuple[str, ...]:
    chosen = (each for each in FORMATS.values() if each.marked == marked)
    return tuple(sorted({ending for each in chosen for ending in each.endings}))


# What the names of pages end with.
STRUCTURED, PLAIN = _endings(marked=True), _endings(marked=False)


def read_pages(name: str, data: bytes) -> list[Page]:
    """The pages of a file: of most there is one; a page without text has no lines.

    Raises:
        InputError: it is no page in any format that is read here; without the file.
    """
    try:
        sheets = _sheets(name, data)
    except RecursionError:
        raise not_a_page("nested too deeply") from None
    if not sheets:
        raise not_a_page("holds no page")
    several = len(sheets) > 1
    return [
        Page(
            place if several else page_number(name),
            f"{name}#{place}" if several else name,
            tuple(sheet.lines),
            sheet.regions_without_text,
            sheet.image,
            sheet.size,
            sheet.label,
        )
        for place, sheet in enumerate(sheets, start=1)
    ]


def page_number(name: str) -> int | str:
    """The number that ends a file's name; without one, the name before its ending."""
    stem = name.rpartition(".")[0] or name
    digits = re.search(r"[0-9]+$", stem)
    return int(digits[0]) if digits and len(digits[0]) <= LONGEST_NUMBER else stem


def _sheets(name: str, data: bytes) -> list[Sheet]:
    start = data.removeprefix(BYTE_ORDER_MARK).lstrip()
    if not start:
        raise not_a_page("is empty" if not data else "holds white space alone")
    if start[:1] == b"<" or data.startswith((b"\xff\xfe<", b"\xfe\xff\0<")):
        root = xml.parse(data)
        readers = {each.root: each.read for each in FORMATS.values() if each.root}
        if reader := readers.get(xml.name(root)):
            return reader(root)
        expected = " or ".join(f"<{name}>" for name in sorted(readers))
        raise not_a_page(f"XML of <{xml.name(root)}>, expected {expected}")
    others = [each for each in FORMATS.values() if each.keys]
    found = [
        each
        for each in others
        if start[:1] == b"{" or name.lower().endswith(each.endings)
    ]
    if found:
        return found[0].read(data)
    if not name.lower().endswith(PLAIN):
        kinds = " nor ".join(ending[1:].upper() for ending in STRUCTURED)
        raise not_a_page(
            f"neither {kinds}, and its name does not end in {' or '.join(PLAIN)}"
        )
    (text,) = (each for each in FORMATS.values() if not each.marked)
    return text.read(data)
