"""Figures within a page: SVG files that take the page's colours and font."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from pathlib import Path

from arkiv.base.errors import InputError
from arkiv.base.html import Html, element
from arkiv.base.page import folded
from arkiv.report.figures import BLUE, FAINT, GREEN, GREY, INK, PAPER, VERMILLION

SVG = "http://www.w3.org/2000/svg"
HREF = "{http://www.w3.org/1999/xlink}href"
# The colours of figures by the names that the page's style has for them.
BY_VALUE = {
    BLUE: "blue",
    VERMILLION: "vermillion",
    GREEN: "green",
    GREY: "faint",
    INK: "ink",
    FAINT: "rule",
    PAPER: "paper",
}
COLOUR = re.compile(r"#[0-9a-f]{6}\b")
REFERENCE = re.compile(r"url\(#([^)]+)\)")
# The page names the figure itself, and its style holds for every figure.
LEFT_OUT = {f"{{{SVG}}}{name}" for name in ("metadata", "title", "style")}
# Attributes that can name a colour.
PAINTED = ("style", "fill", "stroke")
# Of a point in pixels of CSS, and how far a drawing may shrink before it is scrolled.
PIXELS = 4 / 3
SMALLEST = 0.75


def figure(
    path: str | Path, name: str, title: str, alternative: str, *data: Html
) -> Html:
    """A drawing with its caption, and its numbers as tables that can be opened.

    Args:
        path: an SVG file of `arkiv.report.figures`.
        name: of the figure, which no other of the page has.
        title: for its caption.
        alternative: what it shows, for those who do not see it.
        data: its numbers.
    """
    return element(
        "figure",
        element(
            "div",
            inline(path, name, alternative),
            class_="wide",
            role="region",
            tabindex=0,
            aria_label=title,
        ),
        element("figcaption", title),
        folded("The numbers of this figure", *data) if data else "",
    )


def inline(path: str | Path, name: str, alternative: str) -> Html:
    """The drawing of a file as an element of a page.

    Its colours become properties of the page's style, so that they follow the scheme
    of the screen; its ids begin with the name, so that no two figures share one.

    Raises:
        InputError: a missing file, or one that is not SVG.
    """
    try:
        root = ET.parse(path).getroot()
    except FileNotFoundError:
        raise InputError("no such file", file=path) from None
    except ET.ParseError as error:
        raise InputError(f"is not SVG ({error})", file=path) from None
    if root.tag != f"{{{SVG}}}svg":
        raise InputError("is not SVG", file=path)
    for parent in list(root.iter()):
        for child in [child for child in parent if child.tag in LEFT_OUT]:
            parent.remove(child)
    for part in root.iter():
        _adapt(part, name)
    used = {part.get("href", "")[1:] for part in root.iter()}
    for part in root.iter():
        used.update(*map(REFERENCE.findall, part.attrib.values()))
    for part in root.iter():
        if part.get("id") not in used:
            part.attrib.pop("id", None)
    width = float(root.get("viewBox", "0 0 600 0").split()[2]) * PIXELS
    for key in ("width", "height", "version"):
        root.attrib.pop(key, None)
    root.set("role", "img")
    root.set("aria-label", alternative)
    root.set("style", f"max-width: {width:.0f}px; min-width: {SMALLEST * width:.0f}px")
    ET.register_namespace("", SVG)
    return Html(ET.tostring(root, encoding="unicode"))


def _adapt(part: ET.Element, name: str) -> None:
    """Name a part's colours, and begin its id and those it refers to with a name."""
    if "id" in part.attrib:
        part.set("id", f"{name}-{part.get('id')}")
    if HREF in part.attrib:
        part.set("href", f"#{name}-{part.attrib.pop(HREF).removeprefix('#')}")
    for key, value in part.attrib.items():
        value = REFERENCE.sub(rf"url(#{name}-\1)", value)
        if key in PAINTED:
            value = COLOUR.sub(_property, value)
        part.set(key, value)


def _property(colour: re.Match[str]) -> str:
    """A colour of the figures as a property of the page's style."""
    known = BY_VALUE.get(colour[0].upper())
    return f"var(--{known})" if known else colour[0]
