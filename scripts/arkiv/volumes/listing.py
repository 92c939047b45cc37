"""What a METS file lists of the page files of an archive."""

from __future__ import annotations

import posixpath
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

from arkiv.base.hashing import nfc
from arkiv.pages.reading import PLAIN, STRUCTURED
from arkiv.volumes.mets import Mets
from arkiv.volumes.mods import about_of_mods
from arkiv.volumes.same_pages import key
from arkiv.volumes.sheaves import Listed, Sheaf
from arkiv.volumes.walk import Entry


class FilesByPath:
    """The page files of an archive by their paths, in NFC, and by their names alone."""

    def __init__(self, pages: Mapping[Any, Iterable[Entry]]) -> None:
        self._paths: dict[tuple[str | None, str], Entry] = {}
        self._names: dict[tuple[str | None, str], list[Entry]] = defaultdict(list)
        for found in pages.values():
            for each in found:
                self._paths[each.container, nfc(each.path)] = each
                self._names[each.container, each.name].append(each)
        for same in self._names.values():
            same.sort(key=_path)

    def file(self, mets: Entry, path: str) -> Entry | None:
        """The file that a reference in a METS file means, if it is a page file here.

        An address on the web, or a path from elsewhere, means the one file of that name
        below the METS file.
        """
        folder = mets.path.rpartition("/")[0]
        beside = posixpath.normpath(posixpath.join(folder, path))
        if found := self._paths.get((mets.container, nfc(beside))):
            return found
        parts = nfc(path).split("/")
        below = self._names.get((mets.container, parts[-1]), [])
        if folder:
            # "0" is the sign behind "/".
            ends = (bisect_left(below, f"{folder}{sign}", key=_path) for sign in "/0")
            below = below[slice(*ends)]
        # Of several of that name the one in a folder of that name too.
        for count in range(2, len(parts) + 1):
            if len(below) < 2:
                break
            end = "/".join(parts[-count:])
            below = [each for each in below if f"/{nfc(each.path)}".endswith(f"/{end}")]
        return below[0] if len(below) == 1 else None


def listed(
    entry: Entry, said: Mets, files: FilesByPath, taken: Iterable[Entry]
) -> list[Sheaf]:
    """A sheaf for each group of a METS file that has page files here.

    Args:
        entry: the METS file.
        said: what it says.
        files: of the archive.
        taken: those that another METS file lists.
    """
    groups: dict[str, dict[tuple, Entry]] = defaultdict(dict)
    absent: dict[str, list[tuple[int, str]]] = defaultdict(list)
    known: dict[tuple, tuple[int, str | None]] = {}
    places: dict[int, tuple] = {}
    for at, page in enumerate(said.pages):
        found = {}
        for group, path in page.files:
            file = files.file(entry, path)
            if file is not None and file not in taken:
                found.setdefault(group, file)
            elif path.lower().endswith((*STRUCTURED, *PLAIN)) and "://" not in path:
                absent[group].append((at, path))
        if not found:
            continue
        each = key(next(iter(found.values())))
        if each in known:
            each = (*each, str(at))
        places[at] = each
        known[each] = at + 1, page.label
        for group, file in found.items():
            groups[group][each] = file
    if not known:
        return []
    # A group may list what another lists.
    distinct = {frozenset(pages.values()): pages for pages in groups.values()}
    lost = [(at, path) for group in groups for at, path in absent[group]]
    gone = sorted({(at, path) for at, path in lost if at not in places})
    before = {at for at, _ in gone}
    gaps = {each for at, each in places.items() if at - 1 in before}
    missing = ["/".join(filter(None, (entry.folder, path))) for _, path in gone]
    about = about_of_mods(said.root)
    told = Listed(entry, known, missing, frozenset(gaps), about)
    return [Sheaf(_folder(pages.values()), pages, told) for pages in distinct.values()]


def _path(entry: Entry) -> str:
    return entry.path


def _folder(files: Iterable[Entry]) -> str:
    """The folder that files lie in, or the one that theirs lie in."""
    return posixpath.commonpath([each.folder for each in files])
