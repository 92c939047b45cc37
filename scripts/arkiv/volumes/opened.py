"""What is read of an archive: its own files, and zip and tar files, a few at a time."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import NoReturn

from arkiv.pages.page import not_a_page
from arkiv.volumes.kept import Room
from arkiv.volumes.member import Member
from arkiv.volumes.packed import is_packed, members_of, members_within
from arkiv.volumes.walk import read_file

# Zip and tar files that are open at a time.
MOST_OPEN = 4


@dataclass(frozen=True, slots=True)
class Source:
    """The archive's own files, or those in a zip or tar file."""

    root: Path
    container: str | None
    members: dict[str, Member]

    def member(self, path: str) -> Member:
        """A file by its path, whether it is there or not."""
        if self.container is None:
            return Member(path, partial(read_file, f"{self.root}/{path}", self.root))
        return self.members.get(path, Member(path, _missing, within=_missing))


class Opened(AbstractContextManager):
    """An archive whose zip and tar files are opened as they are asked for.

    Each is looked through once for all volumes in it that are read one after the other.
    """

    def __init__(self, root: Path) -> None:
        """Of the archive's directory."""
        self.root = root
        self._own = Source(root, None, {})
        # What was opened last comes last, a file behind the one that it is in.
        self._open: dict[str, tuple[list[Member], Source, ExitStack]] = {}
        self._needed: str | None = None
        self._room = Room(self._close_one)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        while self._close_one():
            pass

    def members(self, container: str) -> list[Member]:
        """The files in a zip or tar file, those that cannot be read too.

        Raises:
            InputError: the file is damaged.
        """
        return self._opened(container)[0]

    def source(self, container: str | None) -> Source:
        """The archive itself or a zip or tar file of it.

        Raises:
            InputError: the file is damaged.
        """
        return self._own if container is None else self._opened(container)[1]

    def _opened(self, container: str) -> tuple[list[Member], Source, ExitStack]:
        if container not in self._open:
            outer, inner = _outermost(self.root, container)
            packed = self.source(outer).member(inner) if inner else None
            with self._needing(outer if inner else None), ExitStack() as stack:
                while len(self._open) >= MOST_OPEN:
                    self._close_one()
                if packed:
                    found = members_within(packed, stack)
                else:
                    found = members_of(self.root / outer, stack, self._room)
                good = {member.path: member for member in found if not member.fault}
                source = Source(self.root, container, good)
                self._open[container] = found, source, stack.pop_all()
        return self._open[container]

    @contextmanager
    def _needing(self, outer: str | None) -> Iterator[None]:
        """Keep a file open while another that is in it is opened, and after."""
        if outer:
            self._open[outer] = self._open.pop(outer)
        self._needed = outer
        try:
            yield
        finally:
            self._needed = None

    def _close_one(self) -> bool:
        """Close the file that was opened first, and those in it; False if none is."""
        for first in self._open:
            if first != self._needed:
                break
        else:
            return False
        for each in list(self._open):
            if each == first or each.startswith(f"{first}/"):
                self._open.pop(each)[2].close()
        return True


def _outermost(root: Path, container: str) -> tuple[str, str]:
    """The zip or tar file that lies in a folder, and the path of another within it."""
    parts = container.split("/")
    for count, part in enumerate(parts, start=1):
        outer = "/".join(parts[:count])
        if is_packed(part) and (root / outer).is_file():
            return outer, "/".join(parts[count:])
    return container, ""


def _missing(_: object) -> NoReturn:
    raise not_a_page("is no longer in the archive")
