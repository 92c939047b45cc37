"""Pages of plain text: one line of the file a line, form feeds between pages."""

from __future__ import annotations

import re

from arkiv.pages.page import Format, Sheet, not_a_page

# Of what no text has: a sign that the file is something else. Old systems end a text
# with \x1a.
CONTROL = re.compile(r"[\x00-\x08\x0e-\x1b\x7f]")
END = "\x1a"
FORM_FEED = "\x0c"


def read(text: str) -> list[Sheet]:
    """The pages of a text; a line's id is its number in the file.

    A form feed ends a page, so that the last one of a text begins none.

    Raises:
        InputError: it is no text.
    """
    text = text.rstrip(END)
    if control := CONTROL.search(text):
        raise not_a_page(f"text with the control character {control[0]!r}")
    parts = text.split(FORM_FEED)
    if len(parts) > 1 and not parts[-1].strip():
        del parts[-1]
    sheets, number = [], 1
    for part in parts:
        sheet = Sheet()
        for line in part.splitlines():
            sheet.add(line, id=str(number))
            number += 1
        sheets.append(sheet)
    return sheets


FORMAT = Format("plain text", (".txt",), read)
