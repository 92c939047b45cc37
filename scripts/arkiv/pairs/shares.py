"""Whether the sides have the shares of the pairs that were asked for; if not, why."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from typing import Any

from arkiv.base.errors import InputError
from arkiv.base.files import Record
from arkiv.pairs.aside import NO_NEGATIVE, nothing_left
from arkiv.pairs.division import SPLITS, Division
from arkiv.pairs.given import SPLIT

log = logging.getLogger(__name__)

# By how much of what was asked for a side may be off before it is said.
ALLOWED = 0.5
# From so many pairs on, of all, what is set aside counts as the reason.
MUCH = 0.1
# What is divided, as groups have it, in words.
UNITS = {"volume": "volume", "pages": "block of pages"}
ALL = "all datasets"


def off(counts: Mapping[str, int], asked: Mapping[str, float]) -> Iterator[Record]:
    """The sides whose pairs are off by more than half of the share asked for.

    A side that was asked for and has no pair is one of them.

    Args:
        counts: how many pairs each side has.
        asked: the share of each side.

    Yields:
        `side`, its `pairs` and those `of` all sides, and the share `asked` for.
    """
    total = sum(counts[side] for side in SPLITS)
    for side in SPLITS:
        share, found = asked[side], counts[side] / max(total, 1)
        if share > 0 and (not found or abs(found - share) > ALLOWED * share + 1e-9):
            yield {
                "side": side,
                "pairs": counts[side],
                "of": total,
                "asked": share,
            }


def percent(share: float) -> str:
    """A share in words."""
    return f"{100 * share:.3g} %"


def came_out(one: Mapping[str, Any]) -> str:
    """What a side has, in words: `3 of 9 pairs, 33.3 %`."""
    if not one["pairs"]:
        return "no pair"
    share = percent(one["pairs"] / one["of"])
    return f"{one['pairs']:,} of {one['of']:,} pairs, {share}"


def why_off(
    side: str,
    asked: Mapping[str, float],
    division: Division,
    pairs: int,
    counts: Mapping[str, int],
    aside: Mapping[str, int],
) -> str:
    """Why a side has another share than was asked for.

    Args:
        side: of the division.
        asked: the share of each side.
        division: that was made.
        pairs: how many there were to divide.
        counts: how many pairs each side has.
        aside: how many pairs were set aside, by reason.
    """
    if division.periods is not None:
        if not counts[side]:
            return f"no pair is of the years of {side}, or none is left"
        return "the years of the volumes decide (`pairs.group_by` is year)"
    if division.by_rows:
        if not counts[side]:
            return f"no pair is given to {side} by `{SPLIT}`, or none is left"
        return f"rows say by `{SPLIT}` on which side they are"
    if (held := division.held_pairs) > asked["test"] * pairs:
        others = "test queries of other datasets (`role: test`) ask of"
        return f"{held:,} of {pairs:,} pairs hang together with what {others}"
    for reason, count in sorted(aside.items(), key=lambda item: -item[1]):
        if count > MUCH * pairs:
            what = "are left out" if reason == NO_NEGATIVE else "are set aside"
            return f"{count:,} of {pairs:,} pairs {what}: {reason}"
    return _by_groups(division, pairs)


def _by_groups(division: Division, pairs: int) -> str:
    """What is divided, and how large it is."""
    unit = UNITS.get(division.by, "passage")
    units = division.units.get(division.by, 0)
    largest = f"the largest with {percent(division.largest / pairs)} of the pairs"
    if units == division.groups:
        return f"{_many(units, unit)} in all, {largest}, and a {unit} is not divided"
    of = f"{_many(units, unit)} in " if units else ""
    return (
        f"{of}{_many(division.groups, 'group')} that hang together by their texts, "
        f"{largest}, and a group is not divided"
    )


def _many(count: int, unit: str) -> str:
    first, *rest = unit.split(" ")
    return f"{count:,} {' '.join([first + 's' * (count != 1), *rest])}"


def compared(
    division: Division,
    asked: Mapping[str, float],
    pairs: int,
    counts: Mapping[str, int],
    aside: Mapping[str, int],
) -> Record:
    """What was asked for, and the sides that are off, with the reason; warns of each.

    Args:
        asked: the share of each side; the others as `why_off` has them.
    """
    found = []
    for one in off(counts, asked):
        why = why_off(one["side"], asked, division, pairs, counts, aside)
        found.append(one | {"why": why})
        log.warning(
            "%s has %s, and `pairs.shares` asks for %s: %s",
            one["side"],
            came_out(one),
            percent(one["asked"]),
            why,
        )
    return {"asked": dict(asked), "off": found}


def rows_of(stats: Mapping[str, Mapping[str, Any]]) -> list[list[str]]:
    """Dataset, side, what was asked for, what came out, and why, of sides that are off.

    Those of all datasets together come first, where there are several.

    Args:
        stats: of split_pairs.py, by dataset.
    """
    rows = []
    known = {name: one for name, one in stats.items() if "shares" in one}
    if len(known) > 1:
        together = {side: sum(one[side] for one in known.values()) for side in SPLITS}
        asked = next(iter(known.values()))["shares"]["asked"]
        rows += [_row(ALL, one, "see each of them") for one in off(together, asked)]
    for name, of in known.items():
        rows += [_row(name, one, one["why"]) for one in of["shares"]["off"]]
    return rows


def _row(name: str, one: Mapping[str, Any], why: str) -> list[str]:
    return [name, one["side"], percent(one["asked"]), came_out(one), why]


HEADER = ["dataset", "side", "asked for", "came out", "why"]
CAPTION = "Sides whose share of the pairs is another than was asked for (pairs.shares)"


def check_left(
    file: str,
    asked: Mapping[str, float],
    counts: Mapping[str, int],
    aside: Mapping[str, int],
    division: Division,
) -> None:
    """Refuse, by an InputError, a side that must have pairs and has none.

    Args:
        file: the first of the input.
        asked: the share of each side.
        counts: how many pairs each side has.
        aside: how many pairs were set aside, by reason.
        division: that was made.
    """
    for side in SPLITS:
        if counts[side]:
            continue
        if side == "train" and aside.get(NO_NEGATIVE):
            raise InputError(
                f"gives no negative for any of the {aside[NO_NEGATIVE]} train pairs; "
                "add them, or give the file as `pairs` to have them mined",
                file=file,
                key="neg",
            )
        if side == "train" and division.by_rows:
            raise InputError("leaves no pair for train", file=file, key=SPLIT)
        by_year = division.periods is not None
        if by_year and side != "train":
            # Of a side that was asked for, `compared` tells.
            named = side == "test" or division.periods.dev
            if named and not asked[side]:
                log.warning("no pair is of the years of %s, or none is left", side)
            continue
        if not division.by_rows and asked[side] > 0:
            raise nothing_left(side, by_year)
