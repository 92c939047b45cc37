"""A run's passages held in memory: by what they are told apart, and how they follow."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from arkiv.base.files import Record
from arkiv.base.natural import natural
from arkiv.serve.filters import ANY, Facets, Filters, years_of

# Volumes of which the order of their passages is kept.
ORDERS_KEPT = 64
# Passages on either side of one that are shown of its pages: a long one has many.
MOST_AROUND = 12


class Held:
    """Passages by row, filtered and in the order of their volumes.

    Args:
        passages: in the order of their ids.
    """

    def __init__(self, passages: Sequence[Record]) -> None:
        self.passages = passages
        self.facets = Facets.of(passages)
        self._row_of = {row["id"]: number for number, row in enumerate(passages)}
        self._rows_of: dict[str, np.ndarray] = self._by_volume()
        self.volumes = list(self._rows_of)
        self._datasets = self._codes("dataset", self.facets.datasets)
        self._types = self._codes("type", self.facets.types)
        # Who has no years has none of any span.
        spans = [years_of(row) or (0, -1) for row in passages]
        self._first, self._last = np.array(spans, np.int32).reshape(-1, 2).T
        sure = [row.get("confidence") for row in passages]
        self._sure = np.array([-1 if one is None else one for one in sure], np.float32)
        self._ordered = lru_cache(ORDERS_KEPT)(self._order)

    def _by_volume(self) -> dict[str, np.ndarray]:
        rows: dict[str, list[int]] = {}
        for number, passage in enumerate(self.passages):
            if passage.get("volume") is not None:
                rows.setdefault(str(passage["volume"]), []).append(number)
        return {volume: np.array(rows[volume]) for volume in sorted(rows)}

    def _codes(self, key: str, names: Sequence[str]) -> np.ndarray:
        """(n,) int32: the place of each passage's name among all, or -1."""
        place = {name: number for number, name in enumerate(names)}
        found = (place.get(row.get(key), -1) for row in self.passages)
        return np.fromiter(found, np.int32, len(self.passages))

    @property
    def ids(self) -> Collection[str]:
        """The ids of all passages."""
        return self._row_of.keys()

    def passage(self, passage_id: str) -> Record | None:
        """The passage of an id, if there is one."""
        row = self._row_of.get(passage_id)
        return None if row is None else self.passages[row]

    def rows(self, filters: Filters, volumes: Iterable[str]) -> np.ndarray | None:
        """The rows that filters leave, ascending; None: all.

        Args:
            filters: by which.
            volumes: the names that `filters.volume` stands for.
        """
        if filters == ANY:
            return None
        asked = np.ones(len(self.passages), bool)
        if filters.volume is not None:
            asked[:] = False
            asked[np.concatenate([self._rows_of[name] for name in volumes])] = True
        if filters.dataset is not None:
            asked &= self._datasets == self.facets.datasets.index(filters.dataset)
        if filters.type is not None:
            asked &= self._types == self.facets.types.index(filters.type)
        if filters.years is not None:
            first, last = filters.years
            asked &= (self._first <= last) & (self._last >= first)
        if filters.confidence is not None:
            asked &= self._sure >= np.float32(filters.confidence)
        return np.flatnonzero(asked)

    def _order(self, dataset: str | None, volume: str) -> list[Record]:
        """The passages of a volume as they stand in it."""
        rows = self._rows_of.get(volume, np.zeros(0, int)).tolist()
        found = [self.passages[row] for row in rows]
        return sorted(
            (row for row in found if row.get("dataset") == dataset), key=reading_order
        )

    def around(self, passage: Record) -> Around:
        """What stands about a passage in its volume."""
        if passage.get("volume") is None:
            return Around(None, None, [passage])
        volume = self._ordered(passage.get("dataset"), str(passage["volume"]))
        place = next(n for n, row in enumerate(volume) if row["id"] == passage["id"])
        return around(volume, place)


@dataclass(frozen=True)
class Around:
    """What stands about a passage in its volume.

    Attributes:
        previous: the passage before it, if any.
        next: likewise after it.
        page: the passages of its pages, itself among them, in order; of a long one
            those next to it.
    """

    previous: Record | None
    next: Record | None
    page: Sequence[Record]


def around(volume: Sequence[Record], place: int) -> Around:
    """What stands about the passage in a place of a volume's passages in order."""
    passage, count = volume[place], len(volume)
    begin, end = place, place + 1
    while place - begin < MOST_AROUND and begin and meets(volume[begin - 1], passage):
        begin -= 1
    while end - place <= MOST_AROUND and end < count and meets(volume[end], passage):
        end += 1
    return Around(
        volume[place - 1] if place else None,
        volume[place + 1] if place + 1 < count else None,
        volume[begin:end],
    )


def reading_order(passage: Record) -> tuple:
    """What the passages of a volume are sorted by."""
    page, line = passage.get("first_page"), passage.get("first_line")
    return (
        page is None,
        page or 0,
        natural(str(passage.get("first_label") or "")) if page is None else (),
        line or 0,
        passage["id"],
    )


def meets(one: Record, other: Record) -> bool:
    """Whether two passages of a volume have a page in common."""
    ends = [row.get(key) for row in (one, other) for key in ("first_page", "last_page")]
    if None in ends:
        label = one.get("first_label")
        return label is not None and label == other.get("first_label")
    return ends[0] <= ends[3] and ends[2] <= ends[1]
