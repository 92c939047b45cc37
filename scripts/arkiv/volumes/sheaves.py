"""Sheaves of page files: those of a folder, and which of them hold the same pages."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from itertools import combinations
from typing import Any

from arkiv.base.errors import InputError
from arkiv.base.hashing import nfc
from arkiv.volumes.order import natural
from arkiv.volumes.same_pages import (
    Texts,
    are_forms,
    is_form,
    key,
    preferred,
    richness,
    variant,
)
from arkiv.volumes.walk import Entry

# Of folders whose names differ in one part: more are volumes, unless called for a form.
MOST_STAGES = 30


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
        return tuple(self.folder.split("/")) if self.folder else ()

    def matches(self, pattern: str) -> bool:
        """Whether it is the folder that a setting names, by its name or path."""
        pattern = nfc(pattern)
        return fnmatchcase(self.folder, pattern) or fnmatchcase(
            self.folder.rpartition("/")[2], pattern
        )


@dataclass
class Document:
    """Sheaves that hold the same pages, the one that is read first.

    Attributes:
        sheaves: the one that is read, and the others.
        differ: the part of their paths in which they differ.
    """

    sheaves: list[Sheaf]
    differ: int | None = None

    @property
    def chosen(self) -> Sheaf:
        return self.sheaves[0]

    @property
    def listed(self) -> Listed | None:
        """What METS says, if a METS file lists one of the sheaves."""
        return next((each.listed for each in self.sheaves if each.listed), None)

    def pages(self) -> dict[tuple, Entry]:
        """The file of each page: the chosen sheaf's; another's where it has none."""
        found = dict(self.chosen.pages)
        for other in self.sheaves[1:]:
            for each, entry in other.pages.items():
                found.setdefault(each, entry)
        if len(found) == len(self.chosen.pages):
            return found
        listed = self.listed.pages if self.listed else ()
        place = {each: (0, (at,)) for at, each in enumerate(listed)}
        order = sorted(found, key=lambda each: place.get(each, (1, _by_key(each))))
        return {each: found[each] for each in order}


def _by_key(key: tuple) -> tuple:
    return tuple(natural(str(part)) for part in key)


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
    by_key: dict[tuple, list[Entry]] = defaultdict(list)
    for entry in ordered:
        by_key[key(entry)].append(entry)
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


def documents(
    sheaves: Sequence[Sheaf], texts: Texts, folder: str | None
) -> list[Document]:
    """The sheaves by document: those that hold the same pages are one.

    Args:
        sheaves: of the whole archive.
        texts: to compare by.
        folder: the folder that is read where there are several, by a pattern.

    Raises:
        InputError: it is not clear whether folders hold the same pages.
    """
    group = {each: [each] for each in sheaves}
    differ: dict[Sheaf, int] = {}
    by_list: dict[int, list[Sheaf]] = defaultdict(list)
    for each in sheaves:
        if each.listed:
            by_list[id(each.listed)].append(each)
            group[each] = by_list[id(each.listed)]
    for at, family in _families(sheaves):
        for one, two in combinations(family, 2):
            if group[one] is group[two] or not _overlap(one, two):
                continue
            if _same_pages(one, two, at, texts, folder):
                group[one] += group[two]
                for each in group[two]:
                    group[each] = group[one]
                differ.setdefault(one, at)
                differ.setdefault(two, at)
    found = {id(each): each for each in group.values()}
    return [
        Document(_by_choice(each, texts, folder), differ.get(each[0]))
        for each in found.values()
    ]


def _families(sheaves: Iterable[Sheaf]) -> Iterator[tuple[int, list[Sheaf]]]:
    """Sheaves whose paths differ in one part alone, and in which.

    A folder's own pages differ from those of a folder in it by having no such part.
    """
    found: dict[tuple, list[Sheaf]] = defaultdict(list)
    for each in sheaves:
        parts = each.parts
        for at in range(len(parts)):
            found[(at, *parts[:at], None, *parts[at + 1 :])].append(each)
        found[(len(parts), *parts, None)].append(each)
    for (at, *_), family in found.items():
        if len(family) > MOST_STAGES:
            family = [each for each in family if _form_at(each, at)]
        yield at, family


def _form_at(each: Sheaf, at: int) -> bool:
    """Whether a part of its path says in which form its pages are."""
    return at >= len(each.parts) or is_form(each.parts[at])


def _overlap(one: Sheaf, two: Sheaf) -> bool:
    """Whether most of the pages of one are in the other, by their names."""
    both = sum(each in two.pages for each in one.pages)
    return both * 2 >= min(len(one.pages), len(two.pages)) and both > 0


def _same_pages(
    one: Sheaf, two: Sheaf, at: int, texts: Texts, folder: str | None
) -> bool:
    named = _form_at(one, at) and _form_at(two, at)
    both = one.pages.keys() & two.pages.keys()
    pairs = [
        (file, two.pages[each]) for each, file in one.pages.items() if each in both
    ]
    same = texts.same(pairs, named=named)
    if same is None and folder is not None:
        # Who names a folder has decided.
        return one.matches(folder) != two.matches(folder)
    if same is None:
        said = " and ".join(_told(each, texts) for each in (one, two))
        raise InputError(
            f"{said} have pages of the same names and not the same text: it is not "
            "clear whether they are one document; name the folder that is to be read "
            f"by `folder: {two.folder.rpartition('/')[2] or one.folder}` beside `pages`"
        )
    return same


def _told(each: Sheaf, texts: Texts) -> str:
    count = len(each.pages)
    words = round(texts.amount(list(each.pages.values())) * count)
    return f"{each.folder or '.'} ({count} pages, about {words} words)"


def _by_choice(group: Sequence[Sheaf], texts: Texts, folder: str | None) -> list[Sheaf]:
    """Sheaves of the same pages, the one that is read first."""
    if len(group) == 1:
        return list(group)
    words = {
        each: texts.amount(list(each.pages.values())) * len(each.pages)
        for each in group
    }

    def tie(each: Sheaf) -> tuple:
        format = next(iter(each.pages.values())).kind.format
        return each.listed is None, richness(format), natural(each.folder)

    best = preferred(words, tie)
    if folder is not None:
        best.sort(key=lambda each: not each.matches(folder))
    return best
