"""The page that holds the sections: nothing but itself is needed to read it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from arkiv.base.files import written_whole
from arkiv.base.html import STYLE, Html, element, joined, table, templates

HERE = Path(__file__).parent


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
        style=Html(STYLE + (HERE / "report.css").read_text(encoding="utf-8")),
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
