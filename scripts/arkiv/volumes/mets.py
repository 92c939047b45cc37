"""METS: which files are one page, in which order, and what the page is called.

Source: the METS schema of the Library of Congress, version 1.12: `fileSec` lists files
in groups, each group all pages in one form; the physical `structMap` has a `div` for
each page, which points to its file of each group.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

from arkiv.pages import xml

HREF = "{http://www.w3.org/1999/xlink}href"


@dataclass(frozen=True, slots=True)
class MetsPage:
    """A page as METS knows it.

    Attributes:
        label: what it is called; None if it has no name of its own.
        files: its files, each with its group and with the path beside the METS file or
            the address; an image and its text may be of one group.
    """

    label: str | None
    files: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Mets:
    """What a METS file says of a document; without pages it says nothing of them."""

    pages: tuple[MetsPage, ...]
    root: xml.Element


def read(data: bytes) -> Mets:
    """What a METS file says.

    Raises:
        InputError: it is not well-formed; without the file.
    """
    root = xml.parse(data)
    files = dict(_files(root))
    maps = [
        each
        for each in xml.descendants(root, "structMap")
        if each.get("TYPE", "physical").lower() == "physical"
    ] or list(xml.descendants(root, "structMap"))
    pages = (page for each in maps[:1] for page in _pages(each, files))
    # A page that is divided into columns is named once for each.
    once = {page.files: page for page in pages}
    return Mets(tuple(once.values()), root)


def _files(root: xml.Element) -> Iterator[tuple[str | None, tuple[str, str]]]:
    """The group and the path of each file by its id."""
    for file in xml.descendants(root, "file"):
        groups = [each for each in file.iterancestors() if xml.name(each) == "fileGrp"]
        names = (each.get("USE") or each.get("ID") for each in groups)
        for place in xml.children(file, "FLocat"):
            if href := place.get(HREF):
                yield file.get("ID"), (next(filter(None, names), ""), path_of(href))
                break


def path_of(href: str) -> str:
    """The path that a reference means, or the address as it stands."""
    try:
        parts = urlsplit(href.replace("\\", "/"))
    except ValueError:  # `http://[`
        return href
    if parts.scheme not in ("", "file") or parts.netloc not in ("", ".", "localhost"):
        return href
    return posixpath.normpath(unquote(parts.path).lstrip("/"))


def _pages(
    struct: xml.Element, files: Mapping[str | None, tuple[str, str]]
) -> Iterator[MetsPage]:
    """The pages: divisions of that type, else the innermost that point to files."""

    def within(division: xml.Element) -> Iterator[xml.Element]:
        points = any(_pointed(division))
        below = []
        if not (points and "page" in division.get("TYPE", "").lower()):
            below = [page for inner in _ordered(division) for page in within(inner)]
        if below:
            yield from below
        elif points:
            yield division

    for division in within(struct):
        found = tuple(
            files[id] for id in dict.fromkeys(_pointed(division)) if id in files
        )
        if found:
            label = division.get("ORDERLABEL") or division.get("LABEL")
            yield MetsPage((label or "").strip() or None, found)


def _pointed(division: xml.Element) -> Iterator[str]:
    """The ids of the files that a division points to, by itself."""
    for pointer in xml.children(division, "fptr"):
        for part in (pointer, *xml.descendants(pointer, "area")):
            if id := part.get("FILEID"):
                yield id


def _ordered(division: xml.Element) -> list[xml.Element]:
    """What a division is divided into, by number where all have one."""
    inner = xml.children(division, "div")
    try:
        return sorted(inner, key=lambda each: float(each.get("ORDER", "")))
    except ValueError:
        return inner
