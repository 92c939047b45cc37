"""Files of rows as containers of volumes: each page with its place in the file."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from arkiv.base.errors import InputError
from arkiv.base.files import open_input
from arkiv.pages.formats.rows import Span, sheet, spans
from arkiv.pages.page import Sheet


@dataclass(frozen=True, slots=True)
class Row:
    """A page of a file, or a row that is none."""

    span: Span
    order: int
    """Counted from 1 in the file."""

    @property
    def volume(self) -> str | None:
        """As the file names it; of a row that is none that of the row before."""
        return self.span.volume

    @property
    def page(self) -> int | str | None:
        """As the file has it."""
        return self.span.page

    @property
    def fault(self) -> str | None:
        """Why the row is none."""
        return self.span.fault


def rows(path: Path, encoding: str | None = None) -> Iterator[Row]:
    """The pages of a file, found in one pass that keeps no texts.

    Consecutive rows of one volume and page are lines of one page.

    Args:
        path: of the file.
        encoding: of a table that is not UTF-8.

    Raises:
        InputError: there is no such file, or it cannot be divided into rows.
    """
    with open_input(path) as file:
        try:
            for order, span in enumerate(spans(file, encoding), start=1):
                yield Row(span, order)
        except InputError as error:
            raise error.at(path, error.line) from None


def read(path: Path, row: Row, encoding: str | None = None) -> list[Sheet]:
    """The page of a row, read where it stands.

    Raises:
        InputError: the row is none, with the file and its line.
    """
    with open_input(path) as file:
        try:
            return [sheet(file, row.span, encoding)]
        except InputError as error:
            raise error.at(path, row.span.line) from None
