"""Sheaves of page files: those of a folder, or of a group of a METS file."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from itertools import combinations
from typing import Any

from arkiv.base.hashing import nfc
from arkiv.base.natural import natural
from arkiv.volumes.packed import is_packed, stem
from arkiv.volumes.same_pages import (
    MOST_FORMS,
    Texts,
    are_forms,
    key,
    preferred,
    richness,
    variant,
)
from arkiv.volumes.walk import Entry


@dataclass(frozen=True)
class Listed:
    """What a METS file says of a document.

    Attributes:
        entry: the METS file.
        pages: number and label of each page, in their order.
        missing: files that are not there.
        gaps: pages before which one is missing.
        about: title, date and the like.
    """

    entry: Entry
    pages: dict[tuple, tuple[int, str | None]]
    missing: list[str]
    gaps: frozenset[tuple]
    about: Mapping[str, Any]


@dataclass(eq=False)
class Sheaf:
    """The pages of a folder, or of a group of a METS file, in order.

    Attributes:
        folder: by the path that a person sees.
        pages: the file of each page by what names agree in.
        listed: the METS file that lists it.
    """

    folder: str
    pages: dict[tuple, Entry]
    listed: Listed | None = None

    @property
    def parts(self) -> tuple[str, ...]:
        """The folders that it lies in; a zip or tar file counts as what is in it."""
        found: list[str] = []
        packed = ""
        for part in filter(None, self.folder.split("/")):
            # `X.zip` often holds a folder `X` alone.
            if part != packed:
                found.append(stem(part))
            packed = stem(part) if is_packed(part) else ""
        return tuple(found)

    @property
    def container(self) -> str | None:
        """The zip or tar file that its files are in: of all the same."""
        return next(iter(self.pages.values())).container

    @property
    def name(self) -> str:
        """The folder's own; a full stop for the archive itself."""
        return self.folder.rpartition("/")[2] or "."

    def matches(self, pattern: str) -> bool:
        """Whether it is the folder that a setting names, by its name or path."""
        pattern = nfc(pattern)
        return fnmatchcase(self.folder, pattern) or fnmatchcase(self.name, pattern)


def sheaf(
    folder: str,
    entries: Iterable[Entry],
    texts: Texts,
    aside: Callable[[Entry, Entry], None],
) -> Sheaf:
    """The pages of a folder, each once.

    Args:
        folder: by the path that a person sees.
        entries: its page files.
        texts: to compare by.
        aside: told of each file that holds what another does, and of that one.
    """
    ordered = sorted(entries, key=lambda each: natural(each.stem))
    place = {entry: number for number, entry in enumerate(ordered)}
    by_key = _by_key(ordered)
    rank, same = _variants([each for each in by_key.values() if len(each) > 1], texts)
    pages: dict[tuple, Entry] = {}
    for each, files in by_key.items():
        kept: list[Entry] = []
        if len(files) > 1:
            files.sort(key=lambda one: rank[variant(one)])
        for entry in files:
            twin = next((one for one in kept if same(one, entry)), None)
            if twin is None:
                kept.append(entry)
                pages[(*each, entry.name) if len(kept) > 1 else each] = entry
            else:
                aside(entry, twin)
    return Sheaf(folder, dict(sorted(pages.items(), key=lambda one: place[one[1]])))


def _by_key(entries: Iterable[Entry]) -> dict[tuple, list[Entry]]:
    """Files by what their names agree in, unless more do than a page has forms."""
    found: dict[tuple, list[Entry]] = defaultdict(list)
    for entry in entries:
        found[key(entry)].append(entry)
    for each in [each for each, files in found.items() if len(files) > MOST_FORMS]:
        for entry in found.pop(each):
            found[(*each, entry.stem)].append(entry)
    return found


def _variants(
    groups: Sequence[Sequence[Entry]], texts: Texts
) -> tuple[dict[tuple, int], Callable[[Entry, Entry], bool]]:
    """Which form of a page is read first, and whether two files are the same page.

    Args:
        groups: files whose names agree.
        texts: to compare by.
    """
    files: dict[tuple, list[Entry]] = defaultdict(list)
    pairs: dict[frozenset, list[tuple[Entry, Entry]]] = defaultdict(list)
    for group in groups:
        for entry in group:
            files[variant(entry)].append(entry)
        for one, two in combinations(group, 2):
            pairs[frozenset((variant(one), variant(two)))].append((one, two))
    words = {each: texts.amount(found) for each, found in files.items()}
    best = preferred(words, lambda each: (richness(each[0]), len(each[1]), each[1]))
    alike = {
        each: texts.same(found, named=are_forms(*each))
        for each, found in pairs.items()
        if len(each) > 1
    }

    def same(one: Entry, two: Entry) -> bool:
        between = frozenset((variant(one), variant(two)))
        if len(between) > 1:
            return bool(alike[between])
        return bool(texts.same([(one, two)], named=False))

    return {each: place for place, each in enumerate(best)}, same
