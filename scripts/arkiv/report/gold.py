"""What counts as relevant, how that was found, and whether people agree."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

from arkiv.base.html import Html, decimals, element, number, table
from arkiv.base.page import paragraph, zeros_folded
from arkiv.gold.standard import by_grade
from arkiv.retrieve.trec import Qrels

Stats = Mapping[str, Any]

# The numbers of build_gold.py by their titles, in their order.
NUMBERS = {
    "queries": "test queries",
    "queries_without_relevant": "of them without a relevant passage, not measured",
    "queries_trained_on": "of them train queries too, which flatters a tuned model",
    "pooled": "query–passage pairs pooled",
    "ungraded": "of them without a grade",
    "pairs": "query–passage pairs judged",
    "relevant": "of them relevant",
    "relevant_trained_on": "of these, with a passage of the train pairs",
    "near_duplicates": "relevant as near-duplicates of a relevant passage",
    "queries_themselves": "left out as the text of their query",
    "known_items": "passages that the queries were made from",
    "known_items_not_relevant": "of them not relevant by the method itself",
    "rejected": "judgements set aside",
}
# Quantiles by their shares, where they have a name.
SHARES = {"0": "lowest", "0.5": "median", "1": "highest"}


def numbers(stats: Stats) -> Iterator[Html]:
    """Tables of what the judgements hold."""
    rows = [
        [words, number(stats[key])]
        for key, words in NUMBERS.items()
        if stats.get(key) is not None
    ]
    yield zeros_folded(["count", "value"], rows, "The judgements")
    if len(grades := stats.get("grades") or {}) > 1:
        yield table(
            ["grade", "query–passage pairs"],
            [[grade, number(count)] for grade, count in grades.items()],
            "The judgements by grade; 0 is not relevant",
        )
    scores = {name: of for name, of in (stats.get("scores") or {}).items() if of}
    if scores:
        shares = list(next(iter(scores.values())))
        named = (SHARES.get(one, f"{float(one):.0%} are below") for one in shares)
        rows = [
            [name.replace("_", " "), *(decimals(of[share], 2) for share in shares)]
            for name, of in scores.items()
        ]
        caption = "The scores by which the pool was graded"
        yield table(["scores of", *named], rows, caption)


def kappa_of(value: Mapping[str, Any], queries: int) -> str:
    """A kappa with its interval and a word for it (Landis and Koch, 1977).

    Of too few queries a dash, with their number, is in place of the interval.
    """
    kappa = value["kappa"]
    if kappa is None:
        return "kappa has no value where all have one grade"
    words = ("slight", "fair", "moderate", "substantial", "almost perfect")
    kappa = round(kappa, 2) + 0.0
    step = math.ceil(round(kappa * 5, 6)) - 1
    word = "worse than chance" if kappa < 0 else words[max(step, 0)]
    low, high = value["low"], value["high"]
    ends = f"[–, n = {queries:,}]" if low is None else f"[{low:.2f}, {high:.2f}]"
    return f"kappa {kappa:.2f} {ends}, {word}".replace("-", "−")


def agreement_of(agreement: Mapping[str, Any]) -> Iterator[Html]:
    """How far people and the machine agree."""
    binary, weighted = agreement["binary"], agreement.get("weighted")
    queries = agreement["queries"]
    judges = ", ".join(
        f"{one['judge']} ({one['pairs']:,})" for one in agreement["judges"]
    )
    yield paragraph(
        f"People judged {agreement['pairs']:,} pairs of {queries:,} "
        f"queries: {judges}. They and the gold standard ({agreement['machine']}) agree "
        f"on {binary['agreement']:.0%} of them whether the passage is relevant; "
        f"Cohen's {kappa_of(binary, queries)} (0 is chance, 1 perfect)."
    )
    if weighted:
        yield paragraph(f"By grades, weighted: {kappa_of(weighted, queries)}.")
    if unjudged := agreement.get("unjudged"):
        yield paragraph(
            f"{unjudged:,} pairs of the sheet were left unjudged.", faint=True
        )
    if elsewhere := agreement.get("elsewhere"):
        yield paragraph(
            f"{elsewhere:,} judgements are on queries that are no test queries of this "
            "run, and are left out.",
            faint=True,
        )
    if aside := agreement.get("set_aside"):
        yield paragraph(
            f"{aside:,} lines of the search page's judgements are no verdicts on "
            "passages of this run, and are set aside.",
            faint=True,
        )
    grades = list(map(str, agreement["grades"]))
    # A gold standard without a scale has 0 and 1 alone.
    columns = list(zip(*agreement["table"], strict=True))
    highest = max(n for n, column in enumerate(columns) if n < 2 or any(column))
    known_to_it = grades[: highest + 1]
    yield table(
        ["people said", *(f"gold standard: {grade}" for grade in known_to_it)],
        [
            [grade, *map(number, row[: len(known_to_it)])]
            for grade, row in zip(grades, agreement["table"], strict=True)
        ],
        "Pairs by what people and the gold standard said",
    )
    if between := agreement.get("between"):
        rows = [
            [
                " and ".join(one["judges"]),
                number(one["pairs"]),
                decimals(one["kappa"], 2),
            ]
            for one in between
        ]
        header = ["judges", "pairs of both", "kappa"]
        yield table(header, rows, "Agreement between people")


def section(
    meaning: str, stats: Stats | None, qrels: Qrels, agreement: Mapping[str, Any] | None
) -> Iterator[Html]:
    """The section; without statistics of build_gold.py the judgements are counted."""
    stats = stats or {"queries": len(qrels), **by_grade(qrels)}
    yield paragraph(meaning)
    known_items, missed = (
        stats.get(key) or 0 for key in ("known_items", "known_items_not_relevant")
    )
    if 2 * missed > known_items and stats.get("method") != "file":
        yield paragraph(
            f"The method itself finds {missed:,} of the {known_items:,} passages that "
            "the queries were made from not relevant: before its figures are believed, "
            "look at its thresholds, its model and the queries."
        )
    yield from numbers(stats)
    yield element("h3", "Do people agree?")
    if agreement and agreement["pairs"]:
        yield from agreement_of(agreement)
    else:
        yield paragraph("No person has judged a sample of it yet.")
