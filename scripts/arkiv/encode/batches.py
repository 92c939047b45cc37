"""Batches of a bounded number of tokens, longest texts first, and how far they are."""

from __future__ import annotations

import logging
import sys
import time
from collections import deque
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from arkiv.base.progress import Progress

Item = TypeVar("Item", bound=Hashable)
Given = TypeVar("Given")
Result = TypeVar("Result")

log = logging.getLogger("arkiv.encode.batches")

# Characters that are tokenised at once while the devices compute what came before: a
# quarter of a second's work, and some batches for a GPU. They are also all that is held
# as tokens, twice over.
CHARACTERS_AT_ONCE = 1 << 20
# More than a token has in most texts.
CHARACTERS_OF_TOKEN = 8


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


def by_characters(items: Sequence[Sequence[str]], longest: int) -> Iterator[list[int]]:
    """Indices of inputs of like length, longest first, to be tokenised together.

    Before tokens are known characters stand for them.

    Args:
        items: the texts of each input.
        longest: tokens to which inputs are cut; of what is beyond none count.
    """
    most = CHARACTERS_OF_TOKEN * longest
    sizes = [min(sum(map(len, item)), most) for item in items]
    block: list[int] = []
    held = 0
    for index in sorted(range(len(items)), key=lambda i: (-sizes[i], i)):
        if block and held + sizes[index] > CHARACTERS_AT_ONCE:
            yield block
            block, held = [], 0
        block.append(index)
        held += sizes[index]
    if block:
        yield block


def ahead(work: Callable[[Given], Result], items: Iterable[Given]) -> Iterator[Result]:
    """The results of work on each item, in order; the next is made in another thread
    while one is used."""
    with ThreadPoolExecutor(1) as thread:
        coming: deque = deque()
        for item in items:
            coming.append(thread.submit(work, item))
            if len(coming) > 1:
                yield coming.popleft().result()
        while coming:
            yield coming.popleft().result()


def reported(
    results: Iterable[tuple[list[int], Result]],
    total: int,
    what: str,
    clock: Callable[[], float] = time.monotonic,
) -> Iterator[tuple[list[int], Result]]:
    """Pass results on; show how many of `total` rows are done, and how fast.

    A bar on a terminal; in a log, where a bar would be one endless line, a line now and
    then, see `arkiv.base.progress`.
    """
    from tqdm import tqdm

    on_terminal = sys.stderr.isatty()
    progress = Progress(total, what, clock, log)
    with tqdm(total=total, desc=what, unit="", disable=not on_terminal) as bar:
        for rows, result in results:
            yield rows, result
            bar.update(len(rows))
            if not on_terminal:
                progress.more(len(rows))
