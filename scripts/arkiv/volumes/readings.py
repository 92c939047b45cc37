"""What an archive tells of how its letters are misread.

Pages that it holds in two transcriptions, of which one is read, and readings that files
give of a line, word or letter beside the one that counts.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Hashable, Iterable
from typing import Any, TypeVar

from arkiv.base.errors import InputError
from arkiv.base.hashing import uniform
from arkiv.pages.reading import read_alternatives
from arkiv.text.confusions import Confusions
from arkiv.volumes.files import Files
from arkiv.volumes.finding import Found, root_of
from arkiv.volumes.member import content, shown
from arkiv.volumes.same_pages import is_corrected
from arkiv.volumes.walk import Entry

log = logging.getLogger(__name__)

# Pages that are looked at: more change no share.
MOST_PAGES = 2000
T = TypeVar("T")


def confusions_in(
    found: Found, archive: str, *, encoding: str | None, seed: int
) -> tuple[Confusions, dict[str, Any]]:
    """What is read for what in an archive, and of how many pages that is known.

    Args:
        found: what is in it.
        archive: its directory, or a zip or tar file.
        encoding: of texts that are not UTF-8.
        seed: of the choice of pages, where there are many.
    """
    counted = Confusions()
    told = dict.fromkeys(("transcribed_twice", "alike", "corrected"), 0)
    told |= {"alternatives": 0, "pages_with_alternatives": 0}
    with Files(root_of(archive), encoding) as files:
        some = _drawn(found.doubles, seed, lambda two: tuple(one.shown for one in two))
        for text, other, known in map(_by_truth, some):
            texts = [" ".join(files.lines(one)) for one in (text, other)]
            if texts[0].split() == texts[1].split():
                # The same transcription in another format.
                told["alike"] += 1
                continue
            told["transcribed_twice"] += 1
            told["corrected"] += known
            counted.add(*texts, known=known, whole=True)
        pages = [
            (volume.container, path)
            for volume in found.volumes
            if volume.rows is None
            for path, _ in volume.pages
        ]
        for container, path in _drawn(pages, seed, lambda page: page):
            pairs = _alternatives(files, container, path)
            told["alternatives"] += len(pairs)
            told["pages_with_alternatives"] += bool(pairs)
            for text, other in pairs:
                counted.add(text, other, known=False, whole=False)
    return counted, told


def _drawn(
    found: Iterable[T], seed: int, named: Callable[[T], tuple[Hashable, ...]]
) -> list[T]:
    """So many of them as are looked at, in their order."""
    every = list(found)
    if len(every) <= MOST_PAGES:
        return every
    keys = [uniform(seed, "confusions", *named(one)) for one in every]
    most = sorted(keys)[MOST_PAGES]
    return [one for one, key in zip(every, keys, strict=True) if key < most]


def _by_truth(pair: tuple[Entry, Entry]) -> tuple[Entry, Entry, bool]:
    """Two files of a page, what people have corrected first, and whether one is so."""
    right = [is_corrected(one.folder) or is_corrected(one.stem) for one in pair]
    text, other = pair if right[0] >= right[1] else pair[::-1]
    return text, other, right[0] != right[1]


def _alternatives(
    files: Files, container: str | None, path: str
) -> list[tuple[str, str]]:
    try:
        data = content(files.source(container).member(path))
    except InputError as error:
        log.warning("%s", error.at(shown(path)))
        return []
    return read_alternatives(shown(path.rpartition("/")[2]), data)
