"""What is computed of items, of several kinds in one pass, taken from caches first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from arkiv.encode.cache import Cache


class Kept:
    """The values of distinct items: known, or to be computed and then kept.

    Args:
        caches: of each kind, entered. A kind that has no values here is not asked for:
            it is kept, for whoever does ask, of the items that a pass is needed for.
        keys: of the items.
        values: of each kind that is asked for a column with a row for each item, to be
            filled in.
    """

    def __init__(
        self,
        caches: Mapping[str, Cache],
        keys: Sequence[bytes],
        values: Mapping[str, Any],
    ) -> None:
        self._caches, self._keys, self._values = caches, keys, values
        known = {kind: caches[kind].fill(keys, values[kind]) for kind in values}
        self.missing = sorted(set().union(*known.values()))
        """The rows that a pass is needed for."""
        lacking = {kind: set(known.get(kind, self.missing)) for kind in caches}
        self._lacking = {kind: rows for kind, rows in lacking.items() if rows}

    @property
    def asked(self) -> frozenset[str]:
        """What the pass is to compute."""
        return frozenset(self._lacking)

    def take(self, rows: Sequence[int]) -> bool:
        """Fill in a batch of missing rows; False: the journals have not all of it."""
        found = {}
        for kind, lacking in self._lacking.items():
            own = [row for row in rows if row in lacking]
            keys = [self._keys[row] for row in own]
            values = self._caches[kind].taken(keys) if own else []
            if values is None:
                return False
            found[kind] = own, values
        for kind, (own, values) in found.items():
            self._fill(kind, own, values)
        return True

    def put(self, rows: Sequence[int], computed: Mapping[str, Sequence[Any]]) -> None:
        """Fill in what was computed of a batch, and keep it.

        What is known of an item stays as it is: rounding may differ between passes.
        """
        for kind, lacking in self._lacking.items():
            places = [place for place, row in enumerate(rows) if row in lacking]
            own = [rows[place] for place in places]
            values = [computed[kind][place] for place in places]
            if own:
                self._caches[kind].append([self._keys[row] for row in own], values)
                self._fill(kind, own, values)

    def _fill(self, kind: str, rows: Sequence[int], values: Sequence[Any]) -> None:
        column = self._values.get(kind)
        if column is not None:
            for row, value in zip(rows, values, strict=True):
                column[row] = value
