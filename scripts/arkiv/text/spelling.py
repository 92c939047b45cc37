"""Texts as they were spelled once or are today, and as a recogniser misreads them.

By rules and confusions of letters from a table of the archive's language (see
`arkiv.text.spelling_tables`), or by confusions learnt from the archive itself
(`arkiv.text.confusions`). What becomes of a text depends on the table and on hash(seed,
whose it is) alone.
"""

from __future__ import annotations

import math
import random
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from arkiv.base.files import Record
from arkiv.base.hashing import rng, uniform
from arkiv.text.word import WORD


@dataclass(frozen=True)
class Rule:
    """One habit of spelling.

    Attributes:
        replace: expressions and what stands in their place, one after the other.
        keep: words in which it is found stay as they are; None: none do.
        share: of the queries whose writer has the habit.
    """

    replace: tuple[tuple[re.Pattern[str], str], ...]
    keep: re.Pattern[str] | None
    share: float

    def applied(self, word: str) -> str:
        """The word, in small letters, by this rule."""
        if self.keep is not None and self.keep.search(word):
            return word
        for pattern, to in self.replace:
            word = pattern.sub(to, word)
        return word


@dataclass(frozen=True)
class Table:
    """What a file says of the spelling and the handwriting of a language.

    Attributes:
        variants: rules by the name of the variant, in their order.
        confusions: letters, one or more, and what they are read for.
        spaces: share of the misreadings that are of spaces.
        weights: how likely each confusion is where there is room for it; of none: all
            are as likely.
    """

    variants: dict[str, list[Rule]]
    confusions: dict[str, list[str]]
    spaces: float
    weights: Mapping[tuple[str, str], float] = field(default_factory=dict)


def respelled(text: str, rules: Sequence[Rule], seed: int, *keys: object) -> str:
    """A text by rules; signs and spaces stay, capitals do where the word has them.

    Args:
        rules: in their order.
        seed: of the choice of rules that not everyone follows,
        keys: and of whose text it is: a writer keeps to a habit throughout.
    """
    chosen = [
        rule
        for place, rule in enumerate(rules)
        if rule.share == 1 or uniform(seed, "spelling", *keys, place) < rule.share
    ]

    def word(match: re.Match[str]) -> str:
        given = match[0]
        small = new = given.lower()
        for rule in chosen:
            new = rule.applied(new)
        if new == small:
            return given
        if len(given) > 1 and given.isupper():
            return new.upper()
        return new[:1].upper() + new[1:] if given[:1].isupper() else new

    return WORD.sub(word, text)


def misread(text: str, rate: float, table: Table, seed: int, *keys: object) -> str:
    """A text with recognition errors: so many edits a character, on the average.

    Every reading of the table that the text has room for is as likely as any other, or
    as its weights say; errors do not touch each other, so that each costs its own
    edits. A text that gives too little to misread has fewer.

    Args:
        rate: edits (characters put in, taken out or replaced) a character.
        table: what is read for what.
        seed: of the errors,
        keys: and of whose text it is.
    """
    generator = rng(seed, "noise", *keys, rate)
    left = int(rate * len(text) + generator.random())
    letters, spaces = _readings(text, table.confusions)
    if table.weights:
        letters = _drawn(text, letters, table.weights, generator)
        spaces = spaces if table.spaces else []
    else:
        generator.shuffle(letters)
    generator.shuffle(spaces)
    taken: set[int] = set()
    made: list[tuple[int, int, str]] = []
    while left and (letters or spaces):
        of_spaces = bool(spaces) and generator.random() < table.spaces
        if not of_spaces and not letters:
            of_spaces = True
        start, end, to, cost = (spaces if of_spaces else letters).pop()
        if cost > left or not taken.isdisjoint(range(start - 1, end + 1)):
            continue
        taken.update(range(start, end) if end > start else (start - 1, start))
        made.append((start, end, to))
        left -= cost
    for start, end, to in sorted(made, reverse=True):
        text = text[:start] + to + text[end:]
    return text


Reading = tuple[int, int, str, int]
"""From where to where, what is read there, and how many edits that is."""


def _readings(
    text: str, confusions: Mapping[str, list[str]]
) -> tuple[list[Reading], list[Reading]]:
    """All misreadings of a text: of letters, and of spaces."""
    sizes = sorted(set(map(len, confusions)))
    letters = [
        (start, start + size, to, edits(text[start : start + size], to))
        for start in range(len(text))
        for size in sizes
        for to in confusions.get(text[start : start + size], ())
        if start + size <= len(text)
    ]
    spaces: list[Reading] = []
    for start in range(1, len(text) - 1):
        before, here, after = text[start - 1 : start + 2]
        if here == " " and before.isalnum() and after.isalnum():
            spaces.append((start, start + 1, "", 1))
        elif before.isalpha() and here.isalpha():
            spaces.append((start, start, " ", 1))
    return letters, spaces


def _drawn(
    text: str,
    letters: Sequence[Reading],
    weights: Mapping[tuple[str, str], float],
    generator: random.Random,
) -> list[Reading]:
    """Misreadings drawn one after the other by their weights, the first one last.

    By Efraimidis and Spirakis 2006, "Weighted random sampling with a reservoir".
    """

    def place(reading: Reading) -> float:
        start, end, to, _ = reading
        return math.log(1 - generator.random()) / weights[text[start:end], to]

    return sorted(letters, key=place)


def edits(one: str, other: str) -> int:
    """Characters to put in, take out or replace to make one text the other."""
    from rapidfuzz.distance import Levenshtein

    return Levenshtein.distance(one, other)


def variants_of(
    query: Record, table: Table, rates: Sequence[float], seed: int
) -> list[Record]:
    """A query in every spelling, and misread at every rate.

    Args:
        query: with `id` and `query`.
        rates: edits a character.

    Returns:
        Records with an `id` of their own, `query`, `of` (the id of the original),
        `variant` (its name) and `edits` (characters that differ).
    """
    key, text = query["id"], query["query"]
    found = {
        name: respelled(text, rules, seed, key, name)
        for name, rules in table.variants.items()
    }
    for rate in rates:
        found[f"noise {100 * rate:g}%"] = misread(text, rate, table, seed, key)
    # After the last ~ stands no other, so that no two ids are the same; the number
    # keeps the variants of a query in their order.
    return [
        {
            "id": f"{key}~{place}-{'-'.join(WORD.findall(name))}",
            "query": new,
            "of": key,
            "variant": name,
            "edits": edits(text, new),
        }
        for place, (name, new) in enumerate(found.items())
    ]
