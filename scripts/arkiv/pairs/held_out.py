"""Pairs of other datasets that are all test queries, and what they hold out.

What they ask of is treated as what a dataset's own test pairs ask of: the group that
such a passage lies in (its volume, block of pages or passage) is test's, with all that
hangs together with it, and no text of theirs is trained on. Where rows give themselves
sides, or years decide, that is followed for the groups, and the texts alone are held
out.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Set
from dataclasses import dataclass, field

from arkiv.base.files import Record

# How many pairs hang together, and by which groups and texts.
Together = tuple[int, list[Hashable]]


@dataclass(frozen=True)
class HeldOut:
    """What the test queries of other datasets hold out of a dataset.

    Attributes:
        pairs: rows with `pos_ids`, `text_keys` and any provenance.
        texts: keys of their queries and passages.
    """

    pairs: list[Record] = field(default_factory=list)
    texts: Set[int] = frozenset()

    @classmethod
    def of(cls, pairs: Iterable[Record]) -> HeldOut:
        """Of rows as `arkiv.pairs.division.divide` takes them."""
        pairs = list(pairs)
        return cls(pairs, {key for pair in pairs for key in pair["text_keys"]})

    def __bool__(self) -> bool:
        return bool(self.pairs)

    def among(self, texts: Iterable[int]) -> bool:
        """Whether one of these texts is held out."""
        return not self.texts.isdisjoint(texts)

    def parted(
        self, sets: Iterable[Together]
    ) -> tuple[dict[Hashable, str], list[Together], int]:
        """What hangs together with a text that is held out, and the rest.

        Returns:
            the side of each member of the former, the sets without one, and how many
            pairs the former have.
        """
        sides: dict[Hashable, str] = {}
        free: list[Together] = []
        count = 0
        for size, members in sets:
            if self.among(key for kind, key, *_ in members if kind == "text"):
                sides.update(dict.fromkeys(members, "test"))
                count += size
            else:
                free.append((size, members))
        return sides, free, count


def left_to_draw(
    shares: Mapping[str, float], free: Iterable[Together], held: int
) -> dict[str, float]:
    """How many pairs each side is to draw, of some that have test pairs already.

    Args:
        shares: of all pairs.
        free: what is to be divided.
        held: how many pairs are test's already.
    """
    total = sum(size for size, _ in free) + held
    whole = sum(shares.values())
    wanted = {side: total * share / whole for side, share in shares.items()}
    wanted["test"] = max(0.0, wanted.get("test", 0.0) - held)
    return wanted
