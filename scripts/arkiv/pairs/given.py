"""Sides that rows give themselves, by their `split`.

What is given is followed, also where rows of one volume are given to several sides; but
nothing is trained on that is tested: a text that rows give to several sides is on the
one that is held out most, and its other rows are on none. A row without the field goes
with what it hangs together with, is on no side where that is given to several, and is
divided with the others of its kind where nothing of it is given.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass, field

from arkiv.base.errors import InputError
from arkiv.base.files import Record
from arkiv.pairs.hanging import sets_of

SPLIT = "split"
# What is held out most comes first.
HELD_OUT = ("test", "dev", "train")

# How many pairs hang together, and by which groups and texts.
Set = tuple[int, list[Hashable]]


@dataclass
class Given:
    """What rows give to sides.

    Attributes:
        texts: the side of each text that a row with a side has, by its key.
        several: sides of each text that rows give to more than one, by its key.
        drawn: keys of texts that rows give to train, of which dev was drawn.
    """

    texts: dict[int, str] = field(default_factory=dict)
    several: dict[int, set[str]] = field(default_factory=dict)
    drawn: set[int] = field(default_factory=set)

    @classmethod
    def of(cls, pairs: Iterable[Mapping]) -> Given:
        """Of pairs with `text_keys`, some of them with a side."""
        sides: dict[int, set[str]] = {}
        for pair in pairs:
            if pair.get(SPLIT) is not None:
                for key in pair["text_keys"]:
                    sides.setdefault(key, set()).add(pair[SPLIT])
        return cls(
            {key: min(found, key=HELD_OUT.index) for key, found in sides.items()},
            {key: found for key, found in sides.items() if len(found) > 1},
        )

    def __bool__(self) -> bool:
        return bool(self.texts)

    def among(self, texts: Iterable[int]) -> set[str]:
        """The sides of those texts that have one."""
        return {self.texts[key] for key in texts if key in self.texts}

    def side(self, own: str, texts: Iterable[int]) -> str | None:
        """The side of a row that is given to one: its own, or dev if that was drawn of
        it; None where a text of it is held out more."""
        texts = list(texts)
        found = self.among(texts)
        if found == {"dev"} and self.drawn.issuperset(texts):
            return "dev"
        return own if found == {own} else None

    def draw_dev(
        self, pairs: Iterable[Mapping], shares: Mapping[str, float], seed: int
    ) -> None:
        """Draw dev of the rows that are given to train, passage by passage.

        For rows whose volumes are given to several sides; what shares a text stays
        together, and something is left to train.

        Args:
            pairs: with `pos_ids` and `text_keys`.
            shares: of train and dev.
            seed: of the order in which passages are drawn.
        """
        own = [
            pair
            for pair in pairs
            if pair.get(SPLIT) and self.among(pair["text_keys"]) == {"train"}
        ]
        sets = sets_of(own, lambda _, name: [("passage", name)], lambda _: (), seed)
        lacking = len(own) * shares["dev"] / (shares["dev"] + shares["train"])
        # The smallest first, so that the share is met closely.
        for size, members in sets[:0:-1]:
            if lacking <= 0:
                break
            lacking -= size
            texts = {key for kind, key in members if kind == "text"}
            self.texts.update(dict.fromkeys(texts, "dev"))
            self.drawn |= texts

    def forget(self, members: Iterable[Hashable]) -> None:
        """Leave the texts of a set to the division."""
        for kind, key, *_ in members:
            if kind == "text":
                self.texts.pop(key, None)

    def of_set(self, members: Iterable[Hashable]) -> set[str]:
        """The sides that rows of a set are given to."""
        found: set[str] = set()
        for key in members:
            if key[0] == "text" and key[1] in self.texts:
                found |= self.several.get(key[1], {self.texts[key[1]]})
        return found


def check_side(record: Record) -> None:
    """Refuse, by an InputError, a row that gives itself a side that is none."""
    side = record.get(SPLIT)
    if side is not None and side not in HELD_OUT:
        raise InputError(
            f"is {side!r}, expected train, dev or test: the side that the row is on; "
            "leave it out to have rows divided, or give it another name",
            key=SPLIT,
        )


def by_rows(
    sets: Iterable[Set], given: Given, shares: Mapping[str, float]
) -> tuple[dict[Hashable, str | None], list[Set], dict[str, float], int]:
    """The sides of what is in sets by what their rows give, and what is to be divided.

    What hangs together with no given row is divided among train and the sides that no
    row is given to. If there is no such set and no row is dev's, dev is drawn from what
    is train's.

    Args:
        sets: largest first.
        given: what the rows give; it forgets what dev is drawn from.
        shares: of train, dev and test.

    Returns:
        the side of each member of the others, None for none; the sets that are to be
        divided, and the shares that count for them; how many sets are given to several
        sides.
    """
    sides: dict[Hashable, str | None] = {}
    free: list[Set] = []
    trained: list[Set] = []
    met: set[str] = set()
    parted = 0
    for one in sets:
        found = given.of_set(one[1])
        met |= found
        parted += len(found) > 1
        if not found:
            free.append(one)
        elif found == {"train"}:
            trained.append(one)
        else:
            sides.update(
                dict.fromkeys(one[1], found.pop() if len(found) == 1 else None)
            )
    left = {
        side: share
        for side, share in shares.items()
        if share > 0 and (side == "train" or side not in met)
    }
    if not free and "dev" in left:
        left.pop("test", None)
        free, trained = trained, []
    if len(free) < len(left) and "train" in met:
        # Too few: train has all.
        free, trained = [], [*trained, *free]
    for _, members in free:
        given.forget(members)
    for _, members in trained:
        sides.update(dict.fromkeys(members, "train"))
    return sides, free, left if free else {}, parted
