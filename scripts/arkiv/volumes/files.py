"""The files of an archive, read while its volumes are sought."""

from __future__ import annotations

from pathlib import Path
from typing import BinaryIO

from arkiv.base.errors import InputError
from arkiv.pages.kinds import Role
from arkiv.pages.page import Page
from arkiv.pages.reading import read_pages
from arkiv.volumes import rows
from arkiv.volumes.member import content
from arkiv.volumes.opened import Opened
from arkiv.volumes.volume import file_of
from arkiv.volumes.walk import Entry


class Files(Opened):
    """An archive that is open, and what is in its files."""

    def __init__(self, root: Path, encoding: str | None) -> None:
        """Of an archive's directory; with the encoding of texts that are not UTF-8."""
        super().__init__(root)
        self.encoding = encoding

    def content(self, entry: Entry) -> bytes:
        """All of a file.

        Raises:
            InputError: it cannot be read; without the file.
        """
        return content(self.source(entry.container).member(entry.path))

    def rows(self, entry: Entry) -> BinaryIO:
        """A file of rows, open.

        Raises:
            InputError: it cannot be read; without the file.
        """
        return file_of(self.source(entry.container), entry.path)

    def are_one_page(self, entry: Entry) -> bool:
        """Whether a file of rows is a page: one object, of no volume that it names."""
        if not entry.name.lower().endswith(".json"):
            return False
        try:
            with self.rows(entry) as file:
                return rows.is_one_page(file)
        except InputError:
            return False

    def pages(self, entry: Entry) -> list[Page]:
        """The pages of a file; none of one that is broken."""
        try:
            return read_pages(entry.name, self.content(entry), encoding=self.encoding)
        except InputError:
            return []

    def lines(self, entry: Entry) -> list[str]:
        """The lines of a file's pages; of one of rows those of the first."""
        if entry.kind.role is Role.ROWS:
            try:
                with self.rows(entry) as file:
                    return rows.first_lines(file, self.encoding)
            except InputError:
                return []
        return [line.text for page in self.pages(entry) for line in page.lines]
