"""Which sheaves hold the same pages, and which of them is read."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import combinations

from arkiv.base.errors import InputError
from arkiv.base.natural import natural
from arkiv.volumes.member import shown
from arkiv.volumes.same_pages import (
    MOST_FORMS,
    SAMPLE,
    TELLING,
    Texts,
    is_corrected,
    is_form,
    is_telling,
    preferred,
    richness,
)
from arkiv.volumes.sheaves import Listed, Sheaf
from arkiv.volumes.walk import Entry

# Folders of the same page names of which a page is read, to see which are alike.
MOST_LOOKED_AT = 2000


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
    def together(self) -> list[Sheaf]:
        """Those in the folders, zip or tar file of the one that is read."""
        where = self.chosen.container
        return [each for each in self.sheaves if each.container == where]

    @property
    def listed(self) -> Listed | None:
        """What METS says, if a METS file lists one of the sheaves."""
        return next((each.listed for each in self.together if each.listed), None)

    @property
    def doubles(self) -> Iterator[tuple[Entry, Entry]]:
        """The file of each page of the chosen sheaf, and that of another sheaf."""
        for other in self.sheaves[1:]:
            for each, entry in other.pages.items():
                if each in self.chosen.pages:
                    yield self.chosen.pages[each], entry

    def apart(self) -> Iterator[Document]:
        """What only another zip or tar file has, which a volume cannot be in too."""
        found = set(self.pages)
        for other in self.sheaves:
            rest = {
                each: file for each, file in other.pages.items() if each not in found
            }
            if rest:
                found.update(rest)
                yield Document([replace(other, pages=rest)])

    @cached_property
    def pages(self) -> dict[tuple, Entry]:
        """The file of each page: the chosen sheaf's; another's where it has none."""
        found = dict(self.chosen.pages)
        for other in self.together[1:]:
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
    differ: dict[Sheaf, int | None] = {}
    by_list: dict[int, list[Sheaf]] = defaultdict(list)
    for each in sheaves:
        if each.listed:
            by_list[id(each.listed)].append(each)
            group[each] = by_list[id(each.listed)]
    for at, family in _families(sheaves, texts):
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
    made = [
        Document(_by_choice(each, texts, folder), differ.get(each[0]))
        for each in found.values()
    ]
    return [part for each in made for part in (each, *each.apart())]


def _families(
    sheaves: Iterable[Sheaf], texts: Texts
) -> Iterator[tuple[int | None, list[Sheaf]]]:
    """Sheaves that may hold the same pages, and the part in which their paths differ.

    That is one part alone; a folder's own pages differ from those of a folder in it by
    having no such part. Wherever they lie, the names of pages may tell. Of many those
    are looked at that are called for forms, and those of which one page is the same.
    """
    found: dict[tuple, list[Sheaf]] = defaultdict(list)
    for each in sheaves:
        parts = each.parts
        for at in range(len(parts)):
            found[(at, *parts[:at], None, *parts[at + 1 :])].append(each)
        found[(len(parts), *parts, None)].append(each)
        if names := list(filter(is_telling, each.pages)):
            found[(None, min(names, key=repr))].append(each)
    for (at, *_), family in found.items():
        if at is not None and len(family) > MOST_FORMS:
            for equal in _of_one_page(family[:MOST_LOOKED_AT], texts):
                yield at, equal[:MOST_FORMS]
            family = [each for each in family if _form_at(each, at)]
        yield at, family[:MOST_FORMS]


def _of_one_page(family: Sequence[Sheaf], texts: Texts) -> list[list[Sheaf]]:
    """Sheaves of which a page of the same name has the same words, and some."""
    found: dict[tuple, list[Sheaf]] = defaultdict(list)
    for each in family:
        for page in sorted(each.pages, key=repr)[:SAMPLE]:
            words = tuple(texts.running(each.pages[page]))
            if len(words) >= TELLING:
                found[page, hash(words)].append(each)
                break
    return [equal for equal in found.values() if len(equal) > 1]


def _form_at(each: Sheaf, at: int | None) -> bool:
    """Whether a part of its path says in which form its pages are."""
    return at is not None and (at >= len(each.parts) or is_form(each.parts[at]))


def _overlap(one: Sheaf, two: Sheaf) -> bool:
    """Whether most of the pages of one are in the other, by their names."""
    both = sum(each in two.pages for each in one.pages)
    return both * 2 >= min(len(one.pages), len(two.pages)) and both > 0


def _same_pages(
    one: Sheaf, two: Sheaf, at: int | None, texts: Texts, folder: str | None
) -> bool:
    both = one.pages.keys() & two.pages.keys()
    named = (_form_at(one, at) and _form_at(two, at)) or all(map(is_telling, both))
    pairs = [
        (file, two.pages[each]) for each, file in one.pages.items() if each in both
    ]
    same = texts.same(pairs, named=named)
    if same is None and folder is not None:
        # Who names a folder has decided.
        return one.matches(folder) != two.matches(folder)
    if same is None:
        said = " and ".join(_told(each, texts) for each in (one, two))
        called = "folder" if one.name == two.name else "name"
        names = " or ".join(
            f"`folder: {shown(getattr(each, called))}`" for each in (one, two)
        )
        raise InputError(
            f"{said} have pages of the same names and not the same text: name the one "
            f"that is to be read by {names} beside `pages`, or have both read by "
            "`folder: '*'` if they are volumes of their own"
        )
    return same


def _told(each: Sheaf, texts: Texts) -> str:
    count = len(each.pages)
    words = round(texts.amount(list(each.pages.values())) * count)
    return f"{shown(each.folder) or '.'} ({count} pages, about {words} words)"


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
        raw = not is_corrected(each.folder)
        return each.listed is None, raw, richness(format), natural(each.folder)

    best = preferred(words, tie)
    if folder is not None:
        best.sort(key=lambda each: not each.matches(folder))
    return best
