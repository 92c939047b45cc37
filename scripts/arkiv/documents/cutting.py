"""From the lines of a volume to documents, no word lost.

Lines are joined by spaces; a word divided at a line's end is rejoined, across regions
and pages too (see `halves`). The running text is cut at word boundaries: into lengths
drawn from a distribution, by page, into windows, or at headings.
"""

from __future__ import annotations

import math
import random
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from arkiv.base.files import Record
from arkiv.base.hashing import content_id, rng
from arkiv.documents.halves import Rows
from arkiv.pages.page import Line, Page, mean
from arkiv.text.hyphens import Hyphens


class Word(NamedTuple):
    """A word of the running text and the line in which it begins."""

    text: str
    page: Page
    line: Line


def words(pages: Iterable[Page], hyphens: Hyphens | None = None) -> Iterator[Word]:
    """The words of a volume in reading order; a divided one stands where it begins.

    Over an empty line no word is joined: it stands for one that was set aside.
    """
    rows = Rows(pages, hyphens or Hyphens())
    for row in rows:
        page, line = row.page, row.line
        if row.divided and row.words:
            last = rows.joined(row)
            row.words[-1:] = last.split()
        for text in row.words:
            yield Word(text, page, line)


@dataclass(frozen=True)
class LengthShares:
    """A distribution of document lengths: bins of words and their weights."""

    bins: Sequence[tuple[int, int]]
    weights: Sequence[float]

    @classmethod
    def parse(cls, text: str) -> LengthShares:
        """Parse `10-499:85.85,500-999:8.872`.

        Raises:
            ValueError: another form, or no weight above 0 (argparse reports it).
        """
        bins, weights = [], []
        for item in text.split(","):
            bounds, _, weight = item.partition(":")
            low, _, high = bounds.partition("-")
            bins.append((int(low), int(high)))
            weights.append(float(weight))
        ordered = all(1 <= low <= high for low, high in bins)
        usable = all(0 <= weight < math.inf for weight in weights) and sum(weights) > 0
        if not (ordered and usable):
            raise ValueError(f"{text!r} is no distribution of lengths")
        return cls(bins, weights)

    def draw(self, source: random.Random) -> int:
        """A length in words: a bin by weight, then uniform within it."""
        low, high = source.choices(self.bins, self.weights)[0]
        return source.randint(low, high)


def cut_sampled(
    text: Iterable[Word], shares: LengthShares, seed: int, volume: str
) -> Iterator[list[Word]]:
    """Cut a volume's words into lengths drawn by hash(seed, volume).

    The last document takes what is left.
    """
    source = rng(seed, "lengths", volume)
    document: list[Word] = []
    wanted = shares.draw(source)
    for word in text:
        document.append(word)
        if len(document) == wanted:
            yield document
            document, wanted = [], shares.draw(source)
    if document:
        yield document


def _cut(
    text: Iterable[Word], begins: Callable[[Word, Word], object]
) -> Iterator[list[Word]]:
    """Documents that begin where a word and the one before say so."""
    document: list[Word] = []
    for word in text:
        if document and begins(word, document[-1]):
            yield document
            document = []
        document.append(word)
    if document:
        yield document


def cut_pages(text: Iterable[Word]) -> Iterator[list[Word]]:
    """One document per page; a divided word belongs to the page where it begins."""
    return _cut(text, lambda word, before: word.page is not before.page)


def cut_windows(text: Iterable[Word], size: int, overlap: int) -> Iterator[list[Word]]:
    """Windows of `size` words, each with the last `overlap` of the one before.

    The last may be shorter; it holds more than what the one before has already.
    """
    document: list[Word] = []
    fresh = 0
    for word in text:
        if len(document) == size:
            yield document
            document, fresh = document[size - overlap :], 0
        document.append(word)
        fresh += 1
    if fresh:
        yield document


def cut_headings(text: Iterable[Word], heading: re.Pattern) -> Iterator[list[Word]]:
    """One document from each line in which the expression is found to the next.

    What stands before the first heading is one too. A divided word belongs to where it
    begins, so a heading begins with the first word that begins in its line.
    """

    def begins(word: Word, before: Word) -> object:
        return word.line is not before.line and heading.search(word.line.text.strip())

    return _cut(text, begins)


def record(
    document: Sequence[Word], volume: str, about: Mapping[str, Any] | None = None
) -> Record:
    """The document's record, without its tokens.

    Its first and last page and line are those where its first and last word begin.

    Args:
        document: its words.
        volume: the volume's name.
        about: what is known of the volume, see `arkiv.volumes.about`.
    """
    text = " ".join(word.text for word in document)
    lines = {id(word.line): word.line for word in document}
    confidence = mean(line.confidence for line in lines.values())
    return {
        "id": content_id(text),
        "text": text,
        "volume": volume,
        "first_page": document[0].page.number,
        "last_page": document[-1].page.number,
        "first_label": document[0].page.label,
        "last_label": document[-1].page.label,
        "first_line": document[0].line.number,
        "last_line": document[-1].line.number,
        "first_line_id": document[0].line.id,
        "last_line_id": document[-1].line.id,
        "first_image": document[0].page.image,
        "last_image": document[-1].page.image,
        "lines": len(lines),
        "words": len(document),
        "confidence": None if confidence is None else round(confidence, 6),
        **(about or {}),
    }
