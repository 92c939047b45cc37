"""Why pairs are set aside when they are divided, and what is said of it."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any

from arkiv.base.errors import InputError
from arkiv.base.files import Record
from arkiv.pairs.division import Division, text_keys
from arkiv.pairs.given import SPLIT
from arkiv.pairs.periods import BETWEEN

log = logging.getLogger(__name__)

# A pair is on no side, or of no use there.
OF_PAGES = "its pages lie on more than one side of the split"
OF_YEARS = "the years of its volume lie on more than one side of the split"
OF_TEXTS = "a text of it, or another passage, is of years on another side of the split"
OF_SPLIT = "a text of it is of a pair whose `split` is held out more"
OF_SEVERAL = "what it hangs together with is given to more than one side by `split`"
OF_OTHERS = "a text of it is of a test query of another dataset (`role: test`)"
NO_NEGATIVE = "no negative is given for it, and it would be trained on"


def why_aside(division: Division, rows: Sequence[Record]) -> str:
    """Why a pair that was made of these rows is on no side."""
    if any(division.held.among(text_keys(row)) for row in rows):
        return OF_OTHERS
    if division.periods is not None:
        of_years = any(BETWEEN in division.periods_of(row) for row in rows)
        return OF_YEARS if of_years else OF_TEXTS
    for row in rows:
        if row.get(SPLIT) is not None and division.given.among(text_keys(row)):
            return OF_SPLIT
        # A text that is on no side is of a group that is given to several.
        if None in (division.sides.get(("text", key), "") for key in text_keys(row)):
            return OF_SEVERAL
    return OF_PAGES


def tell(
    stats: Mapping[str, Any],
    aside: Mapping[str, int],
    without: tuple[str, int] | None,
) -> None:
    """Say what was left out, and what rows give to several sides.

    Args:
        stats: of the division.
        aside: how many pairs were set aside, by reason.
        without: file and line of the first row without a negative.
    """
    if count := stats["positives_as_negatives"]:
        log.warning(
            "%d given negatives are positives of their query and are left out", count
        )
    if count := aside.get(NO_NEGATIVE):
        first = (
            f", the first of them {without[0]}, line {without[1]}" if without else ""
        )
        log.warning("%d train pairs have no negative and are left out%s", count, first)
    if count := aside.get(OF_SPLIT):
        log.warning(
            "%d pairs share a text with one whose `split` is held out more, and are "
            "left out: nothing is trained on that is tested",
            count,
        )
    if count := stats["groups_given_to_several_sides"]:
        log.warning(
            "%d group(s) (volumes, blocks of pages, or texts) are given to more than "
            "one side by `split`, which is followed",
            count,
        )


def nothing_left(split: str, by_year: bool) -> InputError:
    """What is said where all pairs of a side were set aside."""
    if by_year:
        return InputError(
            f"leaves no pair for {split}: the texts of all are of held-out years too",
            key="pairs.test_years",
        )
    return InputError(
        f"no pair is left for {split}: all its documents run over the end of "
        "their block of pages; use a larger block",
        key="pairs.block_pages",
    )
