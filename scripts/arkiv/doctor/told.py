"""What checks found, for a terminal of 80 columns or for machines."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterator, Sequence

from arkiv.base.terminal import visible
from arkiv.doctor.found import FAULT, OK, WARNING, Finding, Told

WIDTH = 80
# Of the status, and of the name behind it.
STATUS, NAME = 9, 16
INDENT = " " * (STATUS + NAME)


def lines(told: Told) -> Iterator[str]:
    """The lines of one check."""
    # A longer name has a line of its own.
    apart = len(told.name) >= NAME
    if apart:
        yield f"{told.status:{STATUS}}{visible(told.name)}"
    begins = INDENT if apart else f"{told.status:{STATUS}}{told.name:{NAME}}"
    yield from _wrapped(told.seen, begins, INDENT)
    if told.do:
        yield from _wrapped(told.do, f"{INDENT}do: ", f"{INDENT}    ")


def _wrapped(text: str, first: str, others: str) -> list[str]:
    return textwrap.wrap(
        visible(text),
        WIDTH,
        initial_indent=first,
        subsequent_indent=others,
        # Paths and commands stay whole, to be copied.
        break_long_words=False,
        break_on_hyphens=False,
    )


def last_line(all_told: Sequence[Finding]) -> str:
    """How many of each there were."""
    counts = [
        f"{count} {word if count == 1 else word + 's'}"
        for status, word in ((FAULT, "fault"), (WARNING, "warning"))
        if (count := sum(one.status == status for one in all_told))
    ]
    well = sum(one.status == OK for one in all_told)
    return f"{', '.join([*counts, f'{well} ok'])}"


def as_json(all_told: Sequence[Told]) -> str:
    """All checks as one object of JSON."""
    checks = [
        {key: getattr(one, key) for key in ("name", "status", "seen", "do")}
        for one in all_told
    ]
    return json.dumps({"checks": checks}, ensure_ascii=False)
