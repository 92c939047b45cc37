"""The page that holds the sections: nothing but itself is needed to read it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from html import unescape
from pathlib import Path
from typing import NamedTuple

from arkiv.base.files import written_whole
from arkiv.base.html import STYLE, Html, element, joined, table, templates
from arkiv.base.markdown import counted

TAG = re.compile("<[^>]*>")
HERE = Path(__file__).parent
# The section of the words, on pages and in the card of a model.
WORDS = "What the words mean"
# Cells that count nothing.
NOTHING = frozenset({"0", "–", ""})


class Section(NamedTuple):
    """A part of the page."""

    name: str
    """Its anchor."""
    title: str
    content: Html


def render(
    title: str,
    about: str,
    summary: Iterable[object],
    sections: Sequence[Section],
    box: Section | None = None,
) -> str:
    """The whole page, with a box below the summary; what is not `Html` is escaped."""
    page = templates(HERE).get_template("page.html")
    return page.render(
        title=title,
        about=about,
        summary=list(summary),
        sections=sections,
        box=box,
        style=Html(STYLE + (HERE / "page.css").read_text(encoding="utf-8")),
    )


def write(path: str | Path, page: str) -> None:
    """Write the page, whole or not at all."""
    with written_whole(path) as beside:
        # JSON can hold half a surrogate pair, which no file can.
        beside.write_text(page, encoding="utf-8", errors="replace")


def paragraph(text: object, *, faint: bool = False) -> Html:
    """A text as a paragraph."""
    return element("p", text, class_="faint" if faint else None)


def folded(words: str, *content: object) -> Html:
    """Content that is opened by a click on some words."""
    return element("details", element("summary", words), *content)


def glossary(terms: Iterable[Sequence[str]]) -> Section:
    """A list of words with what they mean, as the last section."""
    items = (
        joined(element("dt", word), element("dd", meaning)) for word, meaning in terms
    )
    return Section("words", WORDS, element("dl", *items))


def with_words(about: str) -> Html:
    """What a page is about, and where its words are explained."""
    return joined(about, " ", element("a", WORDS, href="#words"), ".")


def text_of(content: str) -> str:
    """HTML without its elements."""
    return unescape(TAG.sub(" ", content))


def zeros_folded(
    header: Sequence[object],
    rows: Sequence[Sequence[object]],
    caption: str,
    *,
    words: int = 1,
) -> Html:
    """A table (see there) of the rows in which something is counted; the others, of
    which all is 0 or not known, are opened by a click."""
    empty = [row for row in rows if all(cell in NOTHING for cell in row[words:])]
    if not empty or len(empty) == len(rows):
        return table(header, rows, caption, words=words)
    full = [row for row in rows if row not in empty]
    said = f"{counted(len(empty), 'more count')}, 0 or not known"
    return joined(
        table(header, full, caption, words=words),
        folded(said, table(header, empty, f"{caption}: 0 or not known", words=words)),
    )


def capped(
    header: Sequence[object],
    rows: Sequence[Sequence[object]],
    caption: str,
    *,
    most: int,
    where: str,
    words: int = 1,
) -> Html:
    """A table (see there) of the first rows, and how many more a file has.

    Args:
        most: rows that are shown.
        where: says which file has all.
    """
    shown = table(header, rows[:most], caption, words=words)
    if len(rows) <= most:
        return shown
    more = paragraph(f"And {len(rows) - most:,} more: {where}.", faint=True)
    return joined(shown, more)
