"""Pages of ALTO XML, versions 2 to 4.

Of a line, `String` is a word, `SP` a space and `HYP` the hyphen at its end. A divided
word stands whole in `SUBS_CONTENT` of its two halves, of `SUBS_TYPE` HypPart1 and
HypPart2. `WC` is the confidence of a word; a line's is their mean.

Source: the schemas of the Library of Congress, alto-2-1, alto-3-1 and alto-4-4.xsd.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from arkiv.base.numbers import share
from arkiv.pages.page import Format, Sheet, classes, mean
from arkiv.pages.units import Geometry, geometry
from arkiv.pages.xml import (
    Element,
    children,
    descendants,
    in_reading_order,
    name,
    within,
)
from arkiv.text.hyphens import DEFAULT

BLOCKS = ("TextBlock", "ComposedBlock")
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
    order = [
        reference
        for group in children(root, "ReadingOrder")
        for reference in _references(group)
    ]
    pages = list(descendants(root, "Page"))
    # Of several pages no one knows which image is whose.
    image = images[0].strip() if len(pages) == len(images) == 1 else None
    alone = len(pages) == 1
    return [
        _sheet(page, image, order, labels, geometry(root, page, alone=alone))
        for page in pages
    ]


def _references(group: Element) -> Iterator[str]:
    if reference := group.get("REF"):
        yield reference
    for part in children(group):
        yield from _references(part)


def _sheet(
    page: Element,
    image: str | None,
    order: list[str],
    labels: Mapping[str | None, str | None],
    places: Geometry,
) -> Sheet:
    def classes_of(each: Element) -> tuple[str, ...]:
        tags = each.get("TAGREFS", "").split()
        named = (labels.get(tag) for tag in tags)
        return classes(AREAS.get(name(each)), each.get("TYPE"), *named)

    sheet = Sheet(image=image, size=places.size)
    for element in in_reading_order(page, order, _parts, "ID"):
        if name(element) == "TextLine":
            text, confidence, joint = _line(element)
            sheet.add(
                text,
                confidence,
                id=element.get("ID"),
                regions=within(element, page, classes_of),
                joint=joint,
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


def _line(line: Element) -> tuple[str, float | None, str | None]:
    """Its text without the hyphen that ends it, its confidence and its joint."""
    parts = children(line, "String", "SP", "HYP")
    # Where no space is written, words are apart all the same.
    between = "" if any(name(part) == "SP" for part in parts) else " "
    text, joint = "", None
    for part in parts:
        if name(part) == "SP":
            text += " "
        elif name(part) == "HYP":
            joint = joint or ""
        else:
            content = part.get("CONTENT", "")
            text += (between if text else "") + content
            joint = None
            if part.get("SUBS_TYPE") == "HypPart1":
                joint = _joint(content, part.get("SUBS_CONTENT", ""))
    confidence = mean(share(part.get("WC")) for part in children(line, "String"))
    if joint is not None and text.rstrip().endswith(tuple(DEFAULT)):
        text = text.rstrip()[:-1]
    return text, confidence, joint


def _joint(half: str, whole: str) -> str:
    """The hyphen that the whole word has after its first half, if it has one there."""
    bare = half.rstrip(DEFAULT)
    after = whole[len(bare) : len(bare) + 1] if whole.startswith(bare) else ""
    return after if after and after in DEFAULT else ""


FORMAT = Format("ALTO XML", (".xml",), read, roots=("alto",))
