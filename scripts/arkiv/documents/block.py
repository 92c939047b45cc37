"""A block of volumes made documents in one pass, counting as it goes."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from arkiv.base.errors import InputError
from arkiv.base.files import Record
from arkiv.documents.cutting import Word, record, words
from arkiv.documents.lines import LineFilter
from arkiv.pages.page import Page
from arkiv.text.hyphens import Hyphens
from arkiv.text.lengths import TokenCounter
from arkiv.volumes.opened import Opened
from arkiv.volumes.volume import Volume, page_files, placed

log = logging.getLogger(__name__)

# Characters of documents that are held at once, to be tokenised together.
HELD = 1 << 20
# What a block counts; those of all blocks are added.
COUNTS = (
    "volumes",
    "volumes_not_read",
    "pages",
    "empty_pages",
    "not_pages",
    "regions_without_text",
    "lines",
    "lines_set_aside",
    "words_in_lines_set_aside",
    "words",
    "words_repeated",
    "words_set_aside",
)


@dataclass
class Block:
    """How volumes are read and cut.

    Attributes:
        root: the archive's directory, which no link may lead out of.
        cut: the running text of a volume, given its name, into documents.
        lines: which lines are left out.
        hyphens: the signs that divide words.
        encoding: of texts that are not UTF-8.
        tokens: counts a document's tokens.
        max_tokens: a document with more is set aside.
        stop: whether a file that is no page is an error.
        reject: takes the record of what is set aside.
        place: takes each page, as it goes into documents, and its volume's name.
    """

    root: Path
    cut: Callable[[Iterable[Word], str], Iterator[list[Word]]]
    lines: LineFilter
    hyphens: Hyphens
    encoding: str | None
    tokens: TokenCounter
    max_tokens: int
    stop: bool
    reject: Callable[[Record], None]
    place: Callable[[Page, str], None]

    def __post_init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.reasons: Counter[str] = Counter()
        self._words_cut = 0

    def documents(self, volumes: Iterable[Volume]) -> Iterator[Record]:
        """The documents of the volumes, those that are not too long.

        Raises:
            InputError: what is no page or volume, if that is to stop.
        """
        with Opened(self.root) as archive:
            for volume in volumes:
                yield from self._of_volume(volume, archive)

    def _of_volume(self, volume: Volume, archive: Opened) -> Iterator[Record]:
        self.counts["volumes"] += 1
        cut = self.cut(self._words(volume, archive), volume.name)
        made = (record(document, volume.name, volume.about) for document in cut)
        for item in self._with_tokens(made):
            self._words_cut += item["words"]
            if item["tokens"] <= self.max_tokens:
                yield item
                continue
            self.counts["words_set_aside"] += item["words"]
            reason = f"has {item['tokens']} tokens, more than {self.max_tokens}"
            self._set_aside("longer than max_tokens", {"reason": reason, **item})

    def stats(self) -> Record:
        """The counts, and how often each reason set something aside."""
        # What windows have in common is in two documents.
        self.counts["words_repeated"] = self._words_cut - self.counts["words"]
        counts = {key: self.counts[key] for key in COUNTS}
        return {**counts, "rejected": dict(sorted(self.reasons.items()))}

    def _with_tokens(self, items: Iterable[Record]) -> Iterator[Record]:
        held: list[Record] = []
        characters = 0
        for item in items:
            held.append(item)
            characters += len(item["text"])
            if characters >= HELD:
                yield from self._counted(held)
                held, characters = [], 0
        yield from self._counted(held)

    def _counted(self, items: list[Record]) -> Iterator[Record]:
        lengths = self.tokens.lengths(item["text"] for item in items)
        for item, length in zip(items, lengths.tolist(), strict=True):
            yield {**item, "tokens": length}

    def _words(self, volume: Volume, archive: Opened) -> Iterator[Word]:
        for word in words(self._pages(volume, archive), self.hyphens):
            self.counts["words"] += 1
            yield word

    def _pages(self, volume: Volume, archive: Opened) -> Iterator[Page]:
        try:
            with page_files(volume, archive) as files:
                last, whole = 0, True
                for file in files:
                    try:
                        pages = file.pages(self.encoding)
                    except InputError as error:
                        error = error.at(file.path, error.line)
                        self._refuse(error, "not_pages", "not a page")
                        whole = False
                        continue
                    for page in placed(pages, file.place, last):
                        last = page.number
                        page = replace(page, follows=page.follows and whole)
                        whole = True
                        yield self._filtered(page, volume.name)
        except InputError as error:
            self._refuse(error, "volumes_not_read", "volume that cannot be read")

    def _refuse(self, error: InputError, count: str, kind: str) -> None:
        if self.stop:
            raise error
        self.counts[count] += 1
        log.warning("set aside: %s", error)
        self._set_aside(kind, {"file": error.file, "reason": error.reason})

    def _filtered(self, page: Page, volume: str) -> Page:
        self.counts["pages"] += 1
        self.counts["empty_pages"] += not page.lines
        self.counts["regions_without_text"] += page.regions_without_text
        self.counts["lines"] += len(page.lines) + len(page.unheld)
        page, aside = self.lines.divide(page, volume)
        for kind, item in aside:
            self.counts["lines_set_aside"] += 1
            self.counts["words_in_lines_set_aside"] += item["words"]
            self._set_aside(kind, item)
        self.place(page, volume)
        return page

    def _set_aside(self, kind: str, item: Record) -> None:
        self.reasons[kind] += 1
        self.reject(item)
