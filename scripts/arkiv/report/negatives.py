"""The audit of the negatives, in short: counts, scores, what was dropped."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from arkiv.base.html import Html, decimals, element, number
from arkiv.base.page import capped, paragraph, zeros_folded
from arkiv.mining.audit import KINDS
from arkiv.pairs.judged import warnings
from arkiv.report.drawing import figure
from arkiv.report.figures import largest

# What plot_negatives.py counts of each dataset.
Audit = Mapping[str, Mapping[str, Any]]

MOST_DATASETS = 6
MOST_ROWS = 60
SIDES = {"pos": "positives", "neg": "negatives"}
ALL = "figures/negatives.html of the run has all"


def numbers(audit: Audit) -> Iterator[Html]:
    """What the figure shows, as tables: scores, ranks, and what was dropped."""
    scores = [
        [
            f"{name}: {kind}, {words}",
            number(spread["count"]),
            *(decimals(spread[at]) for at in ("5 %", "50 %", "95 %")),
        ]
        for name, counted in audit.items()
        for key, kind in KINDS.items()
        for side, words in SIDES.items()
        if (spread := counted["spread"].get(key, {}).get(side))
    ]
    ranks = [
        [f"{name}: {source}", number(count["count"]), number(count["median"])]
        for name, counted in audit.items()
        for source, count in counted["ranks"].items()
    ]
    dropped = [
        [f"{name}: {rule}", number(count)]
        for name, counted in audit.items()
        for rule, count in counted["dropped"].items()
        if count
    ]
    tables = (
        (
            ["value", "passages", "5% are below", "median", "95% are below"],
            scores,
            "Scores of positives and negatives",
        ),
        (
            ["negatives from", "count", "median rank (from 0)"],
            ranks,
            "Ranks of the negatives",
        ),
        (
            ["candidates dropped as", "count"],
            dropped,
            "Candidates that were dropped, by the first rule that holds",
        ),
    )
    for header, rows, caption in tables:
        if rows:
            yield capped(header, rows, caption, most=MOST_ROWS, where=ALL)


def summary(audit: Audit) -> Iterator[Html]:
    """The counts of the audit, the largest datasets side by side."""
    shown = largest({name: of["rows"] for name, of in audit.items()}, MOST_DATASETS)
    titles = [title for title, _ in audit[shown[0]]["lines"]]
    rows = [
        [title, *(audit[name]["lines"][place][1] for name in shown)]
        for place, title in enumerate(titles)
    ]
    caption = "What was mined, and what the teacher says"
    yield zeros_folded(["count", *shown], rows, caption)
    if more := len(audit) - len(shown):
        yield paragraph(f"And {more:,} smaller datasets: {ALL}.", faint=True)


def section(audits: Mapping[str, tuple[Audit, str | Path, str]]) -> Iterator[Html]:
    """The section.

    Args:
        audits: of each round, by its heading: counts, figure, and the address of the
            audit page from the report.
    """
    yield paragraph(
        "A negative that answers its query teaches the model what is wrong: those that "
        "the teacher prefers to the positive are suspect."
    )
    for place, (heading, (audit, drawn, page)) in enumerate(audits.items(), start=1):
        if heading:
            yield element("h3", heading)
        for said in warnings(
            {name: of.get("judged") or {} for name, of in audit.items()}
        ):
            yield element("p", element("strong", said))
        yield from summary(audit)
        yield figure(
            drawn,
            f"negatives-{place}",
            "Distribution of the retrieval similarity and of the teacher's score, "
            "for negatives and for positives; the ranks at which the negatives "
            "stood; and how many candidates each rule dropped. Negatives to the "
            "right of the positives are suspect.",
            "Histograms of the scores of positives and negatives, and bars of what "
            "was dropped; the numbers are in the tables below.",
            *numbers(audit),
        )
        yield element(
            "p",
            "Rows to read, the suspects first: ",
            element("a", page, href=page),
            " (a page beside this one).",
        )
