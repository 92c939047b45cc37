"""A file's format, told by its content, and its pages."""

from __future__ import annotations

import re

from arkiv.base.errors import InputError
from arkiv.documents import xml
from arkiv.documents.formats import alto, htrflow, page_xml, plain
from arkiv.documents.member import PLAIN
from arkiv.documents.page import Page, Sheet, not_a_page

# Digits of a page number; a longer run is not one.
LONGEST_NUMBER = 18
BYTE_ORDER_MARK = b"\xef\xbb\xbf"
READERS = {"PcGts": page_xml.read, "alto": alto.read}


def read_pages(name: str, data: bytes, *, plain_text: bool = True) -> list[Page]:
    """The pages of a file: of most there is one; a page without text has no lines.

    Args:
        name: of the file.
        data: its content.
        plain_text: whether text may be a page.

    Raises:
        InputError: it is no page in any format that is read here; without the file.
    """
    try:
        sheets = _sheets(name, data, plain_text)
    except RecursionError:
        raise not_a_page("nested too deeply") from None
    if not sheets:
        raise not_a_page("holds no page")
    number = page_number(name)
    if len(sheets) == 1:
        return [_page(number, name, sheets[0])]
    return [
        _page(place, f"{name}#{place}", sheet)
        for place, sheet in enumerate(sheets, start=1)
    ]


def page_number(name: str) -> int | str:
    """The number that ends a file's name; without one, the name before its ending."""
    stem = name.rpartition(".")[0] or name
    digits = re.search(r"[0-9]+$", stem)
    return int(digits[0]) if digits and len(digits[0]) <= LONGEST_NUMBER else stem


def _sheets(name: str, data: bytes, plain_text: bool) -> list[Sheet]:
    start = data.removeprefix(BYTE_ORDER_MARK).lstrip()[:1]
    if not start:
        raise not_a_page("is empty" if not data else "holds white space alone")
    if start == b"<" or data.startswith((b"\xff\xfe<", b"\xfe\xff\0<")):
        root = xml.parse(data)
        if reader := READERS.get(xml.name(root)):
            return reader(root)
        raise not_a_page(f"XML of <{xml.name(root)}>, expected <PcGts> or <alto>")
    if start == b"{" or name.lower().endswith(".json"):
        return htrflow.read(data)
    if not name.lower().endswith(PLAIN):
        raise not_a_page("neither JSON nor XML, and its name does not end in .txt")
    if not plain_text:
        raise not_a_page("plain text beside pages of another format")
    return plain.read(data)


def _page(number: int | str, name: str, sheet: Sheet) -> Page:
    return Page(
        number, name, tuple(sheet.lines), sheet.regions_without_text, sheet.image
    )


def located(error: InputError, file: str) -> InputError:
    """The error of a reader with the file that it was given."""
    return InputError(error.reason, file=file, line=error.line, key=error.key)
