"""The volumes of an archive as it was shipped, and the pages of each in order.

A volume is what lies together: a folder of page files, or what a METS file lists. What
a file is, it says itself; of several folders that hold the same pages one is read.
"""

from __future__ import annotations

import logging
import os
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import groupby, islice
from pathlib import Path

from arkiv.base.errors import InputError
from arkiv.base.files import Record
from arkiv.base.natural import natural
from arkiv.pages.kinds import Kind, Role
from arkiv.pages.reading import PLAIN, STRUCTURED
from arkiv.volumes import mets
from arkiv.volumes.about import about_folders, folders_above, with_about
from arkiv.volumes.files import Files
from arkiv.volumes.grouping import Document, documents
from arkiv.volumes.listing import FilesByPath, listed
from arkiv.volumes.member import shown
from arkiv.volumes.mods import about_of_mods
from arkiv.volumes.naming import named, with_own_names
from arkiv.volumes.order import Place, places, prefix
from arkiv.volumes.packed import is_packed
from arkiv.volumes.pieces import MOST_READ, WHOLE, without_pieces
from arkiv.volumes.rows import volumes_in
from arkiv.volumes.same_pages import Texts, key, spread
from arkiv.volumes.sheaves import Listed, Sheaf, sheaf
from arkiv.volumes.volume import Volume
from arkiv.volumes.walk import Entry, Fault, file_entry, packed, walk

log = logging.getLogger(__name__)

# Files whose words are counted, to tell about how many there are.
COUNTED = 30
# Page files by the folder that they lie in.
Folders = dict[tuple[str | None, str], list[Entry]]
NOTE = Kind(Role.OTHER, "plain text beside pages of another format")


@dataclass
class Found:
    """The volumes of an archive, and what else is in it.

    Attributes:
        volumes: by name.
        formats: how many pages there are of each.
        words: about how many there are, by some of the files.
        chosen: of documents in several forms the folder that is read, and the others.
        aside: how many files are no pages, by what they are.
        unread: likewise files that may hold text that is not read; with the first one
            and what to do.
        twice: files that hold the page of another file, and of which.
        doubles: files of pages that are read, and others that hold the same page.
        missing: files that a METS file lists and that are not there.
        manuscripts: folders whose names tell of several manuscripts, and of how many.
    """

    volumes: list[Volume] = field(default_factory=list)
    formats: Counter[str] = field(default_factory=Counter)
    words: int = 0
    chosen: list[tuple[str, list[str]]] = field(default_factory=list)
    aside: Counter[str] = field(default_factory=Counter)
    unread: dict[str, tuple[int, str, str]] = field(default_factory=dict)
    twice: list[tuple[str, str]] = field(default_factory=list)
    doubles: list[tuple[Entry, Entry]] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    manuscripts: dict[str, int] = field(default_factory=dict)


def find(
    archive: str | Path,
    *,
    folder: str | None = None,
    volumes_by: str = "folder",
    table: str | Path | None = None,
    encoding: str | None = None,
) -> Found:
    """The volumes of an archive.

    Args:
        archive: its directory, or a zip or tar file.
        folder: the folder that is read where several hold the same pages: a pattern of
            its name or path.
        volumes_by: `prefix` makes each manuscript of a folder a volume, told by what
            the names of its pages begin with.
        table: what is known of each volume.
        encoding: of texts that are not UTF-8.

    Raises:
        InputError: no such archive, nothing in it, or it is not clear which of its
            folders hold the same pages; or the table is of other volumes.
    """
    root = root_of(archive)
    finding = _Finding(root, folder, volumes_by == "prefix", encoding)
    entries = finding.entries(Path(os.path.abspath(archive)))
    if table is not None:
        # Which may lie in the archive itself.
        own = os.path.relpath(os.path.abspath(table), root)
        entries = (
            each
            for each in entries
            if isinstance(each, Fault) or (each.container, each.path) != (None, own)
        )
    found = finding.found(entries)
    found.volumes = with_about(found.volumes, table)
    return found


def root_of(archive: str | Path) -> Path:
    """The directory that paths in an archive start from."""
    # The volume has a name even where the directory is given as `.`.
    path = Path(os.path.abspath(archive))
    return path if path.is_dir() else path.parent


class _Finding:
    """One search through an archive."""

    def __init__(
        self, root: Path, folder: str | None, by_prefix: bool, encoding: str | None
    ) -> None:
        self._root, self._folder, self._by_prefix = root, folder, by_prefix
        self._files = Files(root, encoding)
        self._out = Found()
        # What METS files say that list no page that is here, and their folders.
        self._told: list[tuple[str, Record]] = []
        self._texts = Texts(self._files.lines)
        self._of_rows: list[Entry] = []

    def entries(self, archive: Path) -> Iterator[Entry | Fault]:
        """The files of the archive, which may be a file itself.

        Raises:
            InputError: it is not there.
        """
        if archive.is_file() and is_packed(archive.name):
            return packed(archive.name, self._files.members)
        if archive.is_file():
            return iter([file_entry(self._root, archive.name)])
        if not archive.is_dir():
            raise InputError("is not there, expected an archive of pages", file=archive)
        return walk(self._root, self._files.members)

    def found(self, entries: Iterable[Entry | Fault]) -> Found:
        with self._files:
            faults, pages, lists = self._sorted(entries)
            sheaves = list(self._sheaves(pages, lists))
            sheaves = without_pieces(sheaves, self._texts, self._twice)
            made = documents(sheaves, self._texts, self._folder)
            volumes = [*self._volumes(made), *self._in_rows(sheaves)]
            files = [entry for each in made for entry in each.pages.values()]
            some = spread(files, COUNTED)
            words = sum(len(self._texts.running(each)) for each in some)
            self._out.words = round(words * len(files) / max(len(some), 1))
        volumes += [Volume(x.path, fault=x.reason) for x in faults]
        self._out.volumes = with_own_names(volumes)
        self._out.volumes.sort(key=lambda each: natural(each.name))
        if not self._out.volumes:
            unread = {what: count for what, (count, *_) in self._out.unread.items()}
            held = (self._out.aside + Counter(unread)).most_common()
            raise InputError(
                "holds no page that is read here, but "
                + (", ".join(f"{count} × {what}" for what, count in held) or "no file"),
                file=self._root,
            )
        return self._out

    def _sorted(
        self, entries: Iterable[Entry | Fault]
    ) -> tuple[list[Fault], Folders, list[Entry]]:
        """Faults, page files by folder, and METS files."""
        faults: list[Fault] = []
        pages: Folders = defaultdict(list)
        lists: list[Entry] = []
        bags: dict[tuple, str] = {}
        for each in entries:
            if isinstance(each, Fault):
                if each.grave:
                    faults.append(each)
                else:
                    self._out.aside[each.reason] += 1
                continue
            if each.name == "bagit.txt":
                bags[each.lies_in] = each.folder
            if each.kind.role is Role.METS:
                lists.append(each)
            elif each.kind.role is Role.ROWS and not self._files.are_one_page(each):
                self._of_rows.append(each)
            elif each.kind.role in (Role.PAGE, Role.ROWS) or _may_be_page(each):
                pages[each.lies_in].append(each)
            elif each.kind.advice:
                self._unread(each.kind, each)
            else:
                self._out.aside[each.kind.title] += 1
        # Without its folder `data` it is none.
        full = {bag for where in pages for bag in _bags_above(*where)}
        for bag in bags.keys() & full & pages.keys():
            self._out.aside["a file of BagIt's own"] += len(pages.pop(bag))
        self._bags = set(bags.values())
        return faults, self._without_notes(pages), lists

    def _without_notes(self, pages: Folders) -> Folders:
        """Page files without texts that are notes beside pages of other formats.

        There, texts are pages if a folder has more of them than of others and their
        names have numbers; or if their names are those of others, which decide.
        """
        if all(_is_plain(each) for found in pages.values() for each in found):
            return pages
        kept: Folders = {}
        for folder, found in pages.items():
            plain = [each for each in found if _is_plain(each)]
            others = [each for each in found if not _is_plain(each)]
            keys = set(map(key, others)) if plain else set()
            few = len(plain) <= len(others)
            for each in plain:
                numbered = any(map(str.isdigit, each.stem))
                if key(each) in keys if few else numbered:
                    others.append(each)
                else:
                    self._unread(NOTE, each)
            if others:
                kept[folder] = others
        return kept

    def _sheaves(self, pages: Folders, lists: list[Entry]) -> Iterator[Sheaf]:
        """What METS files list, and of what is left the folders."""
        taken: set[Entry] = set()
        by_mets: dict[tuple, list[Sheaf]] = defaultdict(list)
        files = FilesByPath(pages) if lists else None
        # Of two that list the same files that nearer to the root.
        for each in sorted(lists, key=lambda one: (one.path.count("/"), one.path)):
            self._out.aside["METS"] += 1
            try:
                said = mets.read(self._files.content(each))
            except InputError as error:
                log.warning("%s", error.at(each.shown))
                continue
            sheaves = listed(each, said, files, taken)
            if not sheaves:
                self._told.append((each.folder, about_of_mods(said.root)))
            for one in sheaves:
                taken.update(one.pages.values())
                for folder in {page.lies_in for page in one.pages.values()}:
                    by_mets[folder].append(one)
                yield one
        for folder, found in pages.items():
            left = [each for each in found if each not in taken]
            if not left:
                continue
            more = sheaf(left[0].folder, left, self._texts, self._twice)
            hosts = by_mets.get(folder, ())
            if len({id(one.listed) for one in hosts}) == 1:
                self._add(more, hosts[0])
            else:
                yield more

    def _add(self, more: Sheaf, host: Sheaf) -> None:
        """Pages that lie beside those of a METS file, which does not list them."""
        for each, entry in more.pages.items():
            twin = host.pages.get(each)
            if twin and self._texts.same([(twin, entry)], named=True):
                self._twice(entry, twin)
            else:
                host.pages[(*each, entry.name) if twin else each] = entry

    def _unread(self, kind: Kind, entry: Entry) -> None:
        count, first, _ = self._out.unread.get(kind.title, (0, entry.shown, ""))
        self._out.unread[kind.title] = count + 1, first, kind.advice

    def _twice(self, entry: Entry, twin: Entry) -> None:
        self._out.twice.append((entry.shown, twin.shown))
        self._out.doubles.append((twin, entry))

    def _in_rows(self, sheaves: list[Sheaf]) -> Iterator[Volume]:
        """The volumes of files of rows, unless pages beside them hold their text."""
        below: dict[str, list[Sheaf]] = defaultdict(list)
        for one in sheaves if self._of_rows else ():
            for folder in folders_above(one.folder):
                below[folder].append(one)
        for folder, entries in groupby(self._of_rows, key=lambda each: each.folder):
            pages = (page for one in below[folder] for page in one.pages.values())
            beside = list(islice(pages, MOST_READ))
            hold = self._texts.holder(beside)
            for entry in entries:
                if beside and hold([entry]):
                    self._twice(entry, beside[0])
                else:
                    yield from self._of_one(entry)

    def _of_one(self, entry: Entry) -> Iterator[Volume]:
        """The volumes of a file of rows."""
        own = entry.shown.removesuffix(f".{entry.name.rpartition('.')[2]}")
        try:
            with self._files.rows(entry) as file:
                found = volumes_in(file, self._files.encoding)
        except InputError as error:
            yield Volume(own, fault=error.reason)
            return
        self._out.formats[entry.kind.title] += sum(map(len, found.values()))
        for name, pages in found.items():
            yield Volume(
                f"{own}/{name}" if len(self._of_rows) > 1 and name else name or own,
                entry.container,
                tuple(pages),
                rows=entry.path,
            )

    def _are_volumes(self, found: list[Entry]) -> bool:
        """Whether each file of a folder is a volume: most hold several pages."""
        if len(found) < 2:
            return False
        some = spread(found)
        may = [each for each in some if each.kind.format in (*WHOLE, "plain")]
        return 2 * sum(len(self._files.pages(each)) > 1 for each in may) > len(some)

    def _volumes(self, made: list[Document]) -> Iterator[Volume]:
        names = named(made, self._bags, self._root.name)
        abouts = about_folders([each.chosen.folder for each in made], self._told)
        for document, name, about in zip(made, names, abouts, strict=True):
            found = document.pages
            self._out.doubles += document.doubles
            self._out.formats.update(each.kind.title for each in found.values())
            if others := [each.folder or "." for each in document.sheaves[1:]]:
                read, *others = map(shown, (document.chosen.folder or ".", *others))
                self._out.chosen.append((read, others))
            if document.listed is None:
                yield from self._by_names(name, list(found.values()), about)
                continue
            self._out.missing += map(shown, document.listed.missing)
            yield Volume(
                name,
                document.listed.entry.container,
                _in_list(found, document.listed),
                about=document.listed.about,
            )

    def _by_names(
        self, name: str, found: list[Entry], about: Record
    ) -> Iterator[Volume]:
        """A folder's pages in the order of their names, or each manuscript's."""
        each_is_one = self._are_volumes(found)
        manuscripts: dict[str, list[Entry]] = defaultdict(list)
        for each in found:
            manuscripts[each.stem if each_is_one else prefix(each.stem)].append(each)
        # As many as there are pages are names that only look like it.
        if not each_is_one and 1 < len(manuscripts) <= len(found) / 2:
            self._out.manuscripts[name] = len(manuscripts)
        if not (each_is_one or self._by_prefix) or len(manuscripts) == 1:
            manuscripts = {"": found}
        for beginning, entries in manuscripts.items():
            stems = places([each.stem for each in entries])
            paths = [each.path for each in entries]
            yield Volume(
                "/".join(filter(None, (name, beginning))),
                entries[0].container,
                tuple(zip(paths, stems, strict=True)),
                about=about if len(manuscripts) == 1 else {},
            )


def _in_list(
    found: Mapping[tuple, Entry], listed: Listed
) -> tuple[tuple[str, Place], ...]:
    """Pages with the numbers and labels of a METS file, others behind them."""
    result: list[tuple[str, Place]] = []
    for each, entry in found.items():
        last = result[-1][1].number if result else 0
        number, label = listed.pages.get(each, (last + 1, None))
        follows = each in listed.pages and each not in listed.gaps
        result.append((entry.path, Place(number, label, follows)))
    return tuple(result)


def _bags_above(container: str | None, folder: str) -> Iterator[tuple]:
    """The folders that a folder would be the content of, were they BagIt bags."""
    parts = folder.split("/")
    for at, part in enumerate(parts):
        if part == "data":
            yield container, "/".join(parts[:at])


def _may_be_page(entry: Entry) -> bool:
    """Whether a file that cannot be told by its content has the name of a page."""
    return entry.kind.role is Role.BROKEN and entry.name.lower().removesuffix(
        ".gz"
    ).endswith((*STRUCTURED, *PLAIN))


def _is_plain(entry: Entry) -> bool:
    return entry.name.lower().endswith(PLAIN) and entry.kind.role is Role.PAGE
