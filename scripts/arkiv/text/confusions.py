"""What letters are read for, counted where two readings of the same text differ.

Two transcriptions are aligned word by word, and what differs between words that agree
letter by letter, both with the fewest edits (Levenshtein). What cannot be aligned, such
as a line that only one of them has, is left out. A letter that one of them lacks is
counted with the one before it, so that nothing is read for nothing: `ab` for `a`.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from arkiv.base.errors import InputError
from arkiv.base.files import read_object
from arkiv.text.spelling import Table

# Letters that are read for others at a time; more is another word.
MOST_LETTERS = 3
# Words between two that agree, and the share of their letters that must be the same.
MOST_WORDS, ALIKE = 30, 0.6
# Words of a text that are aligned. A page has fewer.
MOST_ALIGNED = 20_000
# A confusion that was met less often tells nothing, and all together are to be so many.
FEWEST, FEWEST_IN_ALL = 3, 100
# Right readings that each letter is taken to have had besides: what was met three times
# of a letter that stands four times is no confusion of three in four.
RIGHT_BESIDES = 20
# Edits a character: of transcriptions that are nearly alike, or hardly, and where the
# archive does not say how often letters are misread.
LEAST, MOST, UNKNOWN = 0.01, 0.3, 0.1
KIND = "table of confusions"


@dataclass
class Confusions:
    """What was counted; to be added up.

    Attributes:
        letters: how often each run of up to three letters stood in aligned words.
        read: how often each was read for each other.
        spaces: how often a space was put in or left out.
        differing: how often something was read for something else, spaces included.
        edits, characters: between two transcriptions, which say how often.
    """

    letters: Counter[str] = field(default_factory=Counter)
    read: Counter[tuple[str, str]] = field(default_factory=Counter)
    spaces: int = 0
    differing: int = 0
    edits: int = 0
    characters: int = 0

    def add(self, text: str, other: str, *, known: bool, whole: bool) -> None:
        """Count how two readings differ.

        Args:
            text: what is right, or as likely as the other.
            other: what was read.
            known: whether the first is right; else each is read for the other.
            whole: whether both are whole transcriptions, not chosen where they differ.
        """
        for one, two in _aligned(text.split(), other.split()):
            differences = [] if one == two else list(_differences(one, two))
            self.differing += len(differences)
            for a, b in differences:
                if " " in a + b:
                    self.spaces += a.replace(" ", "") == b.replace(" ", "")
                elif a and b and max(len(a), len(b)) <= MOST_LETTERS:
                    self.read[a, b] += 1
                    if not known:
                        self.read[b, a] += 1
            self.letters.update(_runs(one))
            if not known:
                self.letters.update(_runs(two))
            if whole:
                from rapidfuzz.distance import Levenshtein

                self.edits += Levenshtein.distance(one, two)
                self.characters += len(one) + 1  # with the space behind

    def record(self) -> dict[str, Any]:
        """As it is written, in an order of its own."""
        met = {run for pair in self.read for run in pair}
        return {
            "differing": self.differing,
            "spaces": self.spaces,
            "edits": self.edits,
            "characters": self.characters,
            "letters": {run: self.letters[run] for run in sorted(met)},
            "read": [[*pair, self.read[pair]] for pair in sorted(self.read)],
        }

    @classmethod
    def of(cls, records: Iterable[Mapping[str, Any]]) -> Confusions:
        """What several records count together."""
        whole = cls()
        for one in records:
            for key in ("differing", "spaces", "edits", "characters"):
                setattr(whole, key, getattr(whole, key) + one[key])
            whole.letters.update(one["letters"])
            whole.read.update({(a, b): times for a, b, times in one["read"]})
        return whole

    def table(self) -> dict[str, Any]:
        """What letters are read for, and how likely, as `read_learnt` takes it.

        Raises:
            InputError: too little was met.
        """
        kept = {pair: n for pair, n in self.read.items() if n >= FEWEST}
        # What two readings are read for each other is met once.
        met = sum(n for (a, b), n in kept.items() if (b, a) not in kept or a < b)
        if met < FEWEST_IN_ALL:
            raise InputError(
                f"meets {met} confusions of letters that come {FEWEST} times or more, "
                f"expected {FEWEST_IN_ALL} at least",
            )
        rate = UNKNOWN
        if self.characters:
            rate = min(max(self.edits / self.characters, LEAST), MOST)
        found: dict[str, dict[str, Any]] = {}
        for (a, b), n in sorted(kept.items(), key=lambda one: (-one[1], one[0])):
            weight = n / (self.letters[a] + RIGHT_BESIDES)
            # Not to so many decimals: of a letter met often enough that would be 0.
            weight = float(f"{weight:.6g}")
            of = {"times": n, "of": self.letters[a], "weight": weight}
            found.setdefault(a, {})[b] = of
        return {
            "rate": round(rate, 6),
            "measured_rate": bool(self.characters),
            "edits": self.edits,
            "characters": self.characters,
            "differing": self.differing,
            "spaces": round(self.spaces / self.differing, 6),
            "left_out": len(self.read) - len(kept),
            "confusions": found,
        }


def read_learnt(path: str) -> tuple[Table, float]:
    """The table that a file has, with weights, and the rate of edits a character.

    Raises:
        InputError: it is missing, or not what `Confusions.table` makes.
    """
    given = read_object(path, KIND)
    try:
        weights = {
            (a, b): float(of["weight"])
            for a, others in given["confusions"].items()
            for b, of in others.items()
        }
        confusions = {a: list(others) for a, others in given["confusions"].items()}
        spaces, rate = float(given["spaces"]), float(given["rate"])
    except (KeyError, TypeError, ValueError, AttributeError):
        raise InputError(f"is no {KIND}", file=path) from None
    return Table({}, confusions, spaces, weights), rate


def _runs(text: str) -> Iterator[str]:
    """Every run of up to three letters, within words."""
    for word in text.split():
        for size in range(1, MOST_LETTERS + 1):
            for start in range(len(word) - size + 1):
                yield word[start : start + size]


def _aligned(words: list[str], others: list[str]) -> Iterator[tuple[str, str]]:
    """Words that stand for each other: those that agree, and what is between them."""
    from rapidfuzz.distance import Indel

    if not (0 < len(words) <= MOST_ALIGNED and 0 < len(others) <= MOST_ALIGNED):
        return
    start, against = 0, 0
    for same in Indel.opcodes(words, others):
        if same.tag != "equal":
            continue
        yield from _between(
            words[start : same.src_start], others[against : same.dest_start]
        )
        for word in words[same.src_start : same.src_end]:
            yield word, word
        start, against = same.src_end, same.dest_end
    yield from _between(words[start:], others[against:])


def _between(words: list[str], others: list[str]) -> Iterator[tuple[str, str]]:
    """What stands between words that agree, if it is the same, misread."""
    from rapidfuzz.distance import Levenshtein

    if not (0 < len(words) <= MOST_WORDS and 0 < len(others) <= MOST_WORDS):
        return
    one, two = " ".join(words), " ".join(others)
    if Levenshtein.normalized_similarity(one, two) >= ALIKE:
        yield one, two


def _differences(one: str, two: str) -> Iterator[tuple[str, str]]:
    """What is read for what; a letter that one lacks comes with one beside it."""
    from rapidfuzz.distance import Levenshtein

    ops = Levenshtein.opcodes(one, two).as_list()
    # Where letters agree; between them they differ.
    same = [(0, 0, 0, 0), *(op[1:] for op in ops if op[0] == "equal")]
    same.append((len(one), len(one), len(two), len(two)))
    for (_, i, _, j), (end, _, other, _) in itertools.pairwise(same):
        a, b = one[i:end], two[j:other]
        if (a and b) or " " in a + b:
            yield a, b
        elif (a or b) and i and one[i - 1] != " ":
            yield one[i - 1] + a, two[j - 1] + b
        elif (a or b) and end < len(one):
            yield a + one[end], b + two[other]
