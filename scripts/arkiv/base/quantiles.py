"""Quantiles of what is counted, by their share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

SHARES = (0, 0.25, 0.5, 0.75, 0.95, 1)

Number = TypeVar("Number", int, float)


def quantiles(
    values: Sequence[Number], shares: Sequence[float] = SHARES
) -> dict[str, Number]:
    """The lower quantiles of a list, each one of its values; none of an empty one."""
    ordered = sorted(values)
    return {
        f"{share:g}": ordered[int(share * (len(ordered) - 1))]
        for share in (shares if ordered else ())
    }
