"""Which files hold the same page: in another format, at another stage, once more.

Names only raise the question; texts answer it. Two files are the same page where their
names agree, but for the name of their folder, of a format or of a stage, and most of
their words are the same.
"""

from __future__ import annotations

import re
import sys
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from typing import TypeVar

from arkiv.base.natural import DIGITS
from arkiv.volumes.walk import Entry

T = TypeVar("T")
# What folders and files are called for the form that pages have in them.
FORMS = frozenset(
    "abbyy alto altos altoxml annotation annotations backup bak bin binarised "
    "calamari clean copy corrected crop dewarp escriptorium eval final fulltext "
    "fulltexts ground groundtruth gt hocr htm html htr htrflow img json kopia kraken "
    "layout lines mets normalised normalized ocr ocrd old orig original out output "
    "page pages pagexml plain prediction predictions raw seg segmentation tei "
    "tesseract text texts thumbs transcript transcription transcriptions transcripts "
    "transkribus truth txt txts xml xmls".split()
)
CORRECTED = frozenset("corrected final groundtruth gt truth".split())
# OCR-D's file groups.
STAGE = re.compile(r"ocr[-_ ]d[-_ ]\S+", re.IGNORECASE)
# What a name has behind a full stop: `.chocomufin`.
EXTRA = re.compile(r"(?<=.)(?:\.[a-zA-Z][a-zA-Z-]*)+$")
# Of a page or document: more are pages or volumes of their own.
MOST_FORMS = 30
# Files of a pair of folders whose texts are compared.
SAMPLE = 3
# Words of files that are kept, some 20 MB of them.
MOST_KEPT = 2_000_000
# Shares of words that two readings of a page have in common. Those of two engines have
# more than half, two pages of a book or register up to two in five, of a printed form
# more: of names that say nothing much is asked.
SAME, LIKELY, UNLIKE = 0.8, 0.45, 0.05
# Texts whose numbers of words differ by less are as long.
ABOUT = 0.05
# Of formats with the same text the one comes first that says most of where it stands.
RICHEST = ("page_xml", "alto", "htrflow", "abbyy", "hocr", "tei", "iiif")
# Of three words in a row two texts do not have that share by chance.
HELD = 0.3
# Of a name that no other page has by chance; zeros before a number do not count.
TELLING_DIGITS, TELLING_LETTERS = 5, 2
# Texts of fewer words tell nothing unless they are equal.
TELLING = 8


def is_form(name: str) -> bool:
    """Whether a folder is called for the form of its pages: `page`, `OCR-D-OCR`."""
    words = _words(name)
    named = any(word in FORMS for word in words)
    return bool(STAGE.fullmatch(name)) or (
        named and all(word in FORMS or word.isdecimal() for word in words)
    )


def is_corrected(folder: str) -> bool:
    """Whether a folder is called for texts that people have looked through."""
    return not CORRECTED.isdisjoint(_words(folder.rpartition("/")[2]))


def _words(name: str) -> list[str]:
    """The words of a name; two that are one form, as `ground_truth`, are one."""
    words: list[str] = []
    for word in filter(None, re.split(r"[\W_]+", name.casefold())):
        if words and words[-1] + word in FORMS:
            words[-1] += word
        else:
            words.append(word)
    return words


def key(entry: Entry) -> tuple:
    """What the names of a page's files agree in.

    The folder's own name (`OCR-D-BIN_0001`), words for forms (`0001.alto`) and what
    follows a full stop (`f1.chocomufin`) are left away, zeros before a number too.
    """
    folder = entry.folder.rpartition("/")[2]
    stem = entry.stem
    if folder and stem.casefold().startswith(folder.casefold()):
        stem = stem[len(folder) :] or stem
    return name_key(EXTRA.sub("", stem))


def name_key(name: str) -> tuple[str, ...]:
    """The words and numbers of a name, but for words for forms."""
    words = [word for word in _words(name) if word not in FORMS] or _words(name)
    return tuple(
        part.lstrip("0") or "0" if odd % 2 else part
        for word in words
        for odd, part in enumerate(DIGITS.split(word))
        if part
    )


def is_telling(key: tuple) -> bool:
    """Whether a name is a shelf mark, and neither a running number nor a date.

    Pages that have it in two places are the same, or someone should say that they are
    not.
    """
    digits = sum(len(part) for part in key if part.isdecimal())
    letters = sum(len(part) for part in key if part.isalpha())
    return digits >= TELLING_DIGITS and letters >= TELLING_LETTERS


def variant(entry: Entry) -> tuple[str | None, str]:
    """In which form a file holds its page: its format, and what follows a full stop."""
    extra = EXTRA.search(entry.stem)
    named = [word for word in _words(entry.stem) if word in FORMS]
    return entry.kind.format, " ".join([*named, extra[0] if extra else ""]).strip()


def are_forms(one: tuple[str | None, str], two: tuple[str | None, str]) -> bool:
    """Whether two variants are called for forms of one page, not `Karl` and `Erik`."""
    return not (one[1] and two[1]) or (is_form(one[1]) and is_form(two[1]))


class Texts:
    """Words of page files, kept for a while."""

    def __init__(self, lines_of: Callable[[Entry], Iterable[str]]) -> None:
        """Given how the lines of a file are read; of a broken one there are none."""
        self._lines_of = lines_of
        # The last one that was asked for comes last.
        self._running: dict[Entry, list[str]] = {}
        self._kept = 0

    def running(self, entry: Entry) -> list[str]:
        """The words of a file as they follow, accents and case apart."""
        found = self._running.pop(entry, None)
        if found is None:
            text = unicodedata.normalize("NFKD", " ".join(self._lines_of(entry)))
            letters = re.sub(r"[^\w\s]|_", "", text.casefold().replace("ſ", "s"))
            found = [sys.intern(word) for word in letters.split()]
            self._kept += len(found)
            while self._kept > MOST_KEPT and self._running:
                self._kept -= len(self._running.pop(next(iter(self._running))))
        self._running[entry] = found
        return found

    def words(self, entry: Entry) -> Counter[str]:
        """How often each word stands in a file."""
        return Counter(self.running(entry))

    def holder(self, outer: Iterable[Entry]) -> Callable[[Sequence[Entry]], bool]:
        """Whether files hold, as parts of theirs, the text of some others.

        They are read once, for as many others as there are.
        """
        runs = cache(lambda: self._runs(outer))

        def hold(inner: Sequence[Entry]) -> bool:
            wanted = self._runs(spread(inner))
            return len(wanted) >= TELLING and (
                len(wanted & runs()) >= HELD * len(wanted)
            )

        return hold

    def _runs(self, entries: Iterable[Entry]) -> set[int]:
        """Three words that follow each other, of all files; a number for each."""
        found: set[int] = set()
        for words in map(self.running, entries):
            found.update(map(hash, zip(words, words[1:], words[2:], strict=False)))
        return found

    def amount(self, entries: Sequence[Entry]) -> float:
        """The mean number of words of some of the files."""
        chosen = spread(entries)
        words = sum(len(self.running(entry)) for entry in chosen)
        return words / max(len(chosen), 1)

    def same(self, pairs: Sequence[tuple[Entry, Entry]], *, named: bool) -> bool | None:
        """Whether files hold the same pages; None where that is not clear.

        Args:
            pairs: of files whose names agree.
            named: whether their names say that they are forms of one page.
        """
        # Two transcriptions of a volume in one format are told by their text.
        formats = {each.kind.format for pair in pairs for each in pair}
        equal = not named and len(formats) == 1
        shared, together, least = 0, 0, [0, 0]
        for first, second in spread(pairs):
            if equal and len(self.running(first)) != len(self.running(second)):
                return False
            one, two = self.words(first), self.words(second)
            if equal and one != two:
                return False
            if named and not (one and two):
                # Blank in one form, or broken, it tells nothing.
                continue
            shared += (one & two).total()
            together += (one | two).total()
            least = [least[0] + one.total(), least[1] + two.total()]
        if not all(least):
            return named
        few = together < TELLING
        if shared == together:
            return named or not few
        if not named:
            return shared >= SAME * together and not few
        if shared <= UNLIKE * together:
            return False
        return True if shared >= LIKELY * together and not few else None


def spread(found: Sequence[T], count: int = SAMPLE) -> list[T]:
    """A few of many, from all over."""
    step = max(len(found) // count, 1)
    return list(found[step // 2 :: step][:count])


def preferred(found: Mapping[T, float], tie: Callable[[T], tuple]) -> list[T]:
    """The forms of a page, that with most text first.

    Args:
        found: the words of each.
        tie: what those of about the same number of words are ordered by.
    """
    enough = max(found.values(), default=0) * (1 - ABOUT)
    return sorted(
        found,
        key=lambda each: (
            max(enough - found[each], 0),
            tie(each),
        ),
    )


def richness(format: str | None) -> int:
    """The place of a format among those that hold the same text, the best first."""
    return RICHEST.index(format) if format in RICHEST else len(RICHEST)
