"""What may be said of a difference: stars, words, and where its two tests part ways.

A value is what `arkiv.evaluate.measures.summary` gives of a mean or a difference:
`mean`, the ends `low` and `high` (None: too few queries for an interval), perhaps those
over volumes, and of a difference that was tested `p`, `p_holm` and `at_most`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

Value = Mapping[str, Any]

# Corrected p-values below which a difference has one star more.
STARS = (0.05, 0.01, 0.001)
LEGEND = "* p < 0.05, ** p < 0.01, *** p < 0.001"
SIGNIFICANT = STARS[0]
# Where interval and corrected p-value say different things.
DAGGER = "†"
OUT = "the interval leaves out 0, yet the corrected p is not below 0.05"
IN = "the interval holds 0, yet the corrected p is below 0.05"
# Why they do.
UNCORRECTED = "the interval is not corrected for the number of pairs"
TWO_WAYS = (
    "one comes from queries drawn again, the other from random signs, which do not "
    "always agree near the border"
)

# Where the corrected p-value says what the interval over volumes does not.
DOUBLE_DAGGER = "‡"
WITHIN = (
    "the interval over volumes holds 0, yet the corrected p is below 0.05: p takes "
    "each query for one by itself, so that in other volumes it may be otherwise"
)


def stars(value: Value) -> str:
    """The stars of a difference; none for one that was not tested."""
    return "*" * sum(value.get("p_holm", 1.0) < level for level in STARS)


def probability(value: Value) -> str:
    """The corrected p-value of a difference that was tested, in words.

    As many digits as show on which side of the levels of the stars it lies. What so
    many random signs cannot tell from less is `p ≤ …`, rounded up.
    """
    p = value["p_holm"]
    if value.get("at_most") and p < 1:
        return f"p ≤ {rounded_up(p)}"
    if p < STARS[-1]:
        return f"p < {STARS[-1]:g}"
    digits = next(
        digits
        for digits in range(3, 18)
        if stars({"p_holm": round(p, digits)}) == stars(value)
    )
    return f"p = {p:.{digits}f}"


def rounded_up(p: float) -> str:
    """A number from 0 to 1, rounded up to its first digit that is not 0."""
    places = -math.floor(math.log10(p))
    # What is rounded up to 10 ends in a 0.
    text = f"{math.ceil(round(p * 10**places, 9)) / 10**places:.{places}f}"
    text = text.rstrip("0")
    return text + "0" * text.endswith(".")


def leaves_out_0(value: Value, over: str = "") -> bool | None:
    """Whether 0 lies outside of the interval; None: there is no interval.

    Args:
        over: `volumes_` of the interval over volumes.
    """
    low, high = value.get(f"{over}low"), value.get(f"{over}high")
    return None if low is None else low > 0 or high < 0


def verdict(value: Value) -> str:
    """Whether a difference is `better`, `worse` or `open`.

    By its corrected p-value; by its interval where it was not tested.
    """
    tested = "p_holm" in value
    sure = value["p_holm"] < SIGNIFICANT if tested else leaves_out_0(value)
    if not sure or not value["mean"]:
        return "open"
    return "better" if value["mean"] > 0 else "worse"


def disagreement(value: Value) -> str:
    """That interval and corrected p-value say different things, and why; nothing if
    they do not, or if there are not both."""
    out = leaves_out_0(value)
    if out is None or "p_holm" not in value or out == (value["p_holm"] < SIGNIFICANT):
        return ""
    return f"{OUT if out else IN}: {UNCORRECTED if corrected_away(value) else TWO_WAYS}"


def corrected_away(value: Value) -> bool:
    """Whether p by itself is below the level, and corrected for the pairs is not."""
    return value["p"] < SIGNIFICANT <= value["p_holm"]


def only_within(value: Value) -> bool:
    """Whether p is significant where the interval over volumes holds 0."""
    return value.get("p_holm", 1) < SIGNIFICANT and (
        leaves_out_0(value, "volumes_") is False
    )
