"""Length-sorted batches, each distinct text once: shared by embedder and reranker."""

from __future__ import annotations

import logging
import time
from collections.abc import Hashable, Iterable, Iterator, Sequence
from typing import TypeVar

Item = TypeVar("Item", bound=Hashable)

log = logging.getLogger("arkiv.batches")

SECONDS_BETWEEN_REPORTS = 30
TOKENISED_AT_ONCE = 4096


def distinct(items: Iterable[Item]) -> tuple[list[Item], list[int]]:
    """The distinct items in order of appearance, and each item's place among them."""
    places: dict[Item, int] = {}
    inverse = [places.setdefault(item, len(places)) for item in items]
    return list(places), inverse


def by_length(lengths: Sequence[int], size: int) -> Iterator[list[int]]:
    """Batches of at most `size` indices, longest first, so that padding is small.

    Longest first: a batch that does not fit into memory fails at once.
    """
    order = sorted(range(len(lengths)), key=lambda i: (-lengths[i], i))
    for start in range(0, len(order), size):
        yield order[start : start + size]


def reported(
    batches: Iterable[list[int]], total: int, what: str
) -> Iterator[list[int]]:
    """Pass batches on; log how many of `total` are done every half minute."""
    started = last = time.monotonic()
    done = 0
    for batch in batches:
        yield batch
        done += len(batch)
        now = time.monotonic()
        if now - last >= SECONDS_BETWEEN_REPORTS or done == total:
            last = now
            rate = done / max(now - started, 1e-9)
            log.info("%d of %d %s, %.1f a second", done, total, what, rate)
