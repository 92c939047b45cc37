"""Batches of a bounded number of tokens, longest texts first, and how far they are."""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from typing import TypeVar

Item = TypeVar("Item", bound=Hashable)
Result = TypeVar("Result")

log = logging.getLogger("arkiv.encode.batches")

SECONDS_BETWEEN_REPORTS = 30
# Inputs whose tokens are held at once, some hundred MB of long passages. They are
# sorted by length among themselves: with so many, as good as sorting all.
HELD_AT_ONCE = 1 << 16


def distinct(items: Iterable[Item]) -> tuple[list[Item], list[int]]:
    """The distinct items in order of appearance, and each item's place among them."""
    places: dict[Item, int] = {}
    inverse = [places.setdefault(item, len(places)) for item in items]
    return list(places), inverse


def by_budget(lengths: Sequence[int], budget: int) -> Iterator[list[int]]:
    """Batches of indices with rows x longest <= budget, longest first.

    Padding is small since a batch holds inputs of like length, memory is bounded since
    the padded batch is; and one that does not fit after all fails at once. An input
    longer than the budget is a batch of its own.
    """
    order = sorted(range(len(lengths)), key=lambda i: (-lengths[i], i))
    start = 0
    while start < len(order):
        rows = max(1, budget // max(1, lengths[order[start]]))
        yield order[start : start + rows]
        start += rows


def reported(
    results: Iterable[tuple[list[int], Result]],
    total: int,
    what: str,
    clock: Callable[[], float] = time.monotonic,
) -> Iterator[tuple[list[int], Result]]:
    """Pass results on; show how many of `total` rows are done, and how fast.

    A bar on a terminal; in a log, where a bar would be one endless line, a line every
    half minute and at the end.
    """
    from tqdm import tqdm

    began = last = clock()
    done = 0
    on_terminal = sys.stderr.isatty()
    with tqdm(total=total, desc=what, unit="", disable=not on_terminal) as bar:
        for rows, result in results:
            yield rows, result
            done += len(rows)
            bar.update(len(rows))
            now = clock()
            if not on_terminal and (
                now - last >= SECONDS_BETWEEN_REPORTS or done == total
            ):
                last = now
                rate = done / max(now - began, 1e-9)
                log.info("%d of %d %s, %.1f a second", done, total, what, rate)
