"""Where documents stand: the boxes of their lines, in a file beside them.

The file has a record for each line that went into documents and whose place is known,
in the order of volumes, pages and lines:

    {"id", "volume", "page", "label", "line", "box", "confidence", "image", "width",
     "height"}

`box` is left, top, right and bottom in pixels of the image called `image`, of `width`
times `height` pixels. `page` and `line` are numbers as a document has them: a volume's
pages are numbered upwards, so that no two have one number. `id` is the file's own name
for the line, its number where it has none. An unknown label or name is empty, an
unknown size 0 by 0, so that columns keep their types; an unknown confidence is null.
"""

from __future__ import annotations

import contextlib
import json
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator
from functools import lru_cache
from json.encoder import encode_basestring as quoted
from pathlib import Path

from arkiv.base.errors import InputError
from arkiv.base.files import Record, open_input, parse_record, written_whole
from arkiv.pages.page import Page

# Pages whose lines are held: windows that overlap ask for the same ones.
HELD_PAGES = 64


@contextlib.contextmanager
def open_places(path: str | Path | None) -> Iterator[Callable[[Page, str], None]]:
    """Yield what writes the lines of a page, given the name of its volume, to a file.

    The file appears whole or not at all; without a path nothing is written.
    """
    if path is None:
        yield lambda page, volume: None
        return
    with written_whole(path) as beside, open(beside, "w", encoding="utf-8") as out:

        def write(page: Page, volume: str) -> None:
            out.write(line_records(page, volume))

        yield write


def line_records(page: Page, volume: str) -> str:
    """The records of a page's lines, put together by hand: there are millions."""
    number = json.dumps(page.number, ensure_ascii=False)
    width, height = page.size or (0, 0)
    before = (
        f'"volume":{quoted(volume)},"page":{number},"label":{quoted(page.label or "")}'
    )
    after = f'"image":{quoted(page.image or "")},"width":{width},"height":{height}'
    records = []
    for line in page.lines:
        # A line without text stands for one that was set aside.
        if line.box is None or not line.text:
            continue
        left, top, right, bottom = line.box
        sure = line.confidence
        records.append(
            f'{{"id":{quoted(line.id or str(line.number))},{before},'
            f'"line":{line.number},"box":[{left},{top},{right},{bottom}],'
            f'"confidence":{"null" if sure is None else round(sure, 6)},{after}}}\n'
        )
    return "".join(records)


class Places:
    """The places of documents' lines, by the file that `open_places` wrote.

    Held are where each page begins in the file, and the lines of some pages.
    """

    def __init__(self, path: str | Path) -> None:
        """Go through the file once.

        Raises:
            InputError: there is none, or a line of it is no such record.
        """
        self._path = path
        # Of each volume the numbers of its pages, and where in the file they begin.
        self._pages: dict[str, tuple[list[int], list[int]]] = {}
        self._lines = lru_cache(HELD_PAGES)(self._read)
        offset = 0
        with open_input(path) as file:
            for row, raw in enumerate(file, start=1):
                self._note(offset, *self._page(raw, row), row)
                offset += len(raw)

    def of(self, document: Record) -> list[Record]:
        """The records of the lines from a document's first to its last, in order.

        They are those in which its words begin, and what stands between them; without
        those whose place is not known. None for what is no document of pages.
        """
        keys = ("first_page", "first_line", "last_page", "last_line")
        ends = [document.get(key) for key in keys]
        numbers, starts = self._pages.get(document.get("volume"), ((), ()))
        if None in ends:
            return []
        first, last = tuple(ends[:2]), tuple(ends[2:])
        found = slice(bisect_left(numbers, first[0]), bisect_right(numbers, last[0]))
        return [
            record
            for number, start in zip(numbers[found], starts[found], strict=True)
            for record in self._lines(document["volume"], number, start)
            if first <= (number, record["line"]) <= last
        ]

    def _page(self, raw: bytes, row: int) -> tuple[str, int]:
        try:
            record = parse_record(raw)
            return record["volume"], record["page"]
        except InputError as error:
            raise error.at(self._path, row) from None
        except KeyError as error:
            raise InputError(
                "is missing, expected a line as build_documents.py writes it",
                file=self._path,
                line=row,
                key=error.args[0],
            ) from None

    def _note(self, offset: int, volume: str, page: int, row: int) -> None:
        numbers, starts = self._pages.setdefault(volume, ([], []))
        if not numbers or page > numbers[-1]:
            numbers.append(page)
            starts.append(offset)
        elif page < numbers[-1]:
            raise InputError(
                f"is {page}, after page {numbers[-1]} of the volume; expected the "
                "order that build_documents.py writes",
                file=self._path,
                line=row,
                key="page",
            )

    def _read(self, volume: str, page: int, start: int) -> list[Record]:
        records = []
        with open_input(self._path) as file:
            file.seek(start)
            for raw in file:
                record = parse_record(raw)
                if (record["volume"], record["page"]) != (volume, page):
                    break
                records.append(record)
        return records
