"""A division by time: which years are held out, and what a volume's years are then."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass

from arkiv.base.errors import InputError

# The first and last year, both within; None: from the first, or to the last, there is.
Span = tuple[int | None, int | None]

TEST, DEV, REST = "test", "dev", "rest"
# Without a year; with years of more than one of the above.
UNDATED, BETWEEN = "undated", "between"
PERIODS = (TEST, DEV, REST, UNDATED, BETWEEN)
# The side of each; of the rest dev may be drawn.
SIDES = {TEST: "test", DEV: "dev", REST: "train", UNDATED: "train", BETWEEN: None}

# How many pairs hang together, and by which groups and texts.
Set = tuple[int, list[Hashable]]


@dataclass(frozen=True)
class Periods:
    """The years that are held out.

    Attributes:
        test: those of test.
        dev: those of dev; None: dev is drawn from the rest.
    """

    test: Span
    dev: Span | None = None

    def of(self, record: Mapping) -> str:
        """The period of a document or pair, by the `year` and `year_to` of its volume.

        One whose years begin in one period and end in another is in none of them.
        """
        first = record.get("year")
        last = record.get("year_to") if first is not None else None
        if first is None:
            return UNDATED
        last = first if last is None else last
        for name, span in ((TEST, self.test), (DEV, self.dev)):
            if span is not None and _overlap(span, first, last):
                return name if _within(span, first, last) else BETWEEN
        return REST


def periods_of_groups(
    found: Iterable[tuple[Hashable, str]],
) -> dict[Hashable, str]:
    """The period of each group of which a pair has a year, and in which its pairs
    without one are: where their years are of several periods, they are in none."""
    periods: dict[Hashable, str] = {}
    for group, period in found:
        if period != UNDATED:
            known = periods.setdefault(group, period)
            periods[group] = period if period == known else BETWEEN
    return periods


def joined_with(period: str) -> str:
    """The period whose groups hang together with those of this one by texts."""
    return REST if period == UNDATED else period


def by_years(
    sets: Iterable[Set], periods: Periods, drawn: bool
) -> tuple[dict[Hashable, str | None], list[Set]]:
    """The sides of what is in sets, by their periods, and the sets without a side yet.

    Args:
        sets: whose groups begin with `years` and their period.
        periods: the years that are held out.
        drawn: whether dated sets of the rest are left, to draw dev from. Without a
            year a set is train's, with all that hangs together with it.

    Raises:
        InputError: no pair is train's.
    """
    sides: dict[Hashable, str | None] = {}
    free: list[Set] = []
    counts: Counter[str] = Counter()
    for size, members in sets:
        found = {group[1] for group in members if group[0] == "years"}
        period = UNDATED if UNDATED in found else found.pop()
        counts[period] += size
        if drawn and period == REST:
            free.append((size, members))
        else:
            sides.update(dict.fromkeys(members, SIDES[period]))
    if not counts[REST] + counts[UNDATED]:
        counted = ", ".join(f"{name} {counts[name]}" for name in PERIODS)
        raise InputError(
            f"leaves no pair for train (pairs by their years: {counted})",
            key="pairs.test_years",
        )
    if len(free) < 2:
        # A single one is train's.
        for _, members in free:
            sides.update(dict.fromkeys(members, SIDES[REST]))
        free = []
    return sides, free


def overlapping(one: Span, other: Span) -> bool:
    """Whether a year is of both."""
    first, last = one
    return _overlap(
        other,
        float("-inf") if first is None else first,
        float("inf") if last is None else last,
    )


def _overlap(span: Span, first: float, last: float) -> bool:
    begins_before_end = span[1] is None or first <= span[1]
    return begins_before_end and (span[0] is None or last >= span[0])


def _within(span: Span, first: float, last: float) -> bool:
    begins_within = span[0] is None or first >= span[0]
    return begins_within and (span[1] is None or last <= span[1])
