"""Train rows some of whose texts are respelled, or misread.

Rows are altered before they are divided by length, so that a batch has the lengths it
was planned with, the shards can be read, and a run that goes on after a kill reads what
it had read. What becomes of a text depends on the text, on whether it is a query or a
passage, and on the seed alone: on no order, part, process or epoch. A passage is the
same in every row, as positive and as negative, so that noise never tells the two apart.

Ids and the teacher's scores stay those of the text as it was: what is relevant does not
hang on letters, and a teacher that cannot read them should not be heard on it.
"""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

from arkiv.base.errors import InputError
from arkiv.base.files import Record
from arkiv.base.hashing import rng, uniform
from arkiv.text.confusions import read_learnt
from arkiv.text.spelling import Rule, Table, edits, misread, respelled
from arkiv.text.spelling_tables import read_table
from arkiv.train.altering import ALTERABLE, ARCHIVE, Augment

# A way to alter a text, beside the variants of spelling; and what none of them alters.
NOISE, NONE = "noise", "none"
KEY = "train.augment"
# Texts whose alteration is kept, for the passages that stand in many rows.
KEPT = 100_000


@dataclass(frozen=True)
class Ways:
    """How texts may be altered.

    Attributes:
        variants: of spelling, by name.
        table: what is misread for what; None: nothing is.
        rate: edits a character of a text that is misread.
    """

    variants: Mapping[str, Sequence[Rule]]
    table: Table | None
    rate: float

    @property
    def names(self) -> list[str]:
        return [*self.variants, *([NOISE] if self.table else [])]

    def altered(self, text: str, way: str, seed: int, *keys: object) -> str:
        """The text by one of the ways."""
        if way == NOISE:
            return misread(text, self.rate, self.table, seed, *keys)
        return respelled(text, self.variants[way], seed, *keys, way)


def ways_of(augment: Augment, rules: str | Path, confusions: str | None = None) -> Ways:
    """How texts are altered by the settings.

    Args:
        augment: the settings, of which something is altered.
        rules: a table of spelling (`arkiv.text.spelling_tables`).
        confusions: a table learnt from the archive, where noise is to be learnt.

    Raises:
        InputError: a file is missing or no such table, or lacks what is asked for.
    """
    known = read_table(rules)
    for name in augment.spelling:
        if name not in known.variants:
            has = ", ".join(known.variants) or "none"
            reason = f"names {name}, expected variants of {rules}: {has}"
            raise InputError(reason, key=f"{KEY}.spelling")
    variants = {name: known.variants[name] for name in augment.spelling}
    if not augment.noise or (augment.noise == ARCHIVE and confusions is None):
        return Ways(variants, None, 0)
    if augment.noise == ARCHIVE:
        return Ways(variants, *read_learnt(confusions))
    if not known.confusions:
        reason = f"is {augment.noise}, but {rules} has no confusions, which noise needs"
        raise InputError(reason, key=f"{KEY}.noise")
    return Ways(variants, dataclasses.replace(known, variants={}), augment.noise)


@dataclass
class Augmenting:
    """Alters rows, and counts what it does.

    Attributes:
        augment: the settings.
        ways: how texts are altered.
        seed: of every choice.
    """

    augment: Augment
    ways: Ways
    seed: int
    counts: dict[str, Counter[str]] = field(default_factory=dict)
    altered: dict[str, Counter[str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.counts = {texts: Counter() for texts in self.augment.texts}
        self.altered = {texts: Counter() for texts in self.augment.texts}
        self._of = lru_cache(KEPT)(self._drawn)

    def of(self, rows: Iterator[Record]) -> Iterator[Record]:
        """The rows, altered; each tells of its texts what they were, by `altered`."""
        for row in rows:
            told: list[Record] = []
            changed: Record = {}
            for texts in self.augment.texts:
                for key in ALTERABLE[texts]:
                    if key in row:
                        changed[key] = self._each(row[key], texts, key, told)
            yield row | changed | {"altered": told}

    def _each(self, value: Any, texts: str, key: str, told: list[Record]) -> Any:
        if isinstance(value, list):
            return [self._each(one, texts, key, told) for one in value]
        way, new = self._of(texts, value)
        counts = self.counts[texts]
        counts["texts"] += 1
        if way is None:
            return value
        self.altered[texts][way] += 1
        if way != NONE:
            cost = edits(value, new)
            counts["altered"] += 1
            counts["characters"] += len(value)
            counts["edits"] += cost
            told.append({"of": key, "how": way, "edits": cost, "was": value})
        return new

    def _drawn(self, texts: str, text: str) -> tuple[str | None, str]:
        """How a text is altered, None if it is not, and what becomes of it.

        Of the ways, in an order of its own, the first that alters it: what is spelled
        as a variant has it stays as it is by that one.
        """
        keys = ("augment", texts, text)
        if uniform(self.seed, *keys) >= self.augment.share:
            return None, text
        names = self.ways.names
        rng(self.seed, "way", *keys).shuffle(names)
        for way in names:
            new = self.ways.altered(text, way, self.seed, *keys)
            if new != text:
                return way, new
        return NONE, text

    def stats(self) -> dict[str, Any]:
        """What was altered, of queries and of passages as often as rows have them."""
        return {
            "share": self.augment.share,
            "rate": self.ways.rate,
            # As the report has them.
            **{f"{texts}_altered": of["altered"] for texts, of in self.counts.items()},
            **{
                texts: {
                    "texts": counts["texts"],
                    "altered": counts["altered"],
                    "by": {
                        way: self.altered[texts][way]
                        for way in (*self.ways.names, NONE)
                    },
                    "characters": counts["characters"],
                    "edits": counts["edits"],
                }
                for texts, counts in self.counts.items()
            },
        }
