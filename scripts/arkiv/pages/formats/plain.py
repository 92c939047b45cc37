"""Pages of plain text: one file a page, one line of the file a line."""

from __future__ import annotations

import re

from arkiv.pages.page import Format, Sheet, not_a_page

# Of what no text has: a sign that the file is something else.
CONTROL = re.compile(r"[\x00-\x08\x0e-\x1b\x7f]")


def read(data: bytes) -> list[Sheet]:
    """The page of a text in UTF-8; a line's id is its number in the file.

    Raises:
        InputError: it is not text in UTF-8.
    """
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise not_a_page(
            f"text that is not UTF-8 (byte {error.start + 1:,} is "
            f"0x{data[error.start]:02x})"
        ) from None
    if control := CONTROL.search(text):
        raise not_a_page(f"text with the control character {control[0]!r}")
    sheet = Sheet()
    for number, line in enumerate(text.splitlines(), start=1):
        sheet.add(line, id=str(number))
    return [sheet]


FORMAT = Format("plain text", (".txt",), read)
