"""The pages in a zip or tar file, read without unpacking it."""

from __future__ import annotations

import stat
import tarfile
import tempfile
import zipfile
import zlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path, PurePosixPath

from arkiv.pages.page import not_a_page
from arkiv.volumes.member import (
    LARGEST,
    Member,
    bounded,
    check_size,
    looks_like_page,
    refusing,
    said,
    shown,
)

ENDINGS = (".zip", ".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz")
# What the libraries raise on a file that is not what its name says.
BROKEN = (
    *(zipfile.BadZipFile, tarfile.TarError, zlib.error),
    *(EOFError, NotImplementedError, RuntimeError, ValueError),
)


def members_of(path: Path, stack: ExitStack) -> list[Member]:
    """The files in it, which can be read until the stack is closed.

    Raises:
        Exception: one of BROKEN, or an OSError: it is no such file, or damaged.
    """
    if path.name.lower().endswith(".zip"):
        archive = stack.enter_context(zipfile.ZipFile(path))
        return _side_by_side(_in_zip(archive))
    tar = stack.enter_context(tarfile.open(path))  # noqa: SIM115
    file = stack.enter_context(tempfile.TemporaryFile())  # noqa: SIM115
    return _side_by_side(_in_tar(tar, file))


def _in_zip(archive: zipfile.ZipFile) -> Iterator[tuple[str, Callable[[], bytes]]]:
    for info in archive.infolist():
        if info.is_dir():
            continue
        mode = info.external_attr >> 16
        if stat.S_ISLNK(mode):
            yield info.filename, refusing("a link in an archive")
        else:
            yield info.filename, partial(_read_zipped, archive, info)


def _read_zipped(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> bytes:
    check_size(info.file_size)
    try:
        with archive.open(info) as file:
            return bounded(file.read(LARGEST + 1))
    except BROKEN as error:
        raise not_a_page(f"cannot be read ({said(error)})") from None


def _in_tar(tar: tarfile.TarFile, file) -> Iterator[tuple[str, Callable[[], bytes]]]:
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
            what = "a link in an archive" if info.issym() or info.islnk() else "no file"
            yield info.name, refusing(what)
        elif info.size > LARGEST:
            yield info.name, partial(check_size, info.size)
        else:
            start = file.tell()
            file.write(tar.extractfile(info).read())
            yield info.name, partial(_read_kept, file, start, info.size)


def _read_kept(file, start: int, size: int) -> bytes:
    file.seek(start)
    return file.read(size)


def _side_by_side(entries: Iterable[tuple[str, Callable[[], bytes]]]) -> list[Member]:
    """The page files of an archive: those of the folder that holds most of them.

    Others, a second one of the same name, and what has a name that leads out of the
    archive, cannot be read.
    """
    found = [
        (PurePosixPath(shown(name)), read)
        for name, read in entries
        if _leads_out(PurePosixPath(name)) or not _is_hidden(PurePosixPath(name))
    ]
    holding = Counter(
        path.parent
        for path, _ in found
        if looks_like_page(path.name) and not _leads_out(path)
    )
    folder = min(holding, key=lambda each: (-holding[each], str(each)), default=None)
    taken: set[PurePosixPath] = set()
    result: list[Member] = []
    for path, read in found:
        reason = None
        if _leads_out(path):
            reason = "has a name that leads out of the archive"
        elif folder is not None and path.parent != folder:
            reason = f"lies in the folder {path.parent}, the pages in {folder}"
        elif path in taken:
            reason = "is in the archive a second time"
        taken.add(path)
        if reason is None:
            result.append(Member(path.name, read))
        else:
            result.append(Member(str(path), refusing(reason)))
    return result


def _is_hidden(path: PurePosixPath) -> bool:
    return any(part[0] == "." and part != ".." for part in path.parts)


def _leads_out(path: PurePosixPath) -> bool:
    parts = PurePosixPath(str(path).replace("\\", "/")).parts
    return bool(parts) and (".." in parts or parts[0] == "/" or parts[0][1:2] == ":")
