"""What is kept of zip and tar files that can be read from front to back alone.

That is what may be a page: an image is told by how it begins, and passed over. It is
kept compressed, in memory or, if it is much, in a file without a name, which is gone
with the process, however that ends.
"""

from __future__ import annotations

import errno
import shutil
import tempfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from types import TracebackType
from typing import BinaryIO

from arkiv.base.errors import InputError
from arkiv.pages.kinds import HEAD, Kind, Role, kind
from arkiv.pages.page import not_a_page
from arkiv.volumes.member import Member, content

# Bytes of all that is kept at a time, as it is kept: some 20 GB of pages in XML.
MOST_KEPT = 4 << 30
# Of each zip or tar file what is kept in memory; more goes to a file.
IN_MEMORY = 16 << 20
# Of zlib, the fastest: pages become a fifth to an eighth.
LEVEL = 1
# Bytes that are copied at a time.
PART = 1 << 20


@dataclass(frozen=True, slots=True)
class Lack:
    """Why there is no room for more."""

    folder: str | None
    """For temporary files, if that is full; else there would be more than MOST_KEPT."""
    free: int
    """Bytes that it had."""

    def error(self, what: str, needed: int, path: str) -> Exception:
        """The sentence for it; a full disk is not the fault of the file.

        Args:
            what: is kept.
            needed: bytes of it.
            path: the zip or tar file.
        """
        said = f"{what} {needed:,} bytes of temporary space"
        if self.folder is None:
            return InputError(f"{said}, expected at most {MOST_KEPT:,}; unpack it")
        reason = (
            f"{said}, of which {self.folder} has {self.free:,}: unpack it, or set "
            "TMPDIR to a folder with more"
        )
        return OSError(errno.ENOSPC, reason, path)


class Room:
    """The bytes that may be kept at a time, of all zip and tar files that are open."""

    def __init__(self, close_one: Callable[[], bool]) -> None:
        """Given how one that is open is closed; it returns whether there was any."""
        self.close_one = close_one
        self._taken = 0

    def take(self, size: int) -> bool:
        """Take so many bytes, if there are so many."""
        while self._taken + size > MOST_KEPT and self.close_one():
            pass
        if self._taken + size > MOST_KEPT:
            return False
        self._taken += size
        return True

    def give_back(self, size: int) -> None:
        """Say that so many bytes are no longer kept."""
        self._taken -= size


class Kept(AbstractContextManager):
    """The files that are kept of one zip or tar file, and those in it."""

    def __init__(self, room: Room, path: str) -> None:
        """Of the file with this path."""
        self.room, self.path = room, path
        self.file = tempfile.SpooledTemporaryFile(IN_MEMORY)  # noqa: SIM115
        self._size = self._needed = 0
        self._lack: Lack | None = None

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.file.close()
        self.room.give_back(self._size)

    def keep(self, member: Member) -> Member:
        """A file that is read now, to be read again if it may be a page."""
        told: Kind | None = None
        try:
            told = kind(member.path.rpartition("/")[2], member.read(HEAD))
            if told.role is Role.OTHER:
                fault = told.title + (told.advice and f"; {told.advice}")
            else:
                return replace(member, read=self._add(content(member)), kind=told)
        except InputError as error:
            fault = error.reason.removeprefix("is not a page: ")
        told = told or Kind(Role.BROKEN, fault)
        return replace(member, read=partial(refused, fault), kind=told)

    def check(self) -> None:
        """See that there was room for all.

        Raises:
            InputError: there would be more than MOST_KEPT; without the file.
            OSError: there is no space for it on the disk.
        """
        if self._lack:
            raise self._lack.error("its pages need", self._needed, self.path)

    def take(self, size: int) -> Lack | None:
        """Take room for so many bytes more; or why there is none.

        Raises:
            OSError: no folder takes temporary files.
        """
        whole = self._size + size
        if whole > IN_MEMORY:
            # What was in memory goes along with the first that does not fit there.
            more = size if self._size > IN_MEMORY else whole
            folder = temporary_folder(self.path)
            while (free := shutil.disk_usage(folder).free) < more:
                if not self.room.close_one():
                    return Lack(folder, free)
        if not self.room.take(size):
            return Lack(None, 0)
        self._size = whole
        return None

    def _add(self, data: bytes) -> Callable[[int], bytes]:
        packed = zlib.compress(data, LEVEL)
        self._needed += len(packed)
        start = self._size
        # What all would need is counted to the end.
        self._lack = self._lack or self.take(len(packed))
        if not self._lack:
            self.file.write(packed)
        return partial(self._read, start, len(packed))

    def _read(self, start: int, size: int, most: int) -> bytes:
        self.file.seek(start)
        return zlib.decompress(self.file.read(size))[:most]


def temporary_folder(path: str) -> str:
    """Where temporary files go, for the zip or tar file with this path.

    Raises:
        OSError: no folder takes any, which is not the fault of the file.
    """
    try:
        return tempfile.gettempdir()
    except FileNotFoundError:
        reason = (
            "its pages need temporary space, and no folder for it can be written: set "
            "TMPDIR to one that can"
        )
        raise OSError(errno.ENOSPC, reason, path) from None


@contextmanager
def copy(room: Room, path: str, file: BinaryIO, size: int) -> Iterator[BinaryIO]:
    """A file that can be read at any place, for a while.

    Args:
        room: for the copy.
        path: of the zip or tar file that the file is in.
        file: at its beginning.
        size: of the file.

    Raises:
        InputError: there would be more than MOST_KEPT; without the file.
        OSError: there is no space for it on the disk.
    """
    with Kept(room, path) as kept:
        if lack := kept.take(size):
            raise lack.error("a zip file in it needs", size, path)
        shutil.copyfileobj(file, kept.file, PART)
        kept.file.seek(0)
        yield kept.file


def refused(reason: str, _: int) -> bytes:
    """Instead of the first bytes of a file that cannot be read, or is not kept."""
    raise not_a_page(reason)
