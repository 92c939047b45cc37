"""Texts as cells of a table that a spreadsheet will open, and back.

A spreadsheet makes a formula of a cell that begins like one, whoever wrote it. It may
also divide lines by another separator than the one that was meant, so what begins like
a formula behind any separator, or on a line of its own, is no better. Before all these
goes an apostrophe, and `unguarded` takes it off again.
"""

from __future__ import annotations

import re

# With which a spreadsheet takes a cell for a formula (OWASP, "CSV Injection").
SIGNS = "=+\\-@＝＋－＠"
FORMULA = rf"[{SIGNS}\t\r\n]"
# Ids are hexadecimal, and by chance some are digits alone, or digits around an e.
NUMBER = r"\d+(?:[eE]\d+)?\Z"
# What a separator, or the end of a line, makes the beginning of a cell.
INSIDE = rf"""([;,|\t\r\n]["']*)(?=[{SIGNS}])"""
GUARDED_INSIDE = rf"""([;,|\t\r\n]["']*)'(?=[{SIGNS}])"""


def guarded(text: str, odd: str = f"{FORMULA}|{NUMBER}") -> str:
    """A text with apostrophes where a spreadsheet would make it something else.

    Args:
        text: any.
        odd: the regular expression of what the cell may not begin with.
    """
    text = re.sub(INSIDE, r"\1'", text)
    return f"'{text}" if re.match(f"'*(?:{odd})", text) else text


def unguarded(cell: str) -> str:
    """The text of a cell that `guarded` made; others stay as they are."""
    if re.match(f"'+(?:{FORMULA}|{NUMBER})", cell):
        cell = cell[1:]
    return re.sub(GUARDED_INSIDE, r"\1", cell)
