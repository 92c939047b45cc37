"""The files of an archive, read while its volumes are sought."""

from __future__ import annotations

from contextlib import AbstractContextManager, ExitStack
from pathlib import Path
from types import TracebackType
from typing import BinaryIO

from arkiv.base.errors import InputError
from arkiv.pages.kinds import Role
from arkiv.pages.page import Page
from arkiv.pages.reading import read_pages
from arkiv.volumes import rows
from arkiv.volumes.member import content
from arkiv.volumes.volume import file_of
from arkiv.volumes.walk import Entry, Opened, opened

# Zip and tar files that are open at a time.
MOST_OPEN = 4


class Files(AbstractContextManager):
    """Opens zip and tar files as their members are asked for, a few at a time."""

    def __init__(self, root: Path, encoding: str | None) -> None:
        """Of an archive's directory; with the encoding of texts that are not UTF-8."""
        self._root, self.encoding = root, encoding
        self._open: dict[str | None, tuple[Opened, ExitStack]] = {}

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for _, stack in self._open.values():
            stack.close()

    def content(self, entry: Entry) -> bytes:
        """All of a file.

        Raises:
            InputError: it cannot be read; without the file.
        """
        return content(self._opened(entry).member(entry.path))

    def rows(self, entry: Entry) -> BinaryIO:
        """A file of rows, open.

        Raises:
            InputError: it cannot be read; without the file.
        """
        return file_of(self._opened(entry), entry.path)

    def pages(self, entry: Entry) -> list[Page]:
        """The pages of a file; none of one that is broken."""
        try:
            return read_pages(entry.name, self.content(entry), encoding=self.encoding)
        except InputError:
            return []

    def lines(self, entry: Entry) -> list[str]:
        """The lines of a file's pages; of one of rows those of the first."""
        if entry.kind.role is Role.ROWS:
            with self.rows(entry) as file:
                return rows.first_lines(file, self.encoding)
        return [line.text for page in self.pages(entry) for line in page.lines]

    def _opened(self, entry: Entry) -> Opened:
        if entry.container not in self._open:
            while len(self._open) >= MOST_OPEN:
                _, stack = self._open.pop(next(iter(self._open)))
                stack.close()
            stack = ExitStack()
            place = opened(self._root, entry.container, stack)
            self._open[entry.container] = place, stack
        return self._open[entry.container][0]
