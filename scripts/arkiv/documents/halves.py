"""Where the other half of a divided word is, and the word that both make.

By its sign, it begins the next line of the running text: lines of page furniture (a
page number, a note in the margin) are looked past, and within furniture it begins the
next line of the same kind before the text goes on. By a format that marks halves and
gives the whole word, it is the half marked with the same word, on the same page or the
next that has text. No half is on the other side of a missing page.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from functools import lru_cache

from arkiv.pages.page import Line, Page, names_of
from arkiv.text.hyphens import Hyphens, bare, spelled

# Lines of furniture; behind more of them there is no other half.
LOOKED_PAST = 200
# Classes of what is no part of the running text, without the signs between their words:
# those of PAGE and Transkribus, of SegmOnto, and other words for the same.
FURNITURE = frozenset(
    "header footer pagenumber marginalia signature signaturemark catchword "
    "footnote footnotecontinued endnote note margin runninghead runningheader "
    "runningtitle pagenum pageno foliation numberingzone runningtitlezone "
    "margintextzone quiremarkszone stampzone".split()
)
# Letters that a word may have less than its halves (`Schiff-fahrt`, `Schiffahrt`): what
# a file gives with fewer is not the whole of it.
FEWER = 2
BETWEEN_WORDS = str.maketrans("", "", "-_ ")


@lru_cache(maxsize=4096)
def furniture(regions: tuple[str, ...]) -> str | None:
    """The kind of page furniture that a line in these regions is, if it is any."""
    for region in regions:
        for name in names_of(region):
            kind = name.translate(BETWEEN_WORDS)
            if kind in FURNITURE:
                return kind
    return None


class Row:
    """A line, and those of its words that no half before it has taken."""

    __slots__ = ("leaf", "line", "marked", "page", "rest", "section", "sign", "words")

    def __init__(
        self,
        page: Page,
        line: Line,
        parts: tuple[list[str], str | None],
        leaf: int,
        section: int,
    ) -> None:
        self.page = page
        self.line = line
        self.words, self.sign = parts
        self.leaf = leaf
        """Counts pages with text."""
        self.section = section
        """Counts pages that are missing."""
        self.rest: Row | None = None
        """Where the other half of the last word is, by the file's own marks."""
        self.marked = False
        """Whether the first word is the other half of one, by these marks."""

    @property
    def divided(self) -> bool:
        """Whether the last word is the first half of one."""
        return self.sign is not None or self.line.whole is not None

    @property
    def is_open(self) -> bool:
        """Whether the first word may be the other half of one, by its sign."""
        begins_another = len(self.words) == 1 and bool(self.line.whole)
        return bool(self.words) and not self.marked and not begins_another


class Rows:
    """The lines of a volume, read ahead as far as a divided word needs it."""

    def __init__(self, pages: Iterable[Page], hyphens: Hyphens) -> None:
        self._pages = iter(pages)
        self._hyphens = hyphens
        self._ahead: deque[Row] = deque()
        self._leaf = self._section = 0
        # First halves by the whole word: of this page and the one before.
        self._open: dict[str, list[Row]] = {}
        self._open_before: dict[str, list[Row]] = {}
        self._last: Row | None = None

    def __iter__(self) -> Iterator[Row]:
        while self._ahead or self._read_page():
            yield self._ahead.popleft()

    def joined(self, begin: Row) -> str:
        """The last word of a line, with its other half if there is one.

        That half is taken out of its own line.
        """
        row, text, place = begin, begin.words[-1], 0
        while row.divided:
            rest, place = self._rest(row, place)
            whole = rest and self._whole(text, row, rest, goes_on=row is not begin)
            if whole is None:
                return text + (row.sign or "")
            text = whole
            rest.words.pop(0)
            # A line of one word may go on itself; what a file gives whole is whole.
            if rest.words or (rest is row.rest and rest.line.whole is None):
                break
            row = rest
        return text

    def _rest(self, row: Row, place: int) -> tuple[Row | None, int]:
        """The line that has a word's other half, and the place behind it.

        Args:
            row: of the first half.
            place: from where on to look among the lines ahead.
        """
        if (rest := self._marked(row)) is not None:
            return rest, self._ahead.index(rest) + 1
        if row.line.whole:
            return None, place
        return self._next(row, place)

    def _whole(self, text: str, row: Row, rest: Row, *, goes_on: bool) -> str | None:
        """A word of two halves, None if they are two words.

        Args:
            text: the first half, or all of the word that was before.
            row: where the first half is.
            rest: where the other is.
            goes_on: whether the first half began before that line.
        """
        given = rest is row.rest and (row.line.whole or rest.line.rest_of)
        if not given or _loses(text, rest.words[0], given):
            return self._hyphens.joined(text, row.sign, rest.words[0])
        if goes_on and not bare(given).startswith(bare(text)):
            return None
        return spelled(text, rest.words[0], given)

    def _read_page(self) -> bool:
        """Read the next page that has lines; False if there is none."""
        for page in self._pages:
            if not page.follows:
                self._section += 1
                self._open, self._last = {}, None
            if not page.lines:
                continue
            self._leaf += 1
            self._open_before, self._open = self._open, {}
            for line in page.lines:
                parts = self._hyphens.parts(line.text)
                row = Row(page, line, parts, self._leaf, self._section)
                self._ahead.append(row)
                if line.rest_of is not None or line.whole is not None:
                    self._match(row)
                # A line without text was set aside: what goes on behind it is lost.
                if row.words or not line.text:
                    self._last = row
            return True
        return False

    def _match(self, row: Row) -> None:
        """Find the first half of a line's first word, and remember its last."""
        line = row.line
        if line.rest_of is not None and row.words:
            half = self._half_before(line.rest_of)
            if half is not None:
                half.rest = row
                row.marked = True
        if line.whole and row.words:
            self._open.setdefault(bare(line.whole), []).append(row)

    def _half_before(self, whole: str) -> Row | None:
        """The nearest first half of a word that has no other, as brackets are closed.

        Where one of the two does not say of which word it is, it is the other's if that
        stands on the line before.
        """
        key = bare(whole)
        if halves := self._open.get(key) or self._open_before.get(key):
            return halves.pop()
        half = self._last
        if half is None or half.line.whole is None or half.rest is not None:
            return None
        return None if whole and half.line.whole else half

    def _marked(self, row: Row) -> Row | None:
        if row.line.whole is not None and row.rest is None and row.leaf == self._leaf:
            self._read_page()
        return row.rest

    def _next(self, row: Row, place: int) -> tuple[Row | None, int]:
        """The line that a word goes on in by its sign, and the place behind it."""
        kind = furniture(row.line.regions)
        for at in range(place, place + LOOKED_PAST):
            if at == len(self._ahead) and not self._read_page():
                break
            other = self._ahead[at]
            its = furniture(other.line.regions)
            if other.section != row.section or (its != kind and its is None):
                break
            # A line of a sign alone says nothing, one without text was set aside.
            if its == kind and (other.words or not other.line.text):
                return (other if other.is_open else None), at + 1
        return None, place


def _loses(half: str, rest: str, whole: str) -> bool:
    """Whether a word that a file gives for two halves is too short for them."""
    letters = sum(map(str.isalnum, half)) + sum(map(str.isalnum, rest))
    return sum(map(str.isalnum, whole)) < letters - FEWER
