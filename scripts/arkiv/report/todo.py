"""The box of what to do next, below the summary."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import quote

from arkiv.base.html import Html, element, joined
from arkiv.base.page import Section, paragraph
from arkiv.report.advice import Advice
from arkiv.report.made import PROJECT


def section(found: Sequence[Advice], page: str | Path) -> Section | None:
    """The advice as a part of the page; None without any."""
    if not found:
        return None
    items = [
        element(
            "li",
            paragraph(one.said),
            element("pre", one.setting, tabindex=0, aria_label="The setting to write"),
            paragraph(joined("More: ", _guide(one.guide, page)), faint=True),
        )
        for one in found
    ]
    content = joined(
        paragraph(
            "Made from the numbers of this run, what is worth most first. Write a "
            "setting into a configuration file of your own and start the run again: "
            "what it has no effect on stays.",
            faint=True,
        ),
        element("ol", *items),
    )
    return Section("next", "What to do next", content)


def _guide(guide: str, page: str | Path) -> Html:
    """A section of docs/ in words, as a link where the page lies in the same tree.

    A page that lies elsewhere would name places of this machine.
    """
    name, _, anchor = guide.partition("#")
    words = f"docs/{name}, “{anchor.replace('-', ' ').capitalize()}”"
    docs = PROJECT / "docs" / name
    if os.path.relpath(docs).startswith("..") or not docs.is_file():
        return joined(words)
    there = os.path.relpath(docs, Path(page).parent)
    return element("a", words, href=f"{quote(there)}#{anchor}")
