"""A volume: its pages in order, in memory, in a file and opened."""

from __future__ import annotations

import contextlib
import io
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, BinaryIO, NamedTuple

from arkiv.base.errors import InputError
from arkiv.base.files import Record
from arkiv.base.hashing import nfc
from arkiv.pages.page import Page
from arkiv.pages.reading import read_pages
from arkiv.volumes import rows
from arkiv.volumes.member import content, shown
from arkiv.volumes.opened import Opened, Source
from arkiv.volumes.order import Place


@dataclass(frozen=True, slots=True)
class Volume:
    """Pages that belong together, in order.

    Attributes:
        name: of the volume, its path in the archive.
        container: the zip or tar file that it is in, by its path in the archive.
        pages: the path of each page's file, in the container or the archive, and where
            it stands in the volume.
        fault: why it cannot be read.
        about: what METS or a table says of it, as `arkiv.volumes.about` gives it.
        rows: the file of rows that its pages are in, by its path in the container or
            the archive; the paths of pages are places in it then.
    """

    name: str
    container: str | None = None
    pages: tuple[tuple[str, Place], ...] = ()
    fault: str | None = None
    about: Mapping[str, Any] = field(default_factory=dict)
    rows: str | None = None


class PageFile(NamedTuple):
    """A file of a volume that is open."""

    path: str
    """Where a person finds it: in the archive, zip and tar files included."""
    place: Place
    pages: Callable[[str | None], list[Page]]
    """Its pages, given the encoding of texts that are not UTF-8; of most there is one.
    Raises InputError, without the file."""


@contextlib.contextmanager
def page_files(volume: Volume, archive: Opened) -> Iterator[list[PageFile]]:
    """The files of a volume's pages in order, to be read while it is open.

    Args:
        volume: to open.
        archive: that it is a volume of; to be open as long.

    Raises:
        InputError: the volume cannot be read.
    """
    if volume.fault:
        raise InputError(volume.fault, file=f"{shown(str(archive.root))}/{volume.name}")
    with ExitStack() as stack:
        source = archive.source(volume.container)
        above = filter(None, (str(archive.root), volume.container, volume.rows))
        start = shown("/".join(above))
        if volume.rows is None:
            yield [
                PageFile(f"{start}/{shown(path)}", where, partial(_pages, source, path))
                for path, where in volume.pages
            ]
        else:
            file = stack.enter_context(file_of(source, volume.rows))
            yield [
                PageFile(start, where, partial(rows.page, file, path))
                for path, where in volume.pages
            ]


def file_of(source: Source, path: str) -> BinaryIO:
    """A file of rows, opened where it lies; one that is packed is read as a whole.

    Raises:
        InputError: it cannot be read.
    """
    if source.container is not None:
        return io.BytesIO(content(source.member(path)))
    source.member(path).read(1)
    return open(source.root / path, "rb")


def _pages(source: Source, path: str, encoding: str | None) -> list[Page]:
    name = shown(path.rpartition("/")[2])
    return read_pages(name, content(source.member(path)), encoding=encoding)


def placed(pages: Sequence[Page], place: Place, last: int) -> Iterator[Page]:
    """The pages of a file with their numbers and labels.

    Of a file that holds several the pages are counted, on from the last page before.

    Args:
        pages: as they were read.
        place: of the file.
        last: the number of the page before it; 0 if there is none.
    """
    several = len(pages) > 1
    for count, page in enumerate(pages, start=1):
        number = place.number
        if several or number <= last:
            number = last + count
        label = page.label or (None if several else place.label)
        follows = place.follows or count > 1
        yield replace(page, number=number, label=label, follows=follows)


def to_record(volume: Volume) -> Record:
    """A volume as it is written.

    The folder that most of its files lie in stands once; a path that is not in it
    begins with `/`.
    """
    folder = volume.pages[0][0].rpartition("/")[0] if volume.pages else ""
    start = f"{folder}/" if folder else ""
    return {
        "name": volume.name,
        "container": volume.container and _written(volume.container),
        "folder": _written(folder),
        "fault": volume.fault,
        "about": dict(volume.about),
        "rows": volume.rows and _written(volume.rows),
        "pages": [
            [_written(_within(path, start)), *place] for path, place in volume.pages
        ],
    }


def from_record(record: Record) -> Volume:
    """A volume as it was written."""
    folder = _read(record["folder"])
    container = record["container"]
    pages = []
    for name, *place in record["pages"]:
        name = _read(name)
        path = name[1:] if name[0] == "/" else "/".join(filter(None, (folder, name)))
        pages.append((path, Place(*place)))
    return Volume(
        record["name"],
        container and _read(container),
        tuple(pages),
        record["fault"],
        record["about"],
        record["rows"] and _read(record["rows"]),
    )


def _within(path: str, folder: str) -> str:
    return path[len(folder) :] if path.startswith(folder) else f"/{path}"


def _written(path: str) -> str:
    """A path as it comes back from JSON Lines to the byte: one that is not UTF-8, or
    not in NFC, in which those are read, by its digits."""
    return path if path == nfc(shown(path)) else f"\0{os.fsencode(path).hex()}"


def _read(path: str) -> str:
    return os.fsdecode(bytes.fromhex(path[1:])) if path[:1] == "\0" else path
