"""Pages of PAGE XML (2013-07-15, 2019-07-15 and what lies between).

Regions come in the order of `ReadingOrder`, whatever its groups: by index in an ordered
one, as they stand in an unordered one. HTRflow refers to lines there, which works too.
Where there is none, regions and lines come by the `readingOrder {index:…;}` that
Transkribus writes in `custom`; cells of a table come by row and column. The class of a
region or a line it writes there as `structure {type:…;}`.

A region may have its text as a whole too. Of that a line without text takes its own,
where it is clear which it is; what else no line holds is set aside.

Source: the schemas of PRImA Research, pagecontent.xsd.
"""

from __future__ import annotations

import itertools
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping

from arkiv.base.numbers import share
from arkiv.pages.boxes import Edges, around, own_or_around
from arkiv.pages.page import Format, Sheet, classes, mean
from arkiv.pages.xml import (
    Element,
    below,
    children,
    descendants,
    in_reading_order,
    name,
    named,
    within,
)

REFERENCES = ("RegionRef", "RegionRefIndexed")
GROUPS = (
    *("OrderedGroup", "OrderedGroupIndexed"),
    *("UnorderedGroup", "UnorderedGroupIndexed"),
)
STRUCTURE = re.compile(r"structure\s*\{[^}]*?type\s*:\s*([^;}]+)")
PLACE = re.compile(r"readingOrder\s*\{[^}]*?index\s*:\s*(\d+)")
# Row and column of a cell: Transkribus's, and those of its role since 2019.
CELL = (("row", "col"), ("rowIndex", "columnIndex"))
# What a text is put together from where it has none of its own, and by which sign.
SMALLER = {"TextLine": ("Word", " "), "Word": ("Glyph", "")}

# With its confidence.
Text = tuple[str, float | None]


def read(root: Element) -> list[Sheet]:
    """The pages of a document, of which there is one."""
    return [_sheet(page) for page in children(root, "Page")]


def _sheet(page: Element) -> Sheet:
    size = page.get("imageWidth"), page.get("imageHeight")
    sheet = Sheet(image=page.get("imageFilename"), size=size)
    elements = _in_order(page)
    texts = {element: _text(element) for element in elements}
    parts: dict[Element, list[Element]] = {}
    for element in elements:
        parts.setdefault(element.getparent(), []).append(element)
    for region, inner in parts.items():
        if region in texts:
            _take_lines(*texts[region], inner, texts)
    holding = _holding(texts)
    for element in elements:
        text, confidence = texts[element]
        unheld: list[str] = []
        if name(element) == "TextLine":
            lines = [text]
        elif element in holding:
            # Said once more there as a whole, if at all.
            lines = []
            unheld = _unheld(text, (texts[part][0] for part in below(element, _parts)))
        else:
            lines = text.splitlines()
            sheet.regions_without_text += not lines and element.getparent() is page
        # Of several lines of a region no one knows which stands where.
        place = {
            "id": element.get("id"),
            "regions": within(element, page, _classes),
            "box": _edges(element) if len(lines) == 1 else None,
        }
        for line in lines:
            sheet.add(line, confidence, **place)
        for line in unheld:
            sheet.add(line, confidence, **place, held=False)
    return sheet


def _in_order(page: Element) -> list[Element]:
    """The lines and regions of a page."""
    references = [
        reference
        for group in children(page, "ReadingOrder")
        for root in children(group, *GROUPS)
        for reference in _references(root)
    ]
    order = named(page, references, _parts, "id")
    return list(in_reading_order(page, order, _parts if order else _parts_by_custom))


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
    return _number(element.get("index"))


def _number(text: str | None) -> float:
    try:
        return int(text or "")
    except ValueError:
        return float("inf")


def _is_region(element: Element) -> bool:
    return name(element).endswith("Region") or name(element) == "TableCell"


def _parts(element: Element) -> list[Element]:
    """Lines, by index where they have one, then regions; cells by row and column."""
    if name(element) == "TextLine":
        return []
    found = children(element)
    lines = [child for child in found if name(child) == "TextLine"]
    regions = list(filter(_is_region, found))
    if name(element) == "TableRegion":
        regions.sort(key=_cell)
    return sorted(lines, key=_index) + regions


def _parts_by_custom(element: Element) -> list[Element]:
    """The same, by their places in `custom` first of all."""
    parts = _parts(element)
    # Lines stay before regions, and cells in their rows.
    parts.sort(key=lambda part: (name(part) != "TextLine", *_cell(part), _place(part)))
    return parts


def _place(element: Element) -> float:
    place = PLACE.search(element.get("custom", ""))
    return _number(place and place[1])


def _cell(element: Element) -> tuple[float, float]:
    """Row and column of a table's cell."""
    if name(element) == "TextLine":
        return 0, 0
    roles = (each for roles in children(element, "Roles") for each in children(roles))
    for found in (element, *roles):
        for row, column in CELL:
            if found.get(row) is not None:
                return _number(found.get(row)), _number(found.get(column))
    return float("inf"), float("inf")


def _text(element: Element) -> Text:
    """The text of a line, a word or a region, and its confidence.

    Of several readings the one of the lowest index is the main one, says the schema.
    """
    smaller, sign = SMALLER.get(name(element), ("", ""))
    readings = sorted(children(element, "TextEquiv"), key=_index)
    for reading in readings:
        for text in children(reading, "Unicode"):
            if text.text and text.text.strip():
                own = share(reading.get("conf"))
                if own is None and smaller:
                    own = _confidence(map(_text, children(element, smaller)))
                return text.text, own
    parts = [_text(part) for part in children(element, smaller)] if smaller else []
    return sign.join(text for text, _ in parts if text), _confidence(parts)


def alternatives(root: Element) -> Iterator[tuple[str, str]]:
    """The main reading of each line, word or glyph with every other that it has."""
    for element in descendants(root, "TextLine", "Word", "Glyph"):
        readings = sorted(children(element, "TextEquiv"), key=_index)
        found = [
            text.text
            for reading in readings
            for text in children(reading, "Unicode")[:1]
            if text.text and text.text.strip()
        ]
        for other in found[1:]:
            yield found[0], other


def _confidence(parts: Iterable[Text]) -> float | None:
    return mean(value for text, value in parts if text)


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


def _take_lines(
    whole: str,
    confidence: float | None,
    parts: list[Element],
    texts: dict[Element, Text],
) -> None:
    """Give lines without text theirs of the region's, where it is clear which it is.

    That is where the region has as many lines of text as line elements, and all that
    have text have the same.
    """
    lines = list(filter(str.strip, whole.splitlines()))
    if len(lines) != len(parts) or not all(name(part) == "TextLine" for part in parts):
        return
    pairs = [
        (part, texts[part][0], line) for part, line in zip(parts, lines, strict=True)
    ]
    if all(not own or own.split() == line.split() for _, own, line in pairs):
        taken = {part: (line, confidence) for part, own, line in pairs if not own}
        texts.update(taken)


def _holding(texts: Mapping[Element, Text]) -> set[Element]:
    """What holds a line or a region with text."""
    found: set[Element] = set()
    for element, (text, _) in texts.items():
        above = element.getparent() if text else None
        while above is not None and above not in found:
            found.add(above)
            above = above.getparent()
    return found


def _unheld(whole: str, parts: Iterable[str]) -> list[str]:
    """Of a region's text, line by line, the words that no part of it has."""
    words = whole.split()
    if not words:
        return []
    parts = [part.split() for part in parts if part.strip()]
    held = Counter(itertools.chain.from_iterable(parts))
    if not Counter(words) - held:
        return []
    # Where the region has divided words rejoined.
    whole_words = {
        _letters(before[-1] + after[0]) for before, after in itertools.pairwise(parts)
    }
    found = []
    for line in whole.splitlines():
        left = []
        for word in line.split():
            held[word] -= 1
            if held[word] < 0 and _letters(word) not in whole_words:
                left.append(word)
        found.append(" ".join(left))
    return list(filter(None, found))


def _letters(text: str) -> str:
    return "".join(filter(str.isalnum, text))


def _classes(element: Element) -> tuple[str, ...]:
    custom = STRUCTURE.search(element.get("custom", ""))
    # A region of another kind than text says what it is by its name.
    kind = None if name(element) in ("TextRegion", "TextLine") else name(element)
    return classes(kind, element.get("type"), custom and custom[1])


FORMAT = Format(
    "PAGE XML", (".xml",), read, roots=("PcGts",), alternatives=alternatives
)
