"""The settings of dividing pairs.

Read while the Snakefile is parsed: nothing heavy here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from arkiv.base.declared import setting
from arkiv.base.errors import InputError
from arkiv.pairs.periods import overlapping

# By how much the sum of shares may miss 1.
TOLERANCE = 1e-6


@dataclass(frozen=True)
class Shares:
    """Of the pairs on each side."""

    train: float = setting(0.8, "share of the pairs to train on", more_than=0)
    dev: float = setting(0.1, "to watch training with", at_least=0)
    test: float = setting(0.1, "to measure with", more_than=0)


@dataclass(frozen=True)
class RoundTrip:
    """Whether a query leads back to its passage."""

    by: str | None = setting(
        None,
        "drop what does not lead back to its passage by this search; `either`: by none "
        "of the two, `both`: not by both; null: unchecked",
        choices=("bm25", "dense", "either", "both"),
    )
    top: int = setting(20, "among so many first of the passages searched", at_least=1)


@dataclass(frozen=True)
class Pairs:
    """Train, dev and test without leakage."""

    shares: Shares = setting(Shares())
    group_by: str = setting(
        "volume",
        "what stays on one side: all pairs of a volume, of a block of pages or of a "
        "passage; year: volumes of `test_years` are test, all others train",
        choices=("volume", "pages", "passage", "year"),
    )
    test_years: tuple[int | None, int | None] | None = setting(
        None,
        "by year: the first and last year of test, both in it; null: no end, "
        "`[1880, null]`",
        at_least=1,
    )
    dev_years: tuple[int | None, int | None] | None = setting(
        None,
        "likewise of dev; null: dev is drawn from the dated volumes that are not test, "
        "by the shares of dev and train",
        at_least=1,
    )
    block_pages: int = setting(20, "pages per block", at_least=1)
    on_bad_input: str = setting(
        "stop",
        "a bad line of a JSONL file: stop, or set it aside and count it",
        choices=("stop", "skip"),
    )
    round_trip: RoundTrip = setting(RoundTrip())


def check_shares(shares: Mapping[str, float]) -> None:
    """Refuse shares that are none of a whole.

    Raises:
        InputError: with what they add up to.
    """
    given = ", ".join(f"{side} {share:g}" for side, share in shares.items())
    total = sum(shares.values())
    # Neither holds of what is no number.
    if not (abs(total - 1) <= TOLERANCE and min(shares.values()) >= 0):
        raise InputError(
            f"add up to {total:.7g} ({given}), expected 1 of shares from 0 on; give "
            "all three, for one that is left out is that of the defaults",
            key="pairs.shares",
        )


def check_pairs(pairs: Mapping[str, Any]) -> None:
    """Refuse shares that do not add up to 1, and years that are missing, without use,
    or none, or that two sides share.

    Raises:
        InputError: naming the key and what was expected.
    """
    check_shares(pairs["shares"])
    spans = {key: pairs[key] for key in ("test_years", "dev_years") if pairs[key]}
    if pairs["group_by"] == "year" and "test_years" not in spans:
        raise InputError(
            "is null, expected the first and last year of test, such as [1880, null], "
            "as pairs are grouped by year",
            key="pairs.test_years",
        )
    for key, (first, last) in spans.items():
        where = f"pairs.{key}"
        if pairs["group_by"] != "year":
            reason = f"is [{first}, {last}], which needs `pairs.group_by: year`"
            raise InputError(reason, key=where)
        if first is None and last is None:
            raise InputError("has neither a first nor a last year", key=where)
        if None not in (first, last) and last < first:
            raise InputError(f"ends in {last}, before it begins in {first}", key=where)
    if len(spans) == 2 and overlapping(*spans.values()):
        raise InputError("has years that are also test's", key="pairs.dev_years")
