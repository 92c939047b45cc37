"""Pages of ALTO XML, versions 2 to 4.

Of a line, `String` is a word, `SP` a space and `HYP` the hyphen at its end. A divided
word stands whole in `SUBS_CONTENT` of its two halves, of `SUBS_TYPE` HypPart1 and
HypPart2. `WC` is the confidence of a word, `GC` of a glyph; a line's is the mean of its
words'. What a word may be besides stands in `ALTERNATIVE`, and is no text of the page.

Blocks come in the order of `ReadingOrder` (since 4.0), which may name lines and words
too; else in that of their `IDNEXT`; else as they stand.

Source: the schemas of the Library of Congress, alto-2-1, alto-3-1 and alto-4-4.xsd.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from arkiv.base.numbers import share
from arkiv.pages.page import Format, Sheet, classes, ends_with_hyphen, mean
from arkiv.pages.units import Geometry, geometry
from arkiv.pages.xml import (
    Element,
    children,
    descendants,
    in_reading_order,
    name,
    named,
    within,
)

BLOCKS = ("TextBlock", "ComposedBlock")
OTHER_BLOCKS = ("Illustration", "GraphicalElement")
# The schema puts the margins before what is printed between them. With the class that
# each of them is.
AREAS = {
    "TopMargin": "header",
    "PrintSpace": None,
    "LeftMargin": "marginalia",
    "RightMargin": "marginalia",
    "BottomMargin": "footer",
}
# Where a block is read that lies in none.
AREA_OF = dict.fromkeys(BLOCKS, "PrintSpace")
TAGS = ("LayoutTag", "StructureTag", "RoleTag", "OtherTag")
AROUND = re.compile(r"^[\W_]+|[\W_]+$")


def read(root: Element) -> list[Sheet]:
    """The pages of a document."""
    images = [
        file.text for file in descendants(root, "fileName") if file.text is not None
    ]
    labels = {
        tag.get("ID"): tag.get("LABEL")
        for tags in children(root, "Tags")
        for tag in children(tags, *TAGS)
    }
    references = [
        reference
        for group in children(root, "ReadingOrder")
        for reference in _references(group)
    ]
    pages = list(descendants(root, "Page"))
    # Of several pages no one knows which image is whose.
    image = images[0].strip() if len(pages) == len(images) == 1 else None
    alone = len(pages) == 1
    return [
        _sheet(page, image, references, labels, geometry(root, page, alone=alone))
        for page in pages
    ]


def _references(group: Element) -> Iterator[str]:
    yield from group.get("REF", "").split()
    for part in children(group):
        yield from _references(part)


def _sheet(
    page: Element,
    image: str | None,
    references: list[str],
    labels: Mapping[str | None, str | None],
    places: Geometry,
) -> Sheet:
    def classes_of(each: Element) -> tuple[str, ...]:
        tags = each.get("TAGREFS", "").split()
        named = (labels.get(tag) for tag in tags)
        return classes(AREAS.get(name(each)), each.get("TYPE"), *named)

    sheet = Sheet(image=image, size=places.size)
    order = named(page, references, _parts, "ID") or _by_next(page)
    for element in in_reading_order(page, order, _parts):
        if name(element) == "TextLine":
            sheet.add(
                **_line(element),
                id=element.get("ID"),
                regions=within(element, page, classes_of),
                box=places.edges(element),
            )
        elif name(element) == "TextBlock":
            sheet.regions_without_text += not any(
                word.get("CONTENT", "").strip()
                for word in descendants(element, "String")
            )
    return sheet


def _parts(element: Element) -> list[Element]:
    """The areas of a page as they are read; else lines and blocks as they stand."""
    if name(element) == "Page":
        areas = list(AREAS)
        return sorted(
            children(element, *areas, *BLOCKS),
            key=lambda each: areas.index(AREA_OF.get(name(each), name(each))),
        )
    return children(element, "TextLine", *BLOCKS)


def _by_next(page: Element) -> list[Element]:
    """The blocks of a page, each followed by the one that its IDNEXT names.

    Empty where no block has one. Where blocks name each other in a circle, it begins
    with the first in the order of the file.
    """
    following = _following(page)
    if not following:
        return []
    targets = set(following.values())
    placed: dict[Element, None] = {}

    def place(block: Element, *, also_targets: bool) -> None:
        """A block with the blocks within it, and what follows on it."""
        coming = [block]
        while coming:
            block = coming.pop()
            if block in placed:
                continue
            placed[block] = None
            if block in following:
                coming.append(following[block])
            within = children(block, *BLOCKS)
            coming += (b for b in reversed(within) if also_targets or b not in targets)

    parts = in_reading_order(page, (), _parts)
    blocks = [part for part in parts if name(part) in BLOCKS]
    for block in blocks:
        if block not in targets and name(block.getparent()) not in BLOCKS:
            place(block, also_targets=False)
    for block in blocks:
        place(block, also_targets=True)
    return list(placed)


def _following(page: Element) -> dict[Element, Element]:
    """The block of text that comes next, for each that names one by its IDNEXT."""
    blocks = list(descendants(page, *BLOCKS, *OTHER_BLOCKS))
    by_id: dict[str | None, Element] = {}
    for block in blocks:
        by_id.setdefault(block.get("ID"), block)
    found = {}
    for block in blocks:
        passed = {block}
        following = by_id.get(block.get("IDNEXT", ""))
        # On behind pictures and lines.
        while following is not None and name(following) in OTHER_BLOCKS:
            passed.add(following)
            following = by_id.get(following.get("IDNEXT", ""))
            if following in passed:
                following = None
        if following is not None and following is not block and name(block) in BLOCKS:
            found[block] = following
    return found


def _line(line: Element) -> dict[str, Any]:
    """What a line says: its text and confidence, and of which words it has halves."""
    parts = children(line, "String", "SP", "HYP")
    # Where no space is written, words are apart all the same.
    between = "" if any(name(part) == "SP" for part in parts) else " "
    text = ""
    for part in parts:
        if name(part) == "SP":
            text += " "
        elif name(part) == "HYP":
            # Some files have it in the word too.
            if text and not ends_with_hyphen(text):
                text += part.get("CONTENT") or "-"
        else:
            text += (between if text else "") + part.get("CONTENT", "")
    strings = [part for part in parts if name(part) == "String"]
    strings = [string for string in strings if string.get("CONTENT", "").strip()]
    words = text.split()
    return {
        "text": text,
        "confidence": mean(map(_confidence, strings)),
        "whole": _whole("HypPart1", strings[-1:], words[-1:]),
        "rest_of": _whole("HypPart2", strings[:1], words[:1]),
    }


def _whole(half: str, strings: list[Element], words: list[str]) -> str | None:
    """The word that a line's first or last word is that half of, if it is one.

    Of letters that stand close to it, in a `String` of their own, the whole word would
    know nothing: there the hyphen decides, as everywhere else.
    """
    for string, word in zip(strings, words, strict=True):
        if string.get("SUBS_TYPE") == half and _bare(word) == _bare(
            string.get("CONTENT")
        ):
            return string.get("SUBS_CONTENT", "").strip()
    return None


def _bare(word: str) -> str:
    return AROUND.sub("", word)


def _confidence(string: Element) -> float | None:
    """That of a word; else the mean of its glyphs'."""
    own = share(string.get("WC"))
    if own is not None:
        return own
    return mean(share(glyph.get("GC")) for glyph in children(string, "Glyph"))


def alternatives(root: Element) -> Iterator[tuple[str, str]]:
    """What a word is read as, and what it may be besides."""
    for string in descendants(root, "String"):
        for other in children(string, "ALTERNATIVE"):
            if string.get("CONTENT") and other.text:
                yield string.get("CONTENT"), other.text.strip()


FORMAT = Format("ALTO XML", (".xml",), read, roots=("alto",), alternatives=alternatives)
