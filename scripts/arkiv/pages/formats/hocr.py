"""Pages of hOCR, which is HTML with the classes and properties of a recogniser.

As Tesseract, Kraken, OCRopus, Google Books and the Internet Archive's converters write
it: a page is what has the class `ocr_page`, a line what has one of LINES and no other
line in it. Text that lies in no line is read too, up to the end of its block.
Properties stand in `title`: `bbox 10 20 300 50; x_wconf 93`.

Source: the specification 1.2 (kba.github.io/hocr-spec/1.2), Tesseract's
hocrrenderer.cpp, Kraken's templates/hocr.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from arkiv.base.numbers import share
from arkiv.pages.boxes import Edges, number, own_or_around
from arkiv.pages.page import Format, Sheet, classes, mean
from arkiv.pages.xml import Element, name, pages_of

LINES = {
    *("ocr_line", "ocrx_line", "ocr_header", "ocr_footer", "ocr_caption"),
    *("ocr_textfloat", "ocr_pageno"),
}
WORD = "ocrx_word"
# Single characters, or what else a word may be read as.
CHARACTERS = {"ocrx_cinfo", "ocr_cinfo", "ocr_symbol"}
# How Tesseract begins the name of a character's choices.
CHOICES = "lstm_choices"
BLOCKS = {"ocr_carea", "ocrx_block", "ocr_column"}
# Classes that say nothing of what a text is. Of others the prefix goes.
NEUTRAL = {*BLOCKS, "ocr_line", "ocrx_line", "ocr_par", "ocr_document", "ocr_linear"}
CALLED = {"ocr_pageno": "page-number", "ocr_textfloat": "floating"}
# The specification's running title is an area of lines. Tesseract calls a line of a
# heading so (PT_HEADING_TEXT).
CALLED_AS_LINE = CALLED | {"ocr_header": "heading"}
INLINE = {
    *("a", "abbr", "b", "big", "bdo", "cite", "code", "del", "em", "font", "i", "ins"),
    *("s", "small", "span", "strong", "sub", "sup", "tt", "u"),
}
NO_TEXT = {"head", "script", "style", "title"}
PROPERTY = re.compile(r"""\s*([\w-]+)\s*((?:"[^"]*"|'[^']*'|[^;"'])*);?""")
Regions = tuple[str, ...]


def read(root: Element) -> list[Sheet]:
    """The pages of a document: all of it is one if it has lines, but no `ocr_page`."""
    pages = [each for each in _elements(root) if "ocr_page" in _classes(each)]
    if not pages and any(LINES & _classes(each) for each in _elements(root)):
        pages = [root]
    return [_Reader(page).sheet for page in pages]


def streamed(parts: Iterable[bytes]) -> Iterator[Sheet]:
    """The pages of a book in XHTML."""
    for page in pages_of(parts, "div", lambda each: "ocr_page" in _classes(each)):
        yield _Reader(page).sheet


class _Reader:
    """Fills the sheet of a page."""

    def __init__(self, page: Element) -> None:
        said = _properties(page)
        box = _box(said)
        self.sheet = Sheet(
            image=_unquoted(said.get("image")),
            size=box and (box[2], box[3]),
            label=_unquoted(said.get("lpageno")),
        )
        # What stands in no line.
        self._loose: list[str] = []
        self._below(page, ())
        self._flush(())

    def _part(self, element: Element, above: Regions) -> None:
        kinds = _classes(element)
        if kinds & LINES and not any(LINES & _classes(x) for x in _elements(element)):
            self._flush(above)
            regions = above + _called(element, kinds, CALLED_AS_LINE)
            line = _Line(element)
            self.sheet.add(
                line.text,
                line.confidence,
                id=element.get("id"),
                regions=tuple(dict.fromkeys(regions)),
                box=line.box,
            )
            return
        tag = name(element).lower()
        if tag in NO_TEXT:
            return
        regions = above + _called(element, kinds, CALLED)
        before = len(self.sheet.lines)
        apart = tag not in INLINE or bool(kinds & BLOCKS)
        if apart:
            self._flush(above)
        self._below(element, regions)
        if apart:
            self._flush(regions)
        if kinds & BLOCKS:
            self.sheet.regions_without_text += len(self.sheet.lines) == before

    def _below(self, element: Element, regions: Regions) -> None:
        self._loose.append(element.text or "")
        for child in element:
            if isinstance(child.tag, str):
                self._part(child, regions)
                # Words are apart where nothing else says so.
                self._loose.append(" " if WORD in _classes(child) else "")
            self._loose.append(child.tail or "")

    def _flush(self, regions: Regions) -> None:
        self.sheet.add(" ".join("".join(self._loose).split()), regions=regions)
        self._loose.clear()


@dataclass
class _Line:
    """What the words of a line say of it."""

    element: Element
    text: str = ""
    _confidences: list[float | None] = field(default_factory=list)
    _boxes: list[Edges | None] = field(default_factory=list)

    def __post_init__(self) -> None:
        pieces = list(self._pieces(self.element))
        # Where no space is written, words are apart all the same.
        between = "" if any(one.isspace() for one, word in pieces if not word) else " "
        after_word = False
        for piece, word in pieces:
            if word and after_word:
                self.text += between
            self.text += piece
            after_word = word
        self.text = " ".join(self.text.split())

    @property
    def confidence(self) -> float | None:
        """Of its words, else its own."""
        known = mean(self._confidences)
        return _confidence(_properties(self.element)) if known is None else known

    @property
    def box(self) -> Edges | None:
        """Its own, else that of its words."""
        return own_or_around(_box(_properties(self.element)), self._boxes)

    def _pieces(self, element: Element) -> Iterator[tuple[str, bool]]:
        """Words, and what stands between them."""
        if element.text:
            yield element.text, False
        for child in element:
            if isinstance(child.tag, str):
                if WORD in _classes(child):
                    yield self._word(child), True
                elif name(child).lower() == "br":
                    yield " ", False
                elif not _is_other_reading(child):
                    yield from self._pieces(child)
            if child.tail:
                yield child.tail, False

    def _word(self, word: Element) -> str:
        said = _properties(word)
        text = "".join(_own_text(word)).strip()
        characters = [each for each in _elements(word) if CHARACTERS & _classes(each)]
        if characters and not text:
            placed = [each for each in characters if "x_bboxes" in _properties(each)]
            characters = placed or [each for each in characters if not len(each)]
            text = "".join("".join(each.itertext()).strip() for each in characters)
        if text:
            known = _confidence(said)
            if known is None:
                known = mean(_confidence(_properties(each)) for each in characters)
            self._confidences.append(known)
            self._boxes.append(_box(said))
        return text


def alternatives(root: Element) -> Iterator[tuple[str, str]]:
    """What words or characters are read as, and what they may be besides.

    The specification writes `<ins class="alt">` and `<del class="alt">` beside each
    other, Tesseract (`lstm_choice_mode: 2`) the choices of a character with what it
    gives for each. What it saw at each step in time is no character.
    """
    for each in _elements(root):
        others = [child for child in _elements_in(each) if _is_other_reading(child)]
        first = [child for child in _elements_in(each) if _is_first_reading(child)]
        if CHARACTERS & _classes(each) and each.get("id", "").startswith(CHOICES):
            choices = sorted(_elements_in(each), key=_surest)
            first, others = choices[:1], choices[1:]
        for chosen in first[:1]:
            text = "".join(chosen.itertext()).strip()
            for other in others:
                if text and (besides := "".join(other.itertext()).strip()):
                    yield text, besides


def _surest(choice: Element) -> float:
    return -(_confidence(_properties(choice)) or 0)


def _own_text(element: Element) -> Iterator[str]:
    """The text of a word that stands in no element of a character."""
    yield element.text or ""
    for child in element:
        character = CHARACTERS & _classes(child) if isinstance(child.tag, str) else True
        if not character and not _is_other_reading(child):
            yield from _own_text(child)
        yield child.tail or ""


def _is_other_reading(element: Element) -> bool:
    """Whether it is none of the first choice: `<del class="alt">` beside an `<ins>`."""
    return name(element).lower() == "del" and "alt" in _classes(element)


def _is_first_reading(element: Element) -> bool:
    return name(element).lower() == "ins" and "alt" in _classes(element)


def _elements_in(element: Element) -> Iterator[Element]:
    return (each for each in element if isinstance(each.tag, str))


def _elements(element: Element) -> Iterator[Element]:
    return (each for each in element.iterdescendants() if isinstance(each.tag, str))


def _classes(element: Element) -> set[str]:
    return set(element.get("class", "").split())


def _called(element: Element, kinds: set[str], names: dict[str, str]) -> Regions:
    """What kind of a region it is, if it says so."""
    given = [
        names.get(kind, kind.partition("_")[2])
        for kind in sorted(kinds)
        if kind.startswith(("ocr_", "ocrx_")) and kind not in NEUTRAL
    ]
    return classes(*given, element.get("data-region-type"))


def _properties(element: Element) -> dict[str, str]:
    return dict(PROPERTY.findall(element.get("title", "")))


def _unquoted(value: str | None) -> str | None:
    return (value or "").strip().strip("\"'").strip() or None


def _box(said: dict[str, str]) -> Edges | None:
    edges = [number(value) for value in said.get("bbox", "").split()]
    return tuple(edges) if len(edges) == 4 and None not in edges else None


def _confidence(said: dict[str, str]) -> float | None:
    """From 0 to 1. The specification has per cent, Kraken has shares."""
    values = said.get("x_wconf") or said.get("x_confs") or said.get("x_conf") or ""
    known = [value for each in values.split() if (value := number(each)) is not None]
    if not known:
        return None
    shares = "." in values and max(known) <= 1
    return mean(share(value if shares else value / 100) for value in known)


FORMAT = Format(
    "hOCR",
    (".hocr", ".html", ".htm", ".xhtml", ".xml"),
    read,
    roots=("html", "div", "body"),
    streamed=streamed,
    alternatives=alternatives,
    sign=re.compile(r"\bocrx?_\w|\bocr-(?:system|capabilities)\b"),
)
