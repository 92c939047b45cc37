"""A page as every format's reader gives it: lines of text in reading order."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any
from unicodedata import category

from arkiv.base.errors import InputError
from arkiv.base.hashing import nfc
from arkiv.base.numbers import share
from arkiv.pages.boxes import Box, Edges, image_size, pixels

# Characters. A line of more is no line, and would be one document with no place to cut.
LONGEST_LINE = 1_000_000
# What hyphens are to Unicode: dashes, `=` and `¬`, the soft hyphen.
HYPHENS = ("Pd", "Sm", "Cf")
# The class of a region without what SegmOnto and its users add.
ZONE = re.compile(r"\w+zone(?=-)|[^:#]+(?=[:#])")


@dataclass(frozen=True, slots=True)
class Line:
    """A line as recognised."""

    text: str
    confidence: float | None
    """Of the recogniser, 0 to 1; None where the file gives no such number."""
    number: int
    """Counted from 1 in the page."""
    id: str | None = None
    """The file's own name for it."""
    regions: tuple[str, ...] = ()
    """Classes of the regions it lies in, outermost first, in lower case."""
    whole: str | None = None
    """The word that its last word is the first half of, where the file says so; empty
    if it does not say what the whole word is, which then goes on in the next line."""
    rest_of: str | None = None
    """Likewise the word whose other half is its first word."""
    box: Box | None = None
    """Where it stands on the image; None where the file does not say."""


@dataclass(frozen=True, slots=True)
class Page:
    """A page in reading order."""

    number: int
    """In the file, or in the volume."""
    lines: tuple[Line, ...]
    regions_without_text: int
    image: str | None = None
    """The image that was transcribed, as the file names it."""
    size: tuple[int, int] | None = None
    """The image's width and height in pixels."""
    label: str | None = None
    """What the archive calls it: `12r`, `[3]`, `iv`."""
    follows: bool = True
    """Whether no page is known to be missing before it."""
    unheld: tuple[Line, ...] = ()
    """Text of regions that none of its lines holds, with the number of the line before
    the region."""


@dataclass
class Sheet:
    """Collects what a reader finds on a page."""

    image: str | None = None
    size: tuple[Any, Any] | None = None
    """Width and height of the image, as the file has them; None in the end if they are
    no numbers of pixels."""
    label: str | None = None
    lines: list[Line] = field(default_factory=list)
    unheld: list[Line] = field(default_factory=list)
    regions_without_text: int = 0

    def __post_init__(self) -> None:
        check_unicode("the image's name", self.image)
        check_unicode("the page's label", self.label)
        self.size = image_size(*self.size) if self.size else None

    def add(
        self,
        text: str,
        confidence: object = None,
        *,
        id: str | None = None,
        regions: tuple[str, ...] = (),
        whole: str | None = None,
        rest_of: str | None = None,
        box: Edges | None = None,
        held: bool = True,
    ) -> None:
        """Add a line, unless it is blank; its text in Unicode's form NFC.

        Text of a region that none of its lines holds is no line, and to be set aside.

        Its box, in pixels of the page's image, need not be whole nor within the image;
        what cannot be right is none, see `boxes`.

        Raises:
            InputError: the text is not Unicode, or far too long for a line.
        """
        if not text.strip():
            return
        text, whole, rest_of = nfc(text), whole and nfc(whole), rest_of and nfc(rest_of)
        number = len(self.lines) + held
        check_unicode(f"line {number}", text, id, whole, rest_of, *regions)
        if len(text) > LONGEST_LINE:
            raise not_a_page(
                f"line {number} has {len(text):,} characters, "
                f"expected at most {LONGEST_LINE:,}"
            )
        (self.lines if held else self.unheld).append(
            Line(
                text,
                share(confidence),
                number,
                id,
                regions,
                whole,
                rest_of,
                pixels(box, self.size),
            )
        )

    def page(self, number: int) -> Page:
        """The page that it is."""
        return Page(
            number,
            tuple(self.lines),
            self.regions_without_text,
            self.image,
            self.size,
            self.label,
            unheld=tuple(self.unheld),
        )


@dataclass(frozen=True)
class Format:
    """How files of a format are known and read; that without a mark is plain text.

    Attributes:
        title: what people call it.
        endings: of the names of its files; with a sign the first is of no others.
        read: the pages of a file, given its content: of XML the root element, of JSON
            the bytes, of tables and of plain text the characters.
        roots: the mark of XML, names of its root element.
        sign: what XML of these roots has at its start besides, if others have them too.
        keys: the mark of JSON: keys of its outermost object, or of the first in a list,
            of which one is enough.
        types: likewise, values of its `@type`, `type` or `@context`.
        columns: the mark of a table: names in its header, of which one is enough; and
            of a file of JSON rows: keys of texts.
        streamed: the pages of a book that is too large to be read as a whole, given its
            content in parts.
        alternatives: what lines, words or letters are read as, and what else they may
            be, given what `read` is given.
    """

    title: str
    endings: tuple[str, ...]
    read: Callable[[Any], list[Sheet]]
    roots: tuple[str, ...] = ()
    sign: re.Pattern[str] | None = None
    keys: frozenset[str] = frozenset()
    types: frozenset[str] = frozenset()
    columns: frozenset[str] = frozenset()
    streamed: Callable[[Iterable[bytes]], Iterator[Sheet]] | None = None
    alternatives: Callable[[Any], Iterator[tuple[str, str]]] | None = None

    @property
    def marked(self) -> bool:
        """Whether a file shows by its content that it is of this format."""
        return bool(self.roots or self.keys or self.types or self.columns)


def check_unicode(what: str, *texts: str | None) -> None:
    """Refuse half a surrogate pair, which JSON can hold and no file of ours."""
    try:
        "".join(filter(None, texts)).encode()
    except UnicodeEncodeError:
        raise not_a_page(f"{what} is not Unicode text") from None


def not_a_page(reason: str) -> InputError:
    """The error that a file is no page."""
    return InputError(f"is not a page: {reason}")


def ends_with_hyphen(text: str) -> bool:
    """Whether a text ends with a hyphen of any kind."""
    return bool(text) and category(text[-1]) in HYPHENS


def mean(values: Iterable[float | None]) -> float | None:
    """Of the numbers that are known; None if none is."""
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None


@lru_cache(maxsize=4096)  # each line has them, and there are few
def classes(*names: str | None) -> tuple[str, ...]:
    """Names of region classes as they are compared: NFC, in lower case, none empty."""
    return tuple(nfc(name).strip().lower() for name in names if name and name.strip())


@lru_cache(maxsize=4096)
def names_of(region: str) -> tuple[str, ...]:
    """The class of a region by all its names, the fullest first.

    SegmOnto adds a number and a kind: `margintextzone:note#1` is `margintextzone:note`
    and `margintextzone` too.
    """
    zone = ZONE.match(region)
    shorter = region.partition("#")[0], zone[0] if zone else region
    return tuple(dict.fromkeys((region, *shorter)))
