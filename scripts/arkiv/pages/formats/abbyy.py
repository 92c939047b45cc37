"""Pages of ABBYY FineReader XML, of its versions 6 to 15, and of what imitates it.

A page has blocks, a block paragraphs of lines or rows of cells with such, a line runs
of formatting, a run characters with their places. A blank is a character too. What a
word or a character may be read as besides stands within `wordRecVariants` and
`charRecVariants`, and is no text of the page. From version 10 on, a paragraph has a
style whose role tells headings, notes and running titles.

Source: FineReader10-schema-v1.xsd; files of the Internet Archive (version 6 and 8);
Kraken's templates/abbyyxml.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping

from arkiv.pages.boxes import Edges, number, own_or_around
from arkiv.pages.page import Format, Sheet, classes, mean
from arkiv.pages.xml import Element, children, descendants, name, pages_of

# Roles of paragraph styles by the names that other formats have for them.
ROLES = {
    "text": None,
    "other": None,
    "rt": "header",  # a running title
    "garb": "noise",
    "pictureCaption": "caption",
    "tableCaption": "caption",
    "tableText": None,
    "headingNumber": "heading",
}


def read(root: Element) -> list[Sheet]:
    """The pages of a document, or the one that libraries keep as a file of its own."""
    roles = _roles(root)
    pages = [root] if name(root) == "page" else children(root, "page")
    return [_sheet(page, roles) for page in pages]


def streamed(parts: Iterable[bytes]) -> Iterator[Sheet]:
    """The pages of a book, whose styles come first."""
    roles = None
    for page in pages_of(parts, "page"):
        if roles is None:
            roles = _roles(page.getroottree().getroot())
        yield _sheet(page, roles)


def _roles(root: Element) -> dict[str | None, str | None]:
    styles = descendants(root, "paragraphStyle")
    return {style.get("id"): style.get("role") for style in styles}


def _sheet(page: Element, roles: Mapping[str | None, str | None]) -> Sheet:
    sheet = Sheet(size=(page.get("width"), page.get("height")))
    for block in children(page, "block"):
        before = len(sheet.lines)
        kind = block.get("blockType", "Text")
        # A text is one of many, of other kinds it says something.
        of_block = classes(None if kind == "Text" else kind)
        for paragraph in descendants(block, "par"):
            role = roles.get(paragraph.get("style"))
            regions = of_block + classes(ROLES.get(role, role))
            for line in children(paragraph, "line"):
                _add(sheet, line, regions)
        if len(sheet.lines) == before:
            sheet.regions_without_text += kind in ("Text", "Table")
    return sheet


def _add(sheet: Sheet, line: Element, regions: tuple[str, ...]) -> None:
    runs = children(line, "formatting")
    characters = [each for run in runs for each in children(run, "charParams")]
    text = "".join(part for run in runs for part in _text(run))
    confidence = mean(
        _confidence(each) for each in characters if "".join(_own(each)).strip()
    )
    box = own_or_around(_box(line), map(_box, characters))
    sheet.add(" ".join(text.split()), confidence, regions=regions, box=box)


def _text(run: Element) -> Iterator[str]:
    """Its characters, or its text as a whole where there are none."""
    if not children(run, "charParams"):
        yield from _own(run)
        return
    for each in children(run, "charParams"):
        text = "".join(_own(each))
        # A line feed is of the file's layout. A blank may be written as nothing.
        yield (text.strip() if "\n" in text else text) or " "


def alternatives(root: Element) -> Iterator[tuple[str, str]]:
    """What a character is read as, and what it may be besides."""
    for each in descendants(root, "charParams"):
        own = "".join(_own(each)).strip()
        for other in descendants(each, "charRecVariant"):
            text = "".join(_own(other)).strip()
            if own and text:
                yield own, text


def _own(element: Element) -> Iterator[str]:
    """Its text without that of other readings within."""
    yield element.text or ""
    for child in element:
        yield child.tail or ""


def _confidence(character: Element) -> float | None:
    """From 0 to 1; 255 and -1 stand for none."""
    value = number(character.get("charConfidence"))
    return None if value is None or not 0 <= value <= 100 else value / 100


def _box(element: Element) -> Edges | None:
    edges = [number(element.get(side)) for side in ("l", "t", "r", "b")]
    return tuple(edges) if None not in edges else None


FORMAT = Format(
    "ABBYY FineReader XML",
    (".abbyy", ".xml"),
    read,
    roots=("document", "page"),
    streamed=streamed,
    alternatives=alternatives,
    sign=re.compile(
        r"abbyy\.com/FineReader_xml|<block\s[^>]*\bblockType=", re.IGNORECASE
    ),
)
