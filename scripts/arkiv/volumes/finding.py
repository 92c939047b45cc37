"""The volumes of an archive and the files in them: folders, zip and tar files.

Nothing is unpacked. What leads out of the archive, by a link or a name, is refused.
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from arkiv.base.errors import InputError
from arkiv.pages.page import not_a_page
from arkiv.pages.reading import PLAIN, STRUCTURED, page_number
from arkiv.volumes.member import (
    LARGEST,
    Member,
    bounded,
    check_size,
    is_of_the_file,
    looks_like_page,
    refusing,
    said,
    shown,
)
from arkiv.volumes.packed import BROKEN, ENDINGS, members_of


@dataclass(frozen=True)
class Volume:
    """A folder or an archive file of pages."""

    name: str
    path: Path
    fault: str | None = None
    """Why it cannot be read."""


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
    try:
        entries = _visible(directory)
    except PermissionError as error:
        raise InputError(f"cannot be read ({said(error)})", file=directory) from None
    itself = [Volume(shown(directory.name), directory)]
    if _any_file(entries, ".json"):
        return itself
    found = [each for each in entries if each.is_dir() or _stem(each) != each.name]
    if found:
        return _without_repeats(found, directory)
    if _any_file(entries, *STRUCTURED, *PLAIN):
        return itself
    raise InputError("holds no volume of page files", file=directory)


def _any_file(entries: Iterable[Path], *endings: str) -> bool:
    return any(
        entry.name.lower().endswith(endings) and not entry.is_dir() for entry in entries
    )


def _without_repeats(paths: list[Path], root: Path) -> list[Volume]:
    """The volumes by name; of one name only the first is good."""
    found: list[Volume] = []
    firsts: dict[str, Path] = {}
    for path in sorted(paths, key=lambda each: (_stem(each), each.name)):
        name, fault = shown(_stem(path)), None
        if (first := firsts.setdefault(name, path)) != path:
            fault = f"is a second volume called {name}, beside {shown(first.name)}"
        elif not _within(path, root):
            fault = "is a link out of the archive"
        found.append(Volume(name, path, fault))
    return found


def _stem(path: Path) -> str:
    """The name without the ending of an archive file."""
    if path.is_dir():
        return path.name
    endings = [end for end in ENDINGS if path.name.lower().endswith(end)]
    return path.name[: -len(endings[0])] if endings else path.name


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
            else:
                found = members_of(volume.path, stack)
        except (*BROKEN, OSError) as error:
            if isinstance(error, OSError) and not is_of_the_file(error):
                raise
            raise InputError(
                f"is a volume that cannot be read ({said(error)})",
                file=shown(str(volume.path)),
            ) from None
        yield sorted(found, key=lambda member: place(member.name))


def is_of_text(found: Iterable[Member]) -> bool:
    """Whether text files are a volume's pages: if there are more than JSON and XML.

    Else they are a README, or what the pages hold once more.
    """
    names = [member.name.lower() for member in found]
    text = sum(name.endswith(PLAIN) for name in names)
    return text > sum(name.endswith(STRUCTURED) for name in names)


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


def _in_folder(folder: Path, root: Path) -> list[Member]:
    """The files of a folder, or of the one in it that holds most page files.

    As Transkribus exports a volume: pages in `page`, beside other things.
    """
    own = _visible(folder)
    folders = (each for each in own if each.is_dir() and not each.is_symlink())
    inner = {each: _visible(each) for each in folders}
    holding = {
        each: sum(looks_like_page(path.name) for path in paths)
        for each, paths in {folder: own, **inner}.items()
    }
    chosen = min(holding, key=lambda each: (-holding[each], str(each)))
    found = [
        Member(shown(path.name), partial(_read_file, path, root))
        for path in inner.get(chosen, own)
    ]
    if chosen != folder:
        reason = f"lies beside {shown(chosen.name)}, the folder of the pages"
        found += [
            Member(shown(path.name), refusing(reason)) for path in own if path != chosen
        ]
    return found


def _visible(folder: Path) -> list[Path]:
    return [path for path in folder.iterdir() if path.name[0] != "."]


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
        check_size(found.st_size)
        with open(path, "rb") as file:
            return bounded(file.read(LARGEST + 1))
    except OSError as error:
        if not is_of_the_file(error):
            raise
        raise not_a_page(f"cannot be read ({said(error)})") from None
