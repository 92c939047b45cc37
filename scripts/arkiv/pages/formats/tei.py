"""Pages of TEI, P5 and P4: editions, Transkribus's export, OCR with facsimiles.

`pb` begins a page, `lb` and every element of BLOCKS a line; where an edition keeps no
lines, a paragraph is one. The rule for what is read is that of every other format: what
stands on the page, for it is what recognisers read elsewhere in the archive and what an
image shows to the reader of a search hit. So of a `choice` it is `orig`, `sic` and
`abbr`, not the editor's `reg`, `corr` and `expan`, and deleted words (`del`) stay.
Spellings of today are left to the queries in other spellings. What the editors add
beside the text is none: header, descriptions, other readings of an apparatus.

Notes and what the printer put around the text (`fw`: running titles, page numbers,
catchwords) are lines of their own, behind the line in which they are encoded, and never
between the halves of a word. `break="no"` joins these over a new line or page.

Source: TEI P5 Guidelines, chapters 3, 11 and 13; the base format of the Deutsches
Textarchiv; EEBO-TCP.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from arkiv.pages.boxes import Edges, around, image_size, number
from arkiv.pages.page import Format, Sheet, classes, ends_with_hyphen
from arkiv.pages.xml import Element, children, descendants, name

ROOTS = ("TEI", "teiCorpus", "TEI.2", "teiCorpus.2")
# What ends a line before and after it.
BLOCKS = frozenset(
    "ab address addrLine argument back bibl body byline caption castItem castList cit "
    "closer dateline div div0 div1 div2 div3 div4 div5 div6 div7 docAuthor docDate "
    "docEdition docImprint docTitle entry epigraph figure floatingText form front "
    "group head imprimatur item l label lg line list listBibl opener p postscript row "
    "salute sense set signed sourceDoc sp speaker stage surface table text titlePage "
    "titlePart trailer u zone".split()
)
# Of these, what no text stands beside. In a sentence they are a part of it.
UNLESS_IN_TEXT = frozenset(
    "address bibl cit dateline docAuthor docDate docEdition docImprint figure label "
    "salute signed".split()
)
APART = frozenset(("cell", "space"))
BREAKS = frozenset(("pb", "lb", "cb", "gb", "milestone"))
# What is no text of the page.
LEFT_OUT = frozenset(
    "certainty desc facsimile figDesc graphic index interp interpGrp standOff "
    "teiHeader witDetail".split()
)
# Of several readings the first of these is taken, else the first.
AS_IT_STANDS = ("orig", "sic", "abbr", "am", "lem")
# Furniture and notes, by the values of `type` and `place`.
TYPES = {
    **dict.fromkeys(("pagenum", "pagenumber", "pageno", "folnum"), "page-number"),
    **dict.fromkeys(("sig", "sign"), "signature-mark"),
    **dict.fromkeys(("catch", "catchword"), "catch-word"),
    **dict.fromkeys(("head", "runninghead"), "header"),
    "foot": "footer",
}
PLACES = {
    "note": {
        **dict.fromkeys(("margin", "left", "right", "inner", "outer"), "marginalia"),
        **dict.fromkeys(("foot", "bottom"), "footnote"),
        "end": "endnote",
    },
    "fw": {
        **dict.fromkeys(("margin", "left", "right"), "marginalia"),
        **dict.fromkeys(("foot", "bottom", "bot"), "footer"),
        "top": "header",
    },
}
ID = "{http://www.w3.org/XML/1998/namespace}id"
SIDES = ("width", "height")
Regions = tuple[str, ...]


def read(root: Element) -> list[Sheet]:
    """The pages of a document, of which the first is what stands before any `pb`.

    A transcription of the sheets (`sourceDoc`) is read where there is no text.
    """
    texts = [
        each
        for each in descendants(root, "text")
        if not any(name(above) == "text" for above in each.iterancestors())
    ]
    reader = _Reader(_Facsimiles(root))
    for text in texts or descendants(root, "sourceDoc"):
        reader.read(text)
    return reader.sheets()


class _Facsimiles:
    """Images and places by the ids that `facs` refers to."""

    def __init__(self, root: Element) -> None:
        found = descendants(root, "surface", "zone", "graphic")
        self._by_id = {f"#{_id(each)}": each for each in found if _id(each)}

    def image(self, page: Element) -> tuple[str | None, tuple[int, int] | None]:
        """The image of a page, and its size; the reference itself where it has none."""
        said = page.get("facs", "").split()
        surface = page if name(page) == "surface" else None
        for reference in said:
            surface = self._by_id.get(reference, surface)
        if surface is None:
            return (said[0].lstrip("#") if said else None), None
        graphics = [surface, *descendants(surface, "graphic")]
        url = next((each.get("url") for each in graphics if each.get("url")), None)
        sizes = [
            image_size(*(each.get(side, "").removesuffix("px") for side in SIDES))
            for each in graphics
        ]
        sizes.append(image_size(surface.get("lrx"), surface.get("lry")))
        return url, next(filter(None, sizes), None)

    def box(self, element: Element | None) -> Edges | None:
        """Where a line stands that an element begins."""
        if element is None:
            return None
        places = [self._by_id.get(x) for x in element.get("facs", "").split()]
        places.append(element)
        if name(element) == "line":
            places.append(element.getparent())
        found = (_edges(each) for each in places if each is not None)
        edges = next(filter(None, found), None)
        # A paragraph of several lines stands where none of them does.
        several = edges and next(descendants(element, "lb", "line"), None) is not None
        return None if several else edges


@dataclass
class _Start:
    """What is known of a line before its text."""

    regions: Regions = ()
    id: str | None = None
    box: Edges | None = None


@dataclass
class _Reader:
    """Goes through texts and fills one sheet after the other."""

    facsimiles: _Facsimiles
    # With whether the text says that a page begins there.
    _sheets: list[tuple[Sheet, bool]] = field(default_factory=list)
    _pieces: list[str] = field(default_factory=list)
    _start: _Start = field(default_factory=_Start)
    # Notes and furniture, with what they lie in, until a line ends with a whole word.
    _aside: list[tuple[Element, Regions]] = field(default_factory=list)
    _divided: bool = False
    # Lines of the sheet up to the last one that ends with a whole word; None where the
    # first is to go on with a word of the page before.
    _whole: int | None = 0

    def read(self, text: Element) -> None:
        """Read a text, which may begin in the midst of a page."""
        self._new_page(Sheet(), said=False)
        self._inside(text, ())
        self._end_page()
        self._divided = False
        self._put_aside()

    def sheets(self) -> list[Sheet]:
        """The pages, but for those without text that no text speaks of."""
        return [sheet for sheet, said in self._sheets if said or sheet.lines]

    def _below(self, element: Element, regions: Regions) -> None:
        self._pieces.append(element.text or "")
        for child in element:
            if isinstance(child.tag, str):
                self._part(child, regions)
            self._pieces.append(child.tail or "")

    def _part(self, element: Element, regions: Regions) -> None:
        kind = name(element)
        if kind in LEFT_OUT:
            return
        if kind in BREAKS:
            self._break(element, kind, regions)
        elif kind in PLACES and next(descendants(element, "pb"), None) is None:
            self._aside.append((element, regions))
            if not self._divided and not "".join(self._pieces).strip():
                self._put_aside()
        elif kind in ("choice", "app"):
            readings = children(element, *AS_IT_STANDS) or children(element)
            readings.sort(key=_as_it_stands)
            for reading in readings[:1]:
                self._inside(reading, regions)
        else:
            self._inside(element, regions)

    def _inside(self, element: Element, above: Regions) -> None:
        kind = name(element)
        regions = above + _classes(element)
        block = kind in BLOCKS or kind in PLACES
        if kind in UNLESS_IN_TEXT and _has_text(element.getparent()):
            block = False
        if kind == "surface":
            image, size = self.facsimiles.image(element)
            self._new_page(Sheet(image=image, size=size, label=element.get("n")))
        if block:
            self._end()
            self._begin(element, regions)
        apart = " " if kind in APART else ""
        self._pieces.append(apart)
        self._below(element, regions)
        self._pieces.append(apart)
        if block:
            self._end()
            self._begin(None, above)

    def _break(self, element: Element, kind: str, regions: Regions) -> None:
        unit = element.get("unit") if kind == "milestone" else kind
        if unit not in ("pb", "page", "lb", "line", "cb", "column"):
            return
        self._end(divided=element.get("break") == "no")
        if unit in ("pb", "page"):
            image, size = self.facsimiles.image(element)
            self._new_page(Sheet(image=image, size=size, label=element.get("n")))
        self._begin(element if unit in ("lb", "line") else None, regions)

    def _begin(self, element: Element | None, regions: Regions) -> None:
        known = None if element is None else _id(element)
        self._start = _Start(regions, known, self.facsimiles.box(element))

    def _end(self, *, divided: bool = False) -> None:
        """End a line, in the midst of its last word or not."""
        text = " ".join("".join(self._pieces).split())
        self._pieces.clear()
        if not text:
            return
        signed = ends_with_hyphen(text)
        sheet, _ = self._sheets[-1]
        sheet.add(
            text,
            id=self._start.id,
            regions=tuple(dict.fromkeys(self._start.regions)),
            # A hyphen that is there decides as it does elsewhere.
            whole="" if divided and not signed else None,
            box=self._start.box,
        )
        self._start = _Start(self._start.regions)
        self._divided = divided or signed
        if not self._divided:
            self._put_aside()
            self._whole = len(self._sheets[-1][0].lines)

    def _put_aside(self) -> None:
        """Read what stands aside of the line that was read last."""
        waiting, self._aside = self._aside, []
        kept = self._start, self._pieces, self._divided
        for element, above in waiting:
            self._start, self._pieces, self._divided = _Start(), [], False
            self._inside(element, above)
        self._start, self._pieces, self._divided = kept

    def _end_page(self) -> None:
        self._end()
        sheet, _ = self._sheets[-1]
        if self._whole is None:
            return
        # What the next page goes on with stays last.
        divided = sheet.lines[self._whole :]
        del sheet.lines[self._whole :]
        self._put_aside()
        for line in divided:
            sheet.lines.append(replace(line, number=len(sheet.lines) + 1))

    def _new_page(self, sheet: Sheet, *, said: bool = True) -> None:
        if self._sheets:
            self._end_page()
        self._sheets.append((sheet, said))
        self._whole = None if self._divided else 0


def _has_text(element: Element) -> bool:
    """Whether it holds text beside its children."""
    texts = [element.text, *(child.tail for child in element)]
    return any(text and text.strip() for text in texts)


def _as_it_stands(reading: Element) -> int:
    kind = name(reading)
    return AS_IT_STANDS.index(kind) if kind in AS_IT_STANDS else len(AS_IT_STANDS)


def _classes(element: Element) -> Regions:
    kind = name(element)
    if kind in PLACES:
        type, place = element.get("type", ""), element.get("place", "")
        whole = {"note": "note", "fw": None}[kind]
        called = TYPES.get(type.lower(), type)
        return classes(whole, *map(PLACES[kind].get, place.lower().split()), called)
    return classes(
        {"head": "heading", "table": "table", "zone": element.get("type")}.get(kind)
    )


def _id(element: Element) -> str | None:
    return element.get(ID) or element.get("id")


def _edges(element: Element) -> Edges | None:
    """Its place, by corners or by points."""
    corners = [number(element.get(side)) for side in ("ulx", "uly", "lrx", "lry")]
    return around(element.get("points")) if None in corners else tuple(corners)


FORMAT = Format("TEI", (".xml", ".tei"), read, roots=ROOTS)
