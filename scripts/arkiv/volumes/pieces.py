"""Text that lies there once more in larger or smaller pieces than pages.

A volume's whole text beside the folder of its pages (`b12.txt`, `b12/`) or among them,
the lines of a page in a folder called like it, a folder `txt` whose files are cut
otherwise than those of `xml`, a form of pages that METS leaves out and whose names have
other numbers.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence

from arkiv.volumes.same_pages import (
    MOST_FORMS,
    Texts,
    is_form,
    key,
    name_key,
    richness,
)
from arkiv.volumes.sheaves import Sheaf
from arkiv.volumes.walk import Entry

# Pages of a folder that are read to see whether they hold the text of others.
MOST_READ = 500
# Formats of files that may hold a volume.
WHOLE = ("tei", "abbyy", "hocr")
# So many of such a format in a folder may each hold one; more are pages.
FEW = 3
# Times the words of its pages that such a file has at most. One with more is a book
# that has a sample of its pages beside it.
MOST_TIMES = 2
# Words of a file that holds a line.
LONGEST_LINE = 20


def without_pieces(
    sheaves: Sequence[Sheaf], texts: Texts, aside: Callable[[Entry, Entry], None]
) -> list[Sheaf]:
    """The sheaves that do not hold what others hold, without such files.

    Args:
        sheaves: of the whole archive.
        texts: to compare by.
        aside: told of each file that is left out, and of one that holds its text.
    """
    below: dict[tuple, list[Sheaf]] = defaultdict(list)
    listed: dict[str, list[Sheaf]] = defaultdict(list)
    for each in sheaves:
        if each.parts:
            below[each.parts[:-1]].append(each)
        if each.listed:
            listed[each.listed.entry.folder].append(each)
    for outer in sheaves:
        within = below[outer.parts]
        count = Counter(entry.kind.format for entry in outer.pages.values())
        called: dict[tuple, list[Sheaf]] = defaultdict(list)
        for each in within:
            name = name_key(each.parts[-1])
            called[name].append(each)
            # The lines of each half of a page: `0002-1`, `0002-2`.
            if len(name) > 1:
                called[name[:-1]].append(each)
        for page, entry in list(outer.pages.items()) if within else ():
            # A file of any number of pages is known by its text alone.
            few = entry.kind.format in WHOLE and count[entry.kind.format] <= FEW
            names = dict.fromkeys((key(entry), name_key(entry.stem)))
            by_name = (each for name in names for each in called.get(name, ()))
            for inner in _held_by(entry, within if few else by_name, texts):
                pieces = list(inner.pages.values())
                poorer = _richness(inner) > richness(entry.kind.format)
                if poorer or _are_lines(pieces, texts):
                    _leave_out(inner, entry, aside)
                    continue
                whole = few or name_key(inner.parts[-1]) in names
                if whole and not _is_longer(entry, pieces, texts):
                    aside(outer.pages.pop(page), pieces[0])
                break
        for page, pieces in _among_pages(outer, listed[outer.folder], texts):
            aside(outer.pages.pop(page), pieces[0])
    for each in sheaves:
        if each.pages and each.parts and not each.listed and is_form(each.parts[-1]):
            listed_beside = [one for one in below[each.parts[:-1]] if one.listed]
            _without_listed(each, listed_beside[:MOST_FORMS], texts, aside)
    for plain in sheaves:
        if not (plain.pages and plain.parts and _is_plain(plain)):
            continue
        for other in _beside(plain, below[plain.parts[:-1]]):
            pages = list(other.pages.values())[:MOST_READ]
            if not _is_plain(other) and texts.holder(pages)(list(plain.pages.values())):
                _leave_out(plain, pages[0], aside)
                break
    return [each for each in sheaves if each.pages]


def _beside(plain: Sheaf, siblings: Sequence[Sheaf]) -> Sequence[Sheaf]:
    """The folders whose text a folder that is called for a form may hold."""
    if not is_form(plain.parts[-1]):
        return ()
    if len(siblings) <= MOST_FORMS:
        return siblings
    return [each for each in siblings if is_form(each.parts[-1])][:MOST_FORMS]


def _without_listed(
    form: Sheaf,
    others: Sequence[Sheaf],
    texts: Texts,
    aside: Callable[[Entry, Entry], None],
) -> None:
    """Leave out the pages of a folder whose text pages have that METS lists beside it.

    Where names agree in what they tell, the folders are compared by them. As many pages
    with the same texts in the same order have the names of those that are listed.
    """
    for other in others:
        both = [
            (entry, other.pages[page])
            for page, entry in form.pages.items()
            if page in other.pages
        ]
        if not other.pages or (both and texts.same(both, named=True)):
            continue
        beside = list(other.pages.values())[:MOST_READ]
        hold = texts.holder(beside)
        if not hold(list(form.pages.values())):
            continue
        pairs = list(zip(other.pages.values(), form.pages.values(), strict=False))
        if len(other.pages) == len(form.pages) and texts.same(pairs, named=True):
            form.pages = dict(zip(other.pages, form.pages.values(), strict=True))
            return
        full = {page for page, entry in form.pages.items() if texts.running(entry)}
        held = {page for page in full if hold([form.pages[page]])}
        # Blank pages are theirs too.
        for page in held if held != full else list(form.pages):
            aside(form.pages.pop(page), beside[0])


def _held_by(entry: Entry, within: Iterable[Sheaf], texts: Texts) -> Iterator[Sheaf]:
    """The folders whose pages a file holds in one piece, or the other way round."""
    hold = texts.holder([entry])
    for inner in within:
        if inner.pages and hold(list(inner.pages.values())):
            yield inner


def _among_pages(
    outer: Sheaf, lists: Sequence[Sheaf], texts: Texts
) -> Iterator[tuple[tuple, list[Entry]]]:
    """Files that hold what the pages in their folder hold, or those of its METS file.

    Args:
        outer: the folder.
        lists: what METS files in the folder list.
        texts: to compare by.
    """
    by_format: dict[str | None, list[tuple]] = defaultdict(list)
    for page, entry in outer.pages.items():
        by_format[entry.kind.format].append(page)
    # A document has fewer files in one piece than pages; else formats decide.
    order = sorted(by_format, key=lambda each: (len(by_format[each]), -richness(each)))
    known = outer.listed.pages if outer.listed else {}
    for at, format in enumerate(order):
        others = [
            *(
                [outer.pages[page] for page in by_format[each]]
                for each in order[at + 1 :]
            ),
            *(list(each.pages.values()) for each in lists if each is not outer),
        ]
        for page in by_format[format] if len(by_format[format]) <= FEW else ():
            entry = outer.pages[page]
            hold = texts.holder([entry])
            for pieces in others if page not in known else ():
                if hold(pieces) and not _is_longer(entry, pieces, texts):
                    yield page, pieces
                    break


def _is_longer(entry: Entry, pieces: Sequence[Entry], texts: Texts) -> bool:
    """Whether a file has far more text than the pages that it holds."""
    most = MOST_TIMES * texts.amount(pieces) * len(pieces)
    return len(texts.running(entry)) > most


def _are_lines(pieces: Sequence[Entry], texts: Texts) -> bool:
    """Whether files are lines of a page rather than pages."""
    plain = all(piece.kind.format == "plain" for piece in pieces)
    return plain and texts.amount(pieces) <= LONGEST_LINE


def _is_plain(each: Sheaf) -> bool:
    return all(entry.kind.format == "plain" for entry in each.pages.values())


def _richness(each: Sheaf) -> int:
    return richness(next(iter(each.pages.values())).kind.format)


def _leave_out(each: Sheaf, twin: Entry, aside: Callable[[Entry, Entry], None]) -> None:
    for entry in each.pages.values():
        aside(entry, twin)
    each.pages.clear()
