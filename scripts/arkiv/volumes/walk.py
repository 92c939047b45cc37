"""Every file of an archive, in folders, zip and tar files, and its kind.

Nothing is unpacked. What leads out of the archive, by a link or a name, is refused.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from arkiv.base.errors import InputError
from arkiv.base.hashing import nfc
from arkiv.pages.kinds import HEAD, Kind, Role, kind
from arkiv.pages.page import not_a_page
from arkiv.volumes.member import (
    Member,
    check_size,
    is_of_the_file,
    said,
    shown,
)
from arkiv.volumes.packed import is_hidden, is_packed

Members = Callable[[str], list[Member]]


@dataclass(frozen=True, slots=True)
class Entry:
    """A file of an archive.

    By its path it is opened. Names are in NFC: by them files are put in order, compared
    and looked for, and some machines pack them with letters and marks apart.

    Attributes:
        container: the zip or tar file that it is in, by its path in the archive.
        path: in the container or, without one, in the archive.
        kind: what it is.
    """

    container: str | None
    path: str
    kind: Kind

    @property
    def folder(self) -> str:
        """The folder that it lies in, by the path that a person sees."""
        inner = self.path.rpartition("/")[0]
        return nfc("/".join(filter(None, (self.container, inner))))

    @property
    def lies_in(self) -> tuple[str | None, str]:
        """The folder to the byte, which may look like another: container and path."""
        return self.container, self.path.rpartition("/")[0]

    @property
    def shown(self) -> str:
        """Where a person finds it."""
        return shown("/".join(filter(None, (self.container, self.path))))

    @property
    def name(self) -> str:
        return nfc(self.path.rpartition("/")[2])

    @property
    def stem(self) -> str:
        """The name without its ending."""
        name = self.name.removesuffix(".gz")
        return name.rpartition(".")[0] or name


@dataclass(frozen=True, slots=True)
class Fault:
    """A folder, zip or tar file that cannot be read."""

    path: str
    reason: str
    grave: bool = True
    """Whether pages may be lost by it."""


def walk(root: Path, members: Members) -> Iterator[Entry | Fault]:
    """The files of an archive, hidden ones apart, folder by folder.

    Args:
        root: its directory.
        members: the files in a zip or tar file, by its path.

    Raises:
        InputError: the directory cannot be read.
    """
    for member in _files(str(root), "", root):
        if isinstance(member, Fault):
            yield member
        elif is_packed(member.path):
            yield from packed(member.path, members)
        else:
            yield Entry(None, member.path, _kind(member))


def file_entry(root: Path, path: str) -> Entry:
    """A file of the archive."""
    return Entry(
        None, path, _kind(Member(path, partial(read_file, f"{root}/{path}", root)))
    )


def packed(
    path: str, members: Members, *, outermost: bool = True
) -> Iterator[Entry | Fault]:
    """The files in a zip or tar file of the archive, and in such files within it.

    Args:
        path: of the file.
        members: the files in one.
        outermost: whether the file is in no other.
    """
    try:
        found = members(path)
    except InputError as error:
        yield Fault(path, error.reason)
        return
    for member in found:
        inner = f"{path}/{member.path}"
        if member.fault:
            yield Fault(inner, member.fault, grave=False)
        elif is_packed(member.path) and outermost:
            yield from packed(inner, members, outermost=False)
        else:
            yield Entry(path, member.path, member.kind or _kind(member))


def _kind(member: Member) -> Kind:
    try:
        return kind(member.path.rpartition("/")[2], member.read(HEAD))
    except InputError as error:
        return Kind(Role.BROKEN, error.reason.removeprefix("is not a page: "))


def _files(folder: str, within: str, root: Path) -> Iterator[Member | Fault]:
    """The files below a folder, and the folders that cannot be read."""
    try:
        with os.scandir(folder) as entries:
            found = sorted(
                (each for each in entries if not is_hidden(each.name)),
                key=lambda each: each.name,
            )
    except OSError as error:
        if not is_of_the_file(error):
            raise
        if not within:
            raise InputError(f"cannot be read ({said(error)})", file=folder) from None
        yield Fault(within, f"cannot be read ({said(error)})")
        return
    below = []
    for each in found:
        path = f"{within}/{each.name}" if within else each.name
        if _is_folder(each):
            below.append((each.path, path, each.is_symlink()))
        else:
            yield Member(path, partial(read_file, each.path, root))
    for inner, path, linked in below:
        if not linked or is_hidden(_real(inner, root)):
            yield from _files(inner, path, root)
        elif not is_within(inner, root):
            yield Fault(path, "is a link out of the archive")
        else:
            yield Fault(path, "a link to a folder, which is read where it lies", False)


def _is_folder(entry: os.DirEntry) -> bool:
    try:
        return entry.is_dir()
    except OSError:
        return False


def _real(path: str, root: Path) -> str:
    return os.path.relpath(os.path.realpath(path), os.path.realpath(root))


def is_within(path: str, root: Path) -> bool:
    """Whether a path leads to something in a directory, links followed."""
    real, root_real = os.path.realpath(path), os.path.realpath(root)
    return os.path.commonpath([real, root_real]) == root_real


def read_file(path: str, root: Path, most: int) -> bytes:
    """So many of the first bytes of a file of the archive.

    Raises:
        InputError: it cannot be read, or lies elsewhere; without the file.
    """
    try:
        found = os.lstat(path)
        if stat.S_ISLNK(found.st_mode):
            if not is_within(path, root):
                raise not_a_page("a link out of the archive")
            found = os.stat(path)
        # A pipe would be waited for.
        if not stat.S_ISREG(found.st_mode):
            raise not_a_page("not a regular file")
        check_size(found.st_size, most)
        with open(path, "rb", buffering=0) as file:
            return file.read(most)
    except OSError as error:
        if not is_of_the_file(error):
            raise
        raise not_a_page(f"cannot be read ({said(error)})") from None
