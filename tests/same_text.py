"""One text in the ways in which it may be written, and what these have in common."""

from __future__ import annotations

import random
import re
import unicodedata

SPACES = (" ", "  ", "\t", "\u00a0", "\n", "\r\n", " \u2009", "\u3000")
AROUND = ("", "", " ", "\n", "\u00a0 ", "\t")
UNSEEN = ("\u00ad", "\u200b", "\u200d", "\u200f", "\u202e", "\u2060", "\ufeff")
CASES = (str, str.upper, str.lower, str.title)


def written_otherwise(text: str, draw: random.Random) -> str:
    """The same text in another Unicode form, case or white space, or with a sign that
    nobody sees, by chance."""
    text = draw.choice(CASES)(text)
    text = unicodedata.normalize(draw.choice(("NFC", "NFD")), text)
    spaced = "".join(
        draw.choice(SPACES) if part == " " else part for part in re.split("( )", text)
    )
    place = draw.randint(0, len(spaced))
    unseen = draw.choice(("", "", *UNSEEN))
    marked = spaced[:place] + unseen + spaced[place:]
    return draw.choice(AROUND) + marked + draw.choice(AROUND)


def plain(text: str) -> str:
    """What all of them have in common, told without the library's own notion.

    Without signs that only format, letters and marks apart, then small, as Unicode
    defines a caseless match (The Unicode Standard, section 3.13, D145).
    """
    seen = "".join(sign for sign in text if unicodedata.category(sign) != "Cf")
    small = unicodedata.normalize("NFD", seen).casefold()
    apart = unicodedata.normalize("NFD", small)
    return re.sub(r"\s+", " ", apart).strip()
