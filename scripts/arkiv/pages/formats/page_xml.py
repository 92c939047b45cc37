"""Pages of PAGE XML (2013-07-15, 2019-07-15 and what lies between).

Regions come in the order of `ReadingOrder`, whatever its groups: by index in an ordered
one, as they stand in an unordered one. HTRflow refers to lines there, which works too.
Transkribus writes the class of a region or a line as `structure {type:…;}` in `custom`.

Source: the schemas of PRImA Research, pagecontent.xsd.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from arkiv.base.numbers import share
from arkiv.pages.boxes import Edges, around, own_or_around
from arkiv.pages.page import Format, Sheet, classes, mean
from arkiv.pages.xml import Element, children, in_reading_order, name, within

REFERENCES = ("RegionRef", "RegionRefIndexed")
GROUPS = (
    *("OrderedGroup", "OrderedGroupIndexed"),
    *("UnorderedGroup", "UnorderedGroupIndexed"),
)
STRUCTURE = re.compile(r"structure\s*\{[^}]*?type\s*:\s*([^;}]+)")
# What a text is put together from where it has none of its own, and by which sign.
SMALLER = {"TextLine": ("Word", " "), "Word": ("Glyph", "")}


def read(root: Element) -> list[Sheet]:
    """The pages of a document, of which there is one."""
    return [_sheet(page) for page in children(root, "Page")]


def _sheet(page: Element) -> Sheet:
    size = page.get("imageWidth"), page.get("imageHeight")
    sheet = Sheet(image=page.get("imageFilename"), size=size)
    order = [
        reference
        for group in children(page, "ReadingOrder")
        for root in children(group, *GROUPS)
        for reference in _references(root)
    ]
    for element in in_reading_order(page, order, _parts, "id"):
        text, confidence = _text(element)
        if name(element) == "TextLine":
            lines = [text]
        elif _has_text_below(element):
            # Said once more there as a whole, if at all.
            lines = []
        else:
            lines = text.splitlines()
            sheet.regions_without_text += not lines and element.getparent() is page
        regions = within(element, page, _classes)
        # Of several lines of a region no one knows which stands where.
        box = _edges(element) if len(lines) == 1 else None
        for line in lines:
            sheet.add(line, confidence, id=element.get("id"), regions=regions, box=box)
    return sheet


def _references(group: Element) -> Iterator[str]:
    """The ids that a group of the reading order refers to, in order."""
    if reference := group.get("regionRef"):
        yield reference
    parts = children(group, *REFERENCES, *GROUPS)
    if name(group).startswith("Ordered"):
        parts.sort(key=_index)
    for part in parts:
        yield from _references(part)


def _index(element: Element) -> float:
    """Its place; what has none comes last."""
    try:
        return int(element.get("index", ""))
    except ValueError:
        return float("inf")


def _is_region(element: Element) -> bool:
    return name(element).endswith("Region") or name(element) == "TableCell"


def _parts(element: Element) -> list[Element]:
    """Lines, by index where they have one, and then the regions within."""
    if name(element) == "TextLine":
        return []
    found = children(element)
    lines = [child for child in found if name(child) == "TextLine"]
    return sorted(lines, key=_index) + list(filter(_is_region, found))


def _text(element: Element) -> tuple[str, object]:
    """The text of a line or a word, and its confidence.

    Of several readings the one of the lowest index is the main one, says the schema.
    """
    readings = sorted(children(element, "TextEquiv"), key=_index)
    for reading in readings:
        for text in children(reading, "Unicode"):
            if text.text and text.text.strip():
                return text.text, reading.get("conf")
    below, sign = SMALLER.get(name(element), ("", ""))
    texts = [_text(part) for part in children(element, below)] if below else []
    confidence = mean(share(value) for text, value in texts if text)
    return sign.join(text for text, _ in texts if text), confidence


def _edges(line: Element) -> Edges | None:
    """Those of its outline; else of its words' outlines."""
    return own_or_around(_outline(line), map(_outline, children(line, "Word")))


def _outline(element: Element) -> Edges | None:
    for coords in children(element, "Coords"):
        # Up to 2010 a point was an element.
        points = [
            f"{point.get('x')},{point.get('y')}" for point in children(coords, "Point")
        ]
        return around(coords.get("points") or " ".join(points))
    return None


def _has_text_below(region: Element) -> bool:
    """Whether a line or a region within has text."""
    parts = (part for part in region.iterdescendants() if isinstance(part.tag, str))
    return any(
        _text(part)[0] for part in parts if name(part) == "TextLine" or _is_region(part)
    )


def _classes(element: Element) -> tuple[str, ...]:
    custom = STRUCTURE.search(element.get("custom", ""))
    # A region of another kind than text says what it is by its name.
    kind = None if name(element) in ("TextRegion", "TextLine") else name(element)
    return classes(kind, element.get("type"), custom and custom[1])


FORMAT = Format("PAGE XML", (".xml",), read, roots=("PcGts",))
