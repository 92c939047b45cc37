"""One text in the ways in which it may be written, and what these have in common."""

from __future__ import annotations

import random
import re
import unicodedata

SPACES = (" ", "  ", "\t", "\u00a0", "\n", "\r\n", " \u2009", "\u3000")
AROUND = ("", "", " ", "\n", "\u00a0 ", "\t")
CASES = (str, str.upper, str.lower, str.title)


def written_otherwise(text: str, draw: random.Random) -> str:
    """The same text in another Unicode form, case or white space, by chance."""
    text = draw.choice(CASES)(text)
    text = unicodedata.normalize(draw.choice(("NFC", "NFD")), text)
    spaced = "".join(
        draw.choice(SPACES) if part == " " else part for part in re.split("( )", text)
    )
    return draw.choice(AROUND) + spaced + draw.choice(AROUND)


def plain(text: str) -> str:
    """What all of them have in common, told without the library's own notion.

    Letters and marks apart, then small, as Unicode defines a caseless match (The
    Unicode Standard, section 3.13, D145).
    """
    small = unicodedata.normalize("NFD", text).casefold()
    apart = unicodedata.normalize("NFD", small)
    return re.sub(r"\s+", " ", apart).strip()
