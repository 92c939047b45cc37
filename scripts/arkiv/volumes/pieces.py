"""Text that lies there once more in larger or smaller pieces than pages.

A volume's whole text beside the folder of its pages (`b12.txt`, `b12/`), the lines of a
page in a folder called like it, a folder `txt` whose files are cut otherwise than those
of `xml`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence

from arkiv.volumes.same_pages import Texts, is_form, key, name_key, richness
from arkiv.volumes.sheaves import Sheaf
from arkiv.volumes.walk import Entry

# Pages of a folder that are read to see whether they hold the text of others.
MOST_READ = 500
# Formats of files that may hold a volume.
WHOLE = ("tei", "abbyy", "hocr")
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
    for each in sheaves:
        if each.parts:
            below[each.parts[:-1]].append(each)
    for outer in sheaves:
        within = below[outer.parts]
        for page, entry in list(outer.pages.items()) if within else ():
            inner = _held_by(entry, within, texts)
            if inner is None:
                continue
            pieces = list(inner.pages.values())
            if _are_lines(pieces, texts) or _richness(inner) > richness(
                entry.kind.format
            ):
                _leave_out(inner, entry, aside)
            else:
                aside(outer.pages.pop(page), pieces[0])
    for plain in sheaves:
        if not (plain.pages and plain.parts and _is_plain(plain)):
            continue
        for other in below[plain.parts[:-1]] if is_form(plain.parts[-1]) else ():
            pages = list(other.pages.values())[:MOST_READ]
            if not _is_plain(other) and texts.hold(pages, list(plain.pages.values())):
                _leave_out(plain, pages[0], aside)
                break
    return [each for each in sheaves if each.pages]


def _held_by(entry: Entry, within: Sequence[Sheaf], texts: Texts) -> Sheaf | None:
    """The folder beside a file whose pages the file holds in one piece, or the other
    way round: one of its name; for a file of any number of pages any other too."""
    names = (key(entry), name_key(entry.stem))
    whole = entry.kind.format in WHOLE
    for inner in within:
        if whole or name_key(inner.parts[-1]) in names:
            pieces = list(inner.pages.values())
            if pieces and texts.hold([entry], pieces):
                return inner
    return None


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
