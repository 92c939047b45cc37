"""The volumes of an archive and the files in them: folders, zip and tar files.

Nothing is unpacked. What leads out of the archive, by a link or a name, is refused.
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
import stat
import tarfile
import tempfile
import zipfile
import zlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath

from arkiv.errors import InputError
from arkiv.ingest.formats import page_number
from arkiv.ingest.page import not_a_page

# Bytes of a file. With every word and glyph on it a page has some ten million.
LARGEST = 1 << 26
ARCHIVES = (".zip", ".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz")
STRUCTURED = (".json", ".xml")
BROKEN = (
    *(zipfile.BadZipFile, tarfile.TarError, zlib.error),
    *(EOFError, NotImplementedError, RuntimeError, ValueError),
)


@dataclass(frozen=True)
class Volume:
    """A folder or an archive file of pages."""

    name: str
    path: Path
    fault: str | None = None
    """Why it cannot be read."""


@dataclass(frozen=True)
class Member:
    """A file of a volume."""

    name: str
    read: Callable[[], bytes]
    """Raises InputError, without the file."""


def volumes(directory: str | Path) -> list[Volume]:
    """The volumes of an archive, by name: what lies in its directory, or itself.

    JSON files that lie in the directory itself make it one volume, with whatever else
    is in it; so do XML and text files where nothing in it is a volume. Beside volumes,
    other files (a README) have no meaning. A single zip or tar file is one volume.

    Raises:
        InputError: no such directory, or nothing in it.
    """
    # The volume has a name even where the directory is given as `.`.
    directory = Path(os.path.abspath(directory))
    if directory.is_file() and _stem(directory) != directory.name:
        return [Volume(shown(_stem(directory)), directory)]
    if not directory.is_dir():
        raise InputError(
            "is not a directory, expected one of volumes of page files", file=directory
        )
    entries = [entry for entry in directory.iterdir() if entry.name[0] != "."]
    itself = [Volume(shown(directory.name), directory)]
    if _any_file(entries, ".json"):
        return itself
    found = [each for each in entries if each.is_dir() or _stem(each) != each.name]
    if found:
        return _without_repeats(found, directory)
    if _any_file(entries, ".xml", ".txt"):
        return itself
    raise InputError("holds no volume of page files", file=directory)


def _any_file(entries: Iterable[Path], *endings: str) -> bool:
    return any(
        entry.name.lower().endswith(endings) and not entry.is_dir() for entry in entries
    )


def _without_repeats(paths: list[Path], root: Path) -> list[Volume]:
    """The volumes by name; of one name only the first is good."""
    found: list[Volume] = []
    for path in sorted(paths, key=lambda each: (_stem(each), each.name)):
        name, fault = shown(_stem(path)), None
        if found and found[-1].name == name:
            first = next(volume for volume in found if volume.name == name)
            fault = f"is a second volume called {name}, beside {shown(first.path.name)}"
        elif not _within(path, root):
            fault = "is a link out of the archive"
        found.append(Volume(name, path, fault))
    return found


def _stem(path: Path) -> str:
    """The name without the ending of an archive file."""
    if path.is_dir():
        return path.name
    endings = [end for end in ARCHIVES if path.name.lower().endswith(end)]
    return path.name[: -len(endings[0])] if endings else path.name


def shown(name: str) -> str:
    """A file's name as text; bytes that are not UTF-8 are replaced."""
    return os.fsencode(name).decode("utf-8", "replace")


def _within(path: Path, root: Path) -> bool:
    real, root_real = os.path.realpath(path), os.path.realpath(root)
    return os.path.commonpath([real, root_real]) == root_real


@contextlib.contextmanager
def members(volume: Volume, root: str | Path) -> Iterator[list[Member]]:
    """The files of a volume, hidden ones apart, in the order of the page numbers.

    Files without a number come last; they, and files of one number, are in the natural
    order of their names (`2a` before `10a`). They can be read while the volume is open.

    Args:
        volume: to open.
        root: the archive's directory, which no link may lead out of.

    Raises:
        InputError: the volume cannot be read.
    """
    if volume.fault:
        raise InputError(volume.fault, file=shown(str(volume.path)))
    with contextlib.ExitStack() as stack:
        try:
            if volume.path.is_dir():
                found = _in_folder(volume.path, Path(root))
            elif volume.path.name.lower().endswith(".zip"):
                archive = stack.enter_context(zipfile.ZipFile(volume.path))
                found = _side_by_side(_in_zip(archive))
            else:
                tar = stack.enter_context(tarfile.open(volume.path))
                file = stack.enter_context(tempfile.TemporaryFile())
                found = _side_by_side(_in_tar(tar, file))
        except (*BROKEN, OSError) as error:
            raise InputError(
                f"is a volume that cannot be read ({_said(error)})",
                file=shown(str(volume.path)),
            ) from None
        yield sorted(found, key=lambda member: place(member.name))


def has_structured(found: Iterable[Member]) -> bool:
    """Whether some of the files look like pages in a format other than plain text."""
    return any(member.name.lower().endswith(STRUCTURED) for member in found)


def place(name: str) -> tuple:
    """What a page file is sorted by."""
    number = page_number(name)
    numbered = isinstance(number, int)
    # Odd places of the split name are runs of digits.
    natural = [
        (len(part.lstrip("0")), part.lstrip("0")) if odd % 2 else part
        for odd, part in enumerate(re.split(r"([0-9]+)", name))
    ]
    return (not numbered, number if numbered else 0, natural, name)


def _said(error: Exception) -> str:
    """An error in a few words."""
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return (str(error).splitlines() or [type(error).__name__])[0]


def _refusing(reason: str) -> Callable[[], bytes]:
    def refuse() -> bytes:
        raise not_a_page(reason)

    return refuse


def _in_folder(folder: Path, root: Path) -> list[Member]:
    return [
        Member(shown(path.name), partial(_read_file, path, root))
        for path in folder.iterdir()
        if path.name[0] != "."
    ]


def _read_file(path: Path, root: Path) -> bytes:
    if path.is_symlink() and not _within(path, root):
        raise not_a_page("a link out of the archive")
    try:
        # A pipe would be waited for.
        found = os.stat(path)
        if stat.S_ISDIR(found.st_mode):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
        if not stat.S_ISREG(found.st_mode):
            raise not_a_page("not a regular file")
        _check_size(found.st_size)
        with open(path, "rb") as file:
            return _bounded(file.read(LARGEST + 1))
    except OSError as error:
        raise not_a_page(f"cannot be read ({_said(error)})") from None


def _check_size(size: int) -> None:
    if size > LARGEST:
        raise not_a_page(f"has {size:,} bytes, expected at most {LARGEST:,}")


def _bounded(data: bytes) -> bytes:
    """What was read, unless there is more than its size said."""
    if len(data) > LARGEST:
        raise not_a_page(f"has more than {LARGEST:,} bytes")
    return data


def _in_zip(archive: zipfile.ZipFile) -> Iterator[tuple[str, Callable[[], bytes]]]:
    for info in archive.infolist():
        if info.is_dir():
            continue
        mode = info.external_attr >> 16
        if stat.S_ISLNK(mode):
            yield info.filename, _refusing("a link in an archive")
        else:
            yield info.filename, partial(_read_zipped, archive, info)


def _read_zipped(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> bytes:
    _check_size(info.file_size)
    try:
        with archive.open(info) as file:
            return _bounded(file.read(LARGEST + 1))
    except (*BROKEN, OSError) as error:
        raise not_a_page(f"cannot be read ({_said(error)})") from None


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
            yield info.name, _refusing(what)
        elif info.size > LARGEST:
            yield info.name, partial(_check_size, info.size)
        else:
            start = file.tell()
            content = tar.extractfile(info)
            file.write(content.read())
            yield info.name, partial(_read_kept, file, start, info.size)


def _read_kept(file, start: int, size: int) -> bytes:
    file.seek(start)
    return file.read(size)


def _side_by_side(
    entries: Iterable[tuple[str, Callable[[], bytes]]],
) -> list[Member]:
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
        if _looks_like_page(path.name) and not _leads_out(path)
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
            result.append(Member(str(path), _refusing(reason)))
    return result


def _looks_like_page(name: str) -> bool:
    return name.lower().endswith((*STRUCTURED, ".txt"))


def _is_hidden(path: PurePosixPath) -> bool:
    return any(part[0] == "." and part != ".." for part in path.parts)


def _leads_out(path: PurePosixPath) -> bool:
    parts = PurePosixPath(str(path).replace("\\", "/")).parts
    return bool(parts) and (".." in parts or parts[0] == "/" or parts[0][1:2] == ":")
