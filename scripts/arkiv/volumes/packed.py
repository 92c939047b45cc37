"""The files in a zip or tar file, read without unpacking it."""

from __future__ import annotations

import io
import re
import shutil
import stat
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from arkiv.base.errors import InputError
from arkiv.pages.page import not_a_page
from arkiv.volumes.member import (
    LARGEST,
    Member,
    check_size,
    is_of_the_file,
    said,
    shown,
)

ENDINGS = (".zip", ".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz")
# Bytes of a zip or tar file within another.
LARGEST_PACKED = 1 << 30
# A path that can be taken as it stands: nothing in it is `.`, `..` or empty.
PLAIN_PATH = re.compile(r"(?!.?:)[^./\\][^/\\]*(?:/[^./\\][^/\\]*)*")
# What the libraries raise on a file that is not what its name says.
BROKEN = (
    *(zipfile.BadZipFile, tarfile.TarError, zlib.error),
    *(EOFError, NotImplementedError, RuntimeError, ValueError),
)


def is_packed(name: str) -> bool:
    """Whether a file has the name of a zip or tar file."""
    return name.lower().endswith(ENDINGS)


def stem(name: str) -> str:
    """The name without the ending of a zip or tar file."""
    endings = [end for end in ENDINGS if name.lower().endswith(end)]
    return name[: -len(endings[0])] if endings else name


def members_of(path: Path, stack: ExitStack) -> list[Member]:
    """The files in it, hidden ones apart, which can be read until the stack is closed.

    What has a name that leads out of it, and a second file of a name, cannot be read.

    Args:
        path: of a zip or tar file.
        stack: closes it.

    Raises:
        InputError: it is no such file, or damaged.
    """
    with _as_a_volume(shown(str(path))):
        return _members(path.name, path, stack)


def members_within(packed: Member, stack: ExitStack) -> list[Member]:
    """The files in a zip or tar file that is itself in one, which is held in memory.

    Raises:
        InputError: as `members_of`; or it is too large.
    """
    with _as_a_volume(shown(packed.path)):
        data = packed.read(LARGEST_PACKED + 1)
        return _members(packed.path, io.BytesIO(data), stack)


@contextmanager
def _as_a_volume(path: str) -> Iterator[None]:
    """Say of what is wrong with a zip or tar file that a volume cannot be read."""
    try:
        yield
    except (*BROKEN, OSError, InputError) as error:
        if isinstance(error, OSError) and not is_of_the_file(error):
            raise
        reason = error.reason if isinstance(error, InputError) else said(error)
        reason = reason.removeprefix("is not a page: ")
        raise InputError(
            f"is a volume that cannot be read ({reason})", file=path
        ) from None


def _members(name: str, file: Path | BinaryIO, stack: ExitStack) -> list[Member]:
    if name.lower().endswith(".zip"):
        return list(_once(_in_zip(stack.enter_context(zipfile.ZipFile(file)))))
    tar = (
        tarfile.open(file)  # noqa: SIM115
        if isinstance(file, Path)
        else tarfile.open(fileobj=file)  # noqa: SIM115
    )
    kept = stack.enter_context(tempfile.TemporaryFile())  # noqa: SIM115
    return list(_once(_in_tar(stack.enter_context(tar), kept)))


def _in_zip(archive: zipfile.ZipFile) -> Iterator[Member]:
    for info in archive.infolist():
        if not info.is_dir():
            linked = stat.S_ISLNK(info.external_attr >> 16)
            fault = "a link in a zip or tar file" if linked else None
            yield Member(info.filename, partial(_read_zipped, archive, info), fault)


def _read_zipped(archive: zipfile.ZipFile, info: zipfile.ZipInfo, most: int) -> bytes:
    check_size(info.file_size, most)
    try:
        with archive.open(info) as file:
            return file.read(most)
    except BROKEN as error:
        raise not_a_page(f"cannot be read ({said(error)})") from None


def _in_tar(tar: tarfile.TarFile, file) -> Iterator[Member]:
    """The members; their content is kept in a nameless file.

    A compressed one can only be read from front to back, which need not be the order of
    the pages.
    """
    for info in tar:
        # The object keeps every header that it has read.
        tar.members = []
        if info.isdir():
            continue
        if not info.isfile():
            linked = info.issym() or info.islnk()
            fault = "a link in a zip or tar file" if linked else "not a regular file"
            yield Member(info.name, partial(_kept, file, 0, 0), fault)
        elif info.size > (most := LARGEST_PACKED if is_packed(info.name) else LARGEST):
            yield Member(info.name, partial(_too_large, info.size, most))
        else:
            start = file.tell()
            shutil.copyfileobj(tar.extractfile(info), file)
            yield Member(info.name, partial(_kept, file, start, info.size))


def _too_large(size: int, most: int, _: int) -> bytes:
    check_size(size, most + 1)
    return b""


def _kept(file, start: int, size: int, most: int) -> bytes:
    file.seek(start)
    return file.read(min(size, most))


def _once(found: Iterator[Member]) -> Iterator[Member]:
    taken: set[str] = set()
    for member in found:
        path, fault = member.path, member.fault
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
        yield Member(path, member.read, fault)


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
