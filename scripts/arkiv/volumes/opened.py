"""What is read of an archive: its own files, and zip and tar files, a few at a time."""

from __future__ import annotations

from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import TracebackType

from arkiv.pages.page import not_a_page
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
        return self.members.get(path, Member(path, _missing))


class Opened(AbstractContextManager):
    """An archive whose zip and tar files are opened as they are asked for.

    Each is looked through once for all volumes in it that are read one after the other.
    """

    def __init__(self, root: Path) -> None:
        """Of the archive's directory."""
        self.root = root
        self._open: dict[str | None, tuple[Source, ExitStack]] = {}

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for _, stack in self._open.values():
            stack.close()

    def source(self, container: str | None) -> Source:
        """The archive itself or a zip or tar file of it.

        Raises:
            InputError: the file is damaged.
        """
        if container not in self._open:
            with ExitStack() as stack:
                found = self._members(container, stack) if container else []
                good = {member.path: member for member in found if not member.fault}
                while len(self._open) >= MOST_OPEN:
                    self._open.pop(next(iter(self._open)))[1].close()
                source = Source(self.root, container, good)
                self._open[container] = source, stack.pop_all()
        return self._open[container][0]

    def _members(self, container: str, stack: ExitStack) -> list[Member]:
        outer, inner = _outermost(self.root, container)
        if inner:
            return members_within(self.source(outer).member(inner), stack)
        return members_of(self.root / outer, stack)


def _outermost(root: Path, container: str) -> tuple[str, str]:
    """The zip or tar file that lies in a folder, and the path of another within it."""
    parts = container.split("/")
    for count, part in enumerate(parts, start=1):
        outer = "/".join(parts[:count])
        if is_packed(part) and (root / outer).is_file():
            return outer, "/".join(parts[count:])
    return container, ""


def _missing(_: int) -> bytes:
    raise not_a_page("is no longer in the archive")
