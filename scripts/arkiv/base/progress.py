"""How far a program is, in one form: said in its log, and read from there.

`1200 of 4000 texts encoded, 40.0 a second`; where nobody knows of how many, without
`of 4000`. Who follows a run knows of a job what its log says, wherever the job runs.
"""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TypeVar

Item = TypeVar("Item")

log = logging.getLogger(__name__)

# Until it is said for the first time, and from then on.
SECONDS_AT_FIRST = 3
SECONDS_BETWEEN = 30
SAID = re.compile(
    r"(?:^|: )(?P<done>\d+)(?: of (?P<total>\d+))? (?P<what>[^:]+), "
    r"(?P<rate>\d+(?:\.\d+)?) a second$"
)
# As `arkiv.base.terminal` begins a line.
STAMP = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d")
STAMP_FORMAT = "%Y-%m-%d %H:%M:%S"


@dataclass(frozen=True)
class Standing:
    """How far a program was when it said so."""

    done: int
    total: int | None
    what: str  # is counted, and what else is to be known
    rate: float  # a second
    at: float | None = None  # seconds since the epoch

    def left(self, now: float) -> float | None:
        """Seconds until its end, if it goes on as it did; None: nobody knows."""
        if self.total is None or self.rate <= 0:
            return None
        since = 0.0 if self.at is None else max(0.0, now - self.at)
        return max(0.0, (self.total - self.done) / self.rate - since)

    def __str__(self) -> str:
        of = "" if self.total is None else f" of {self.total:,}"
        return f"{self.done:,}{of} {self.what}"


def standing(line: str) -> Standing | None:
    """What a line of a log says; None: it says nothing of it."""
    if (found := SAID.search(line.rstrip())) is None:
        return None
    at = None
    if stamp := STAMP.match(line):
        at = time.mktime(time.strptime(stamp[0], STAMP_FORMAT))
    total = found["total"]
    return Standing(
        int(found["done"]),
        None if total is None else int(total),
        found["what"],
        float(found["rate"]),
        at,
    )


class Progress:
    """Counts what is done, and says so after a few seconds and every half minute.

    Args:
        total: as much as there is to do; None: nobody knows.
        what: is counted, in the plural.
        clock: seconds.
        said_by: where it is logged.
        before: of it that an earlier try has done.
    """

    def __init__(
        self,
        total: int | None,
        what: str,
        clock: Callable[[], float] = time.monotonic,
        said_by: logging.Logger = log,
        before: int = 0,
    ) -> None:
        self.total, self.what, self.clock, self.log = total, what, clock, said_by
        self.done = self.before = before
        self.began = clock()
        self.due = self.began + SECONDS_AT_FIRST

    def more(self, count: int = 1, beside: str = "") -> None:
        """Count what was done; the last of all is said in any case.

        Args:
            count: of it.
            beside: what else is to be known, without a colon.
        """
        self.done += count
        now = self.clock()
        if now < self.due and self.done != self.total:
            return
        self.due = now + SECONDS_BETWEEN
        rate = (self.done - self.before) / max(now - self.began, 1e-9)
        # Of what is slow the digits count: a step may take a minute.
        shown = f"{rate:.1f}" if rate >= 10 else f"{rate:.4f}"
        of = "" if self.total is None else f" of {self.total}"
        what = f"{self.what}, {beside}" if beside else self.what
        self.log.info("%d%s %s, %s a second", self.done, of, what, shown)


def followed(
    items: Iterable[Item],
    total: int | None,
    what: str,
    size: Callable[[Item], int] = lambda item: 1,
) -> Iterator[Item]:
    """Pass items on, and say how much of `total` they are by now; see `Progress`."""
    progress = Progress(total, what)
    for item in items:
        count = size(item)
        yield item
        progress.more(count)
