"""The audit of the negatives, in short: counts, scores, what was dropped."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from arkiv.base.html import Html, decimals, element, joined, number, table
from arkiv.mining.audit import KINDS
from arkiv.report.drawing import figure
from arkiv.report.figures import largest
from arkiv.report.page import capped, paragraphs

# What plot_negatives.py counts of each dataset.
Audit = Mapping[str, Mapping[str, Any]]

MOST_DATASETS = 6
MOST_ROWS = 60
SIDES = {"pos": "positives", "neg": "negatives"}
ALL = "figures/negatives.html of the run has all"


def scores(audit: Audit) -> list[Html]:
    """Quantiles of similarities and teacher scores."""
    rows = [
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
    header = ["value", "passages", "5% are below", "median", "95% are below"]
    caption = "Scores of positives and negatives"
    return capped(header, rows, caption, most=MOST_ROWS, where=ALL)


def ranks(audit: Audit) -> list[Html]:
    """Medians of the ranks of the negatives, by where they come from."""
    rows = [
        [f"{name}: {source}", number(count["count"]), number(count["median"])]
        for name, counted in audit.items()
        for source, count in counted["ranks"].items()
    ]
    if not rows:
        return []
    header = ["negatives from", "count", "median rank (from 0)"]
    return capped(header, rows, "Ranks of the negatives", most=MOST_ROWS, where=ALL)


def dropped(audit: Audit) -> list[Html]:
    """How many candidates each rule dropped."""
    rows = [
        [f"{name}: {rule}", number(count)]
        for name, counted in audit.items()
        for rule, count in counted["dropped"].items()
        if count
    ]
    if not rows:
        return []
    header = ["candidates dropped as", "count"]
    caption = "Candidates that were dropped, by the first rule that holds"
    return capped(header, rows, caption, most=MOST_ROWS, where=ALL)


def summary(audit: Audit) -> list[Html]:
    """The counts of the audit, the largest datasets side by side."""
    shown = largest({name: of["rows"] for name, of in audit.items()}, MOST_DATASETS)
    titles = [title for title, _ in audit[shown[0]]["lines"]]
    rows = [
        [title, *(audit[name]["lines"][place][1] for name in shown)]
        for place, title in enumerate(titles)
    ]
    tables = [
        table(["count", *shown], rows, "What was mined, and what the teacher says")
    ]
    if more := len(audit) - len(shown):
        tables += paragraphs(f"And {more:,} smaller datasets: {ALL}.", faint=True)
    return tables


def section(
    audits: Mapping[str, tuple[Audit, str | Path]], pages: Sequence[str]
) -> Html:
    """The section.

    Args:
        audits: counts and figure of each round, by what it is called.
        pages: the audit page of each, as an address from the report.
    """
    content = paragraphs(
        "A negative that answers its query teaches the model what is wrong: those that "
        "the teacher prefers to the positive are suspect."
    )
    for place, (name, (audit, drawn)) in enumerate(audits.items(), start=1):
        if name:
            content.append(element("h3", name[:1].upper() + name[1:]))
        content += summary(audit)
        content.append(
            figure(
                drawn,
                f"negatives-{place}",
                "Distribution of the retrieval similarity and of the teacher's score, "
                "for negatives and for positives; the ranks at which the negatives "
                "stood; and how many candidates each rule dropped. Negatives to the "
                "right of the positives are suspect.",
                "Histograms of the scores of positives and negatives, and bars of what "
                "was dropped; the numbers are in the tables below.",
                *scores(audit),
                *ranks(audit),
                *dropped(audit),
            )
        )
        content.append(
            element(
                "p",
                "Rows to read, the suspects first: ",
                element("a", pages[place - 1], href=pages[place - 1]),
                " (a page beside this one).",
            )
        )
    return joined(*content)
