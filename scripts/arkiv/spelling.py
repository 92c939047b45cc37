"""Queries as they were spelled once or are today, and as a recogniser misreads them.

What changes stands in a table, a YAML file for the archive's language:

    variants:           # of a query, by name
      old:              # rules, applied word by word in this order, case aside
        - replace: {'^kv': qv}      # regular expressions and what stands in their place
          keep: ['^kvantum']        # words in which one of these is found stay
          share: 0.5                # of the queries; 1 unless given
          source: where it is from
    confusions:         # what handwriting is read for
      n: [u, r]
    spaces: 0.1         # share of the errors that drop a space or put one into a word

What becomes of a query depends on the table and on hash(seed, its id) alone.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from arkiv.errors import InputError
from arkiv.files import Record
from arkiv.hashing import rng, uniform
from arkiv.shingles import WORD

NAME = re.compile(r"[a-z][a-z0-9_-]*")
KEYS = ("variants", "confusions", "spaces")
RULE_KEYS = ("replace", "keep", "share", "source")


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
    """

    variants: dict[str, list[Rule]]
    confusions: dict[str, list[str]]
    spaces: float


def respelled(text: str, rules: Sequence[Rule], seed: int, *keys: object) -> str:
    """A text by rules; signs and spaces stay, capitals do where the word has them.

    Args:
        text: the text.
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

    Every reading of the table that the text has room for is as likely as any other;
    errors do not touch each other, so that each costs its own edits. A text that gives
    too little to misread has fewer.

    Args:
        text: the text.
        rate: edits (characters put in, taken out or replaced) a character.
        table: what is read for what.
        seed: of the errors,
        keys: and of whose text it is.
    """
    generator = rng(seed, "noise", *keys, rate)
    left = int(rate * len(text) + generator.random())
    letters, spaces = _readings(text, table.confusions)
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


def edits(one: str, other: str) -> int:
    """Characters to put in, take out or replace to make one text the other."""
    from rapidfuzz.distance import Levenshtein

    return Levenshtein.distance(one, other)


def noise_name(rate: float) -> str:
    """What a share of misread characters is called: `noise 5 %`."""
    return f"noise {100 * rate:g} %"


def variants_of(
    query: Record, table: Table, rates: Sequence[float], seed: int
) -> list[Record]:
    """A query in every spelling, and misread at every rate.

    Args:
        query: with `id` and `query`.
        table: of the language.
        rates: edits a character.
        seed: of all choices.

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
        found[noise_name(rate)] = misread(text, rate, table, seed, key)
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


def read_table(path: str | Path) -> Table:
    """The table of a file.

    Raises:
        InputError: it is missing, not YAML, or says what is no rule.
    """
    import yaml

    try:
        value = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError("no such file", file=path) from None
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        reason = " ".join(str(error).split())
        raise InputError(f"is not a YAML file ({reason})", file=path) from None
    try:
        return _table(value)
    except InputError as fault:
        raise InputError(fault.reason, file=path, key=fault.key) from None


def _table(value: Any) -> Table:
    _check_map(value, None, KEYS)
    variants = value.get("variants", {})
    _check_map(variants, "variants")
    for name, rules in variants.items():
        if not NAME.fullmatch(str(name)):
            raise InputError(
                f"has {name!r}, expected a name of small letters", key="variants"
            )
        if not isinstance(rules, list):
            raise InputError("is no list of rules", key=f"variants.{name}")
    confusions = value.get("confusions", {})
    _check_map(confusions, "confusions")
    for read, others in confusions.items():
        if not (isinstance(read, str) and read and _texts(others)):
            raise InputError(
                "expected letters and a list of what they are read for",
                key=f"confusions.{read}",
            )
        if read in others or "" in others:
            raise InputError(
                "is read for itself or for nothing, expected other letters",
                key=f"confusions.{read}",
            )
    return Table(
        {
            name: [
                _rule(rule, f"variants.{name}[{place}]")
                for place, rule in enumerate(rules)
            ]
            for name, rules in variants.items()
        },
        confusions,
        _share(value.get("spaces", 0), "spaces"),
    )


def _rule(value: Any, key: str) -> Rule:
    _check_map(value, key, RULE_KEYS)
    replace, keep = value.get("replace"), value.get("keep", [])
    _check_map(replace, f"{key}.replace")
    if not all(isinstance(to, str) for to in replace.values()):
        raise InputError("replaces by what is no text", key=f"{key}.replace")
    if not _texts(keep):
        raise InputError("is no list of regular expressions", key=f"{key}.keep")
    pairs = []
    for find, to in replace.items():
        pattern = _pattern(find, f"{key}.replace")
        try:
            # A template that names a group which the pattern lacks.
            re.compile(f"(?:{pattern.pattern})|").sub(to, "")
        except (re.error, IndexError) as error:
            reason = f"replaces by {to!r}, which cannot be ({error})"
            raise InputError(reason, key=f"{key}.replace") from None
        pairs.append((pattern, to))
    for pattern in keep:
        _pattern(pattern, f"{key}.keep")
    return Rule(
        tuple(pairs),
        re.compile("|".join(f"(?:{one})" for one in keep)) if keep else None,
        _share(value.get("share", 1), f"{key}.share"),
    )


def _pattern(text: Any, key: str) -> re.Pattern[str]:
    try:
        return re.compile(text)
    except (re.error, TypeError) as error:
        reason = f"has {text!r}, which is no regular expression ({error})"
        raise InputError(reason, key=key) from None


def _share(value: Any, key: str) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise InputError(f"is {value!r}, expected a number from 0 to 1", key=key)
    if not 0 <= value <= 1:
        raise InputError(f"is {value}, expected a number from 0 to 1", key=key)
    return value


def _texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(one, str) for one in value)


def _check_map(value: Any, key: str | None, known: Sequence[str] = ()) -> None:
    if not isinstance(value, dict):
        raise InputError(
            f"is of type {type(value).__name__}, expected a map", key=key or "table"
        )
    for one in value:
        if known and one not in known:
            raise InputError(
                f"is not a key of the table; known are {', '.join(known)}",
                key=".".join(filter(None, (key, str(one)))),
            )
