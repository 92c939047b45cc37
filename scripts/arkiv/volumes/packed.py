"""The files in a zip or tar file, read without unpacking it.

A zip file, and a tar file that is not compressed, are read in place. Any other can be
read from front to back alone, which need not be the order of the pages: that is done
once, and what may be a page is kept.
"""

from __future__ import annotations

import lzma
import re
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from functools import cache, partial
from pathlib import Path, PurePosixPath
from typing import BinaryIO, NamedTuple

from arkiv.base.errors import InputError
from arkiv.pages.page import not_a_page
from arkiv.volumes.kept import PART, Kept, Room, copy, refused
from arkiv.volumes.member import (
    Member,
    check_size,
    is_of_the_file,
    said,
    shown,
)
from arkiv.volumes.tars import form, open_tar

ENDINGS = (".zip", ".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz")
# Bytes of a zip file that is copied, since it is in another file.
LARGEST_PACKED = 1 << 30
# A path that can be taken as it stands: nothing in it is `.`, `..` or empty.
PLAIN_PATH = re.compile(r"(?!.?:)[^./\\][^/\\]*(?:/[^./\\][^/\\]*)*")
# What the libraries raise on a file that is not what its name says.
BROKEN = (
    *(zipfile.BadZipFile, tarfile.TarError, zlib.error, lzma.LZMAError),
    *(EOFError, NotImplementedError, OverflowError, RuntimeError, ValueError),
)
FAULTS = (*BROKEN, OSError, InputError)


def is_packed(name: str) -> bool:
    """Whether a file has the name of a zip or tar file."""
    return name.lower().endswith(ENDINGS)


def stem(name: str) -> str:
    """The name without the ending of a zip or tar file."""
    endings = [end for end in ENDINGS if name.lower().endswith(end)]
    return name[: -len(endings[0])] if endings else name


def members_of(path: Path, stack: ExitStack, room: Room) -> list[Member]:
    """The files in it, hidden ones apart, which can be read until the stack is closed.

    What has a name that leads out of it, and a second file of a name, cannot be read.

    Args:
        path: of a zip or tar file.
        stack: closes it.
        room: for what is kept of it.

    Raises:
        InputError: it is no such file, or damaged; or more is to be kept than may be.
        OSError: there is no space on the disk for what is to be kept.
    """
    with _as_a_volume(shown(str(path))):
        file = stack.enter_context(path.open("rb"))
        return _members(_Opening(str(path), room, stack), path.name, file)


def members_within(packed: Member, stack: ExitStack) -> list[Member]:
    """The files in a zip or tar file that is itself in one.

    Raises:
        InputError, OSError: as `members_of`.
    """
    with _as_a_volume(shown(packed.path)):
        return packed.within(stack) if packed.within else []


@contextmanager
def _as_a_volume(path: str) -> Iterator[None]:
    """Say of what is wrong with a zip or tar file that a volume cannot be read."""
    try:
        yield
    except FAULTS as error:
        raise InputError(
            f"is a volume that cannot be read ({_reason(error)})", file=path
        ) from None


def _reason(error: Exception) -> str:
    """What is wrong with a file; an error of the machine is raised."""
    if isinstance(error, OSError) and not is_of_the_file(error):
        raise error
    reason = error.reason if isinstance(error, InputError) else said(error)
    return reason.removeprefix("is not a page: ")


class _Opening(NamedTuple):
    """What a zip or tar file is opened with."""

    path: str
    """Of the one that lies in a folder."""
    room: Room
    stack: ExitStack
    size: int | None = None
    """Of one that is itself in that; what is packed in it is not looked into."""


class _Item(NamedTuple):
    """A file that a zip or tar file lists."""

    path: str
    size: int
    read: Callable[[int], bytes]
    """As a member's; of what is read from front to back, until the next is listed."""
    open: Callable[[], BinaryIO]
    fault: str | None


def _members(
    by: _Opening, name: str, file: BinaryIO, *, in_place: bool = True
) -> list[Member]:
    """The files in a zip or tar file.

    Args:
        by: its stack closes what is opened here.
        name: of the file.
        file: at its beginning.
        in_place: whether any place of it is read in no time.
    """
    if _is_zip(name):
        if not in_place:
            file = by.stack.enter_context(_copy(by.room, by.path, file, by.size or 0))
        items = _in_zip(by.stack.enter_context(zipfile.ZipFile(file)))
    elif not in_place or form(file):
        kept = by.stack.enter_context(Kept(by.room, by.path))
        found = list(_kept(kept, name, file, by.size))
        kept.check()
        return found
    else:
        items = _in_tar(by.stack.enter_context(open_tar(file)), in_place=True)
    return [
        Member(
            item.path,
            item.read,
            item.fault,
            within=partial(_within, by, item.path, item.open, item.size)
            if is_packed(item.path) and by.size is None
            else None,
        )
        for item in _once(items)
    ]


def _within(
    by: _Opening,
    name: str,
    open: Callable[[], BinaryIO],
    size: int,
    stack: ExitStack,
) -> list[Member]:
    by = by._replace(stack=stack, size=size)
    file = stack.enter_context(open())
    in_place = not isinstance(file, zipfile.ZipExtFile)
    return _members(by, name, file, in_place=in_place)


def _kept(kept: Kept, name: str, file: BinaryIO, size: int | None) -> Iterator[Member]:
    """The files in a zip or tar file that is read from front to back.

    Args:
        kept: takes what may be pages.
        name: of the file.
        file: at its beginning.
        size: of one that is itself in one; what is packed in it is not looked into.
    """
    with ExitStack() as stack:
        if _is_zip(name):
            file = stack.enter_context(_copy(kept.room, kept.path, file, size or 0))
            items = _in_zip(stack.enter_context(zipfile.ZipFile(file)))
        else:
            items = _in_tar(stack.enter_context(open_tar(file)), in_place=False)
        for item in _once(items):
            if item.fault:
                yield Member(item.path, partial(refused, item.fault), item.fault)
            elif is_packed(item.path) and size is None:
                read, within = partial(refused, "a packed file"), _kept_of(kept, item)
                yield Member(item.path, read, within=within)
            else:
                yield kept.keep(Member(item.path, item.read))


def _kept_of(kept: Kept, item: _Item) -> Callable[[ExitStack], list[Member]]:
    """The files in one that is in another, read when its turn comes."""
    try:
        with item.open() as file:
            found = list(_kept(kept, item.path, file, item.size))
    except FAULTS as error:
        return partial(_failed, _reason(error))
    return lambda _: found


def _failed(reason: str, _: ExitStack) -> list[Member]:
    raise InputError(reason)


def _copy(
    room: Room, path: str, file: BinaryIO, size: int
) -> AbstractContextManager[BinaryIO]:
    """A zip file within another file, whose list of files is at its end."""
    check_size(size, LARGEST_PACKED + 1)
    return copy(room, path, file, size)


def _is_zip(name: str) -> bool:
    return name.lower().endswith(".zip")


def _in_zip(archive: zipfile.ZipFile) -> Iterator[_Item]:
    for info in archive.infolist():
        # The library's `is_dir` fails on an empty name.
        if not info.filename.endswith("/"):
            linked = stat.S_ISLNK(info.external_attr >> 16)
            yield _Item(
                info.filename,
                info.file_size,
                partial(_read_zipped, archive, info),
                partial(archive.open, info),
                "a link in a zip or tar file" if linked else None,
            )


def _read_zipped(archive: zipfile.ZipFile, info: zipfile.ZipInfo, most: int) -> bytes:
    check_size(info.file_size, most)
    try:
        with archive.open(info) as file:
            return file.read(most)
    except FAULTS as error:
        raise not_a_page(f"cannot be read ({_reason(error)})") from None


def _in_tar(tar: tarfile.TarFile, *, in_place: bool) -> Iterator[_Item]:
    for info in tar:
        # The object keeps every header that it has read.
        tar.members = []
        if info.isdir():
            continue
        fault = None
        if not info.isfile():
            linked = info.issym() or info.islnk()
            fault = "a link in a zip or tar file" if linked else "not a regular file"
        open = partial(tar.extractfile, info)
        if not in_place:
            read = _Start(open, info.size)
        elif info.sparse:
            read = partial(_holed, open, info.size)
        else:
            # Less to hold than the header.
            read = partial(_part, tar.fileobj, info.offset_data, info.size)
        yield _Item(info.name, info.size, read, open, fault)
    # The checksum of a compressed one stands at its end.
    while not in_place and tar.fileobj.read(PART):
        pass


def _part(file: BinaryIO, start: int, size: int, most: int) -> bytes:
    check_size(size, most)
    file.seek(start)
    return file.read(min(size, most))


def _holed(open: Callable[[], BinaryIO], size: int, most: int) -> bytes:
    """Of a file whose zeros are left out."""
    check_size(size, most)
    try:
        with open() as file:
            return file.read(most)
    except FAULTS as error:
        raise not_a_page(f"cannot be read ({_reason(error)})") from None


class _Start:
    """The first bytes of a file in a tar file, of which none is read twice."""

    def __init__(self, open: Callable[[], BinaryIO], size: int) -> None:
        self._open, self._size = cache(open), size
        self._read = b""

    def __call__(self, most: int) -> bytes:
        check_size(self._size, most)
        if len(self._read) < most:
            self._read += self._open().read(most - len(self._read))
        return self._read[:most]


def _once(items: Iterator[_Item]) -> Iterator[_Item]:
    """Files with paths as they are compared, and what is wrong with these."""
    taken: set[str] = set()
    for item in items:
        path, fault = item.path, item.fault
        if not PLAIN_PATH.fullmatch(path):
            path = str(PurePosixPath(path))
        if leads_out(path):
            fault = "a name that leads out of a zip or tar file"
        elif is_hidden(path):
            continue
        elif path in taken:
            fault = "a name that is in a zip or tar file a second time"
        elif fault is None:
            taken.add(path)
        yield item._replace(path=path, fault=fault)


def is_hidden(path: str) -> bool:
    """Whether a file is one of the system's, not of the archive's."""
    parts = path.split("/")
    return (
        "__MACOSX" in parts
        or path.endswith("~")
        or any(part[:1] == "." and part not in (".", "..") for part in parts)
    )


def leads_out(path: str) -> bool:
    """Whether a name in a zip or tar file is that of a file elsewhere."""
    if PLAIN_PATH.fullmatch(path):
        return False
    parts = PurePosixPath(path.replace("\\", "/")).parts
    return bool(parts) and (".." in parts or parts[0] == "/" or parts[0][1:2] == ":")
