"""What was forgotten, on the general set, beside what was learnt."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from arkiv.base.html import Html, table
from arkiv.base.markdown import counted as plural
from arkiv.base.page import folded, paragraph
from arkiv.evaluate.measures import title
from arkiv.evaluate.verdicts import Value, verdict
from arkiv.report.results import cell, differences_of, means_of, notes
from arkiv.retrieve.systems import spaced

Metrics = Mapping[str, Any]
Pair = Mapping[str, Any]

# Said where there is none.
UNMEASURED = (
    "What training has forgotten was not measured: no general set "
    "(train.evaluation.general) was given."
)
# Said where there is one.
UNCOMPARED = (
    "What training has forgotten was not measured: evaluate.systems has no search by "
    "the base model to compare with on the general set."
)


def learnt(pair: Pair, metrics: Metrics) -> Pair | None:
    """The same pair on the test queries, if it is compared there."""
    both = pair["system"], pair["base"]
    return next(
        (one for one in metrics["comparisons"] if (one["system"], one["base"]) == both),
        None,
    )


def first_of(general: Metrics, metrics: Metrics) -> Pair:
    """The pair that is told of: that which the test queries' comparisons have first."""
    order = [(one["system"], one["base"]) for one in metrics["comparisons"]]
    pairs = {(one["system"], one["base"]): one for one in general["comparisons"]}
    return next(
        (pairs[both] for both in order if both in pairs), general["comparisons"][0]
    )


def sentence(
    general: Metrics,
    metrics: Metrics,
    called: Callable[[str], str],
    figures: Callable[[Value], str],
) -> str:
    """Whether what was trained first of all is shown to have forgotten something.

    Args:
        general: what the general set has measured,
        metrics: and the test queries.
        called: a system in words.
        figures: a difference in words.
    """
    pair, measure = first_of(general, metrics), general["measures"][0]
    value = pair["difference"][measure]
    words = {
        "better": "is better than",
        "worse": "has forgotten something of what was known to",
        "open": "is not shown to differ from",
    }[verdict(value)]
    mine, theirs = (
        general["systems"][pair[one]][measure]["mean"] for one in ("system", "base")
    )
    queries = plural(general["queries"], "query", "queries")
    return (
        f"On {queries} of the general set {called(pair['system'])} {words} "
        f"{called(pair['base'])}: mean {title(measure)} {mine:.3f} against "
        f"{theirs:.3f} ({figures(value)})."
    )


def beside(general: Metrics, metrics: Metrics) -> Html:
    """A table of the deciding measure: what each trained system has learnt by the test
    queries, and what it has forgotten by the general ones."""
    measure, rows = general["measures"][0], []
    for pair in general["comparisons"]:
        there = learnt(pair, metrics)
        test = there and there["difference"].get(measure)
        rows.append(
            [
                f"{spaced(pair['system'])} − {spaced(pair['base'])}",
                cell(test, metrics["queries"], difference=True) if test else "–",
                cell(pair["difference"][measure], general["queries"], difference=True),
            ]
        )
    header = ["systems", "learnt: test queries", "forgotten: general queries"]
    return table(header, rows, f"{title(measure)}: changes by training")


def section(
    general: Metrics, metrics: Metrics, merge: Mapping[str, Any]
) -> Iterator[Html]:
    """The section.

    Args:
        general: what the general set has measured,
        metrics: and the test queries.
        merge: what chose how much of the tuned model there is; empty: nothing did.
    """
    said = (
        f"{plural(general['queries'], 'query', 'queries')} of another kind than the "
        "archive's were searched among passages of their own, as the test queries are "
        "among theirs. Of what the model could do before, this shows how much is left."
    )
    sizes = merge.get("collections", {}).get("general")
    if sizes:
        said += (
            f" {sizes['queries']:,} of these queries also chose how much of the tuned "
            "model there is, which flatters it a little."
        )
    yield paragraph(said)
    yield beside(general, metrics)
    yield from notes(general["comparisons"], general["measures"])
    measures = general["measures"]
    yield folded(
        "All measures on the general set",
        means_of(general, measures, "Means on the general set"),
        differences_of(general, measures, "Differences on the general set"),
    )
