"""How well each system searches: means, differences, requirements."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from arkiv.base.html import Html, element, joined, table
from arkiv.base.markdown import counted as plural
from arkiv.base.page import capped, paragraph
from arkiv.evaluate.measures import for_readers, headings, title
from arkiv.evaluate.required import on_source, wish
from arkiv.evaluate.units import told
from arkiv.evaluate.verdicts import (
    DAGGER,
    DOUBLE_DAGGER,
    Value,
    disagreement,
    only_within,
    probability,
    stars,
)
from arkiv.report.drawing import figure
from arkiv.report.sure import (
    about_intervals,
    about_volumes,
    apart,
    beyond,
    differences,
    has_intervals,
    how_sure,
    of_further,
    same_sets,
)
from arkiv.retrieve.systems import spaced

Metrics = Mapping[str, Any]

ALL = "metrics/metrics.json of the run has all"
MOST_SYSTEMS = 100


def signed(value: float, digits: int = 3) -> str:
    """A number with its sign, a true minus; what is rounded to 0 has no minus."""
    return f"{round(value, digits) + 0.0:+.{digits}f}".replace("-", "−")


def ends(
    value: Value, n: int, write: Callable[[float], str] = signed, over: str = ""
) -> str:
    """The ends of an interval; a dash with the number of queries where there is none.

    Args:
        write: a number.
        over: `volumes_` of the interval over volumes.
    """
    low, high = value.get(f"{over}low"), value.get(f"{over}high")
    return f"– (n = {n:,})" if low is None else f"{write(low)} to {write(high)}"


def daggers(value: Value) -> str:
    """The marks of a difference of which its tests do not say the same."""
    return DAGGER * bool(disagreement(value)) + DOUBLE_DAGGER * only_within(value)


def cell(
    value: Value,
    n: int,
    *,
    difference: bool = False,
    strong: bool = False,
    mark: str = "",
) -> Html:
    """A mean over its intervals, and over its p-value where it has one.

    Args:
        value: as `arkiv.evaluate.verdicts` has it.
        n: of how many queries.
        difference: with signs, and with its own stars.
        strong: the best.
        mark: stars of the mean of a system.
    """
    write = signed if difference else "{:.3f}".format
    mean = write(value["mean"])
    above = f"{stars(value)}{daggers(value)}" if difference else mark
    return joined(
        element("strong", mean) if strong else mean,
        element("sup", above) if above else "",
        element("small", ends(value, n, write)),
        element("small", f"V {ends(value, n, write, 'volumes_')}")
        if value.get("volumes_low") is not None
        else "",
        element("small", probability(value)) if "p_holm" in value else "",
    )


def means_of(part: Metrics, measures: Sequence[str], caption: str) -> Html:
    """A table of the systems' means: the best of each measure in bold, stars of the
    difference from the first system that each is compared with."""
    first: dict[str, Any] = {}
    for pair in part["comparisons"]:
        first.setdefault(pair["system"], pair["difference"])
    rows = [[spaced(system)] for system in part["systems"]]
    for measure in for_readers(measures):
        means = [of[measure] for of in part["systems"].values()]
        best = max(round(value["mean"], 3) for value in means)
        for system, value, row in zip(part["systems"], means, rows, strict=True):
            strong = round(value["mean"], 3) == best
            mark = stars(first[system][measure]) if system in first else ""
            row.append(cell(value, part["queries"], strong=strong, mark=mark))
    header = ["system", *headings(measures)]
    return capped(header, rows, caption, most=MOST_SYSTEMS, where=ALL)


def differences_of(part: Metrics, measures: Sequence[str], caption: str) -> Html:
    """A table of the differences between pairs of systems."""
    rows = [
        [
            f"{spaced(pair['system'])} − {spaced(pair['base'])}",
            *(
                cell(pair["difference"][measure], part["queries"], difference=True)
                for measure in for_readers(measures)
            ),
        ]
        for pair in part["comparisons"]
    ]
    header = ["difference", *headings(measures)]
    return capped(header, rows, caption, most=MOST_SYSTEMS, where=ALL)


def notes(
    pairs: Sequence[Mapping[str, Any]], measures: Sequence[str]
) -> Iterator[Html]:
    """Which of the differences of a table have tests that do not say the same."""
    found = list(differences(pairs[:MOST_SYSTEMS], measures))
    yield from map(paragraph, apart(found))
    if within := beyond(found):
        yield paragraph(within)


def requirements_of(results: Sequence[Mapping[str, Any]]) -> Html:
    """A table of what was required, and whether it was reached."""
    rows = [
        [
            f"{title(result['measure'])} of {spaced(result['system'])}"
            f"{on_source(result)}",
            spaced(wish(result)),
            f"{result['value']:.4f}",
            element("span", "✓ met", class_="badge")
            if result["holds"]
            else element("strong", "✗ missed"),
        ]
        for result in results
    ]
    return table(
        ["required", "is", "measured", "which is"],
        rows,
        "What the configuration requires (evaluate.require)",
        words=2,
    )


def section(
    metrics: Metrics,
    meaning: str,
    drawn: str | Path,
    reordering: Mapping[str, tuple[str, int]],
    left_out: str | None = None,
) -> Iterator[Html]:
    """The section.

    Args:
        metrics: what measure_runs.py writes.
        meaning: what counts as relevant, in sentences.
        drawn: the chart.
        reordering: the systems that re-rank, as `arkiv.retrieve.systems` has them.
        left_out: why default systems are missing, in a sentence or two.
    """
    measures, level = metrics["measures"], metrics["bootstrap"]["level"]
    queries = plural(metrics["queries"], "test query", "test queries")
    yield paragraph(
        f"Every system searched all passages for the {queries}. {meaning} "
        f"{about_intervals(metrics)}"
    )
    if counted := told(metrics):
        yield paragraph(counted)
    if volumes := about_volumes(metrics):
        yield paragraph(volumes)
    if left_out:
        yield paragraph(left_out)
    yield means_of(
        metrics, measures, f"Means over {queries} (the best of each column in bold)"
    )
    if same := list(same_sets(reordering, metrics["systems"], measures)):
        yield paragraph(" ".join(same))
    if metrics["comparisons"]:
        yield differences_of(metrics, measures, f"Paired differences, {queries}")
        yield paragraph(how_sure(metrics), faint=True)
        yield from notes(metrics["comparisons"], measures)
    else:
        yield paragraph("No systems are compared (evaluate.compare).", faint=True)
    if further := metrics.get("further"):
        yield differences_of(
            {**metrics, "comparisons": further},
            measures,
            f"Further paired differences, for information, {queries}",
        )
        yield paragraph(of_further(metrics), faint=True)
        yield from notes(further, measures)
    lines = has_intervals(metrics)
    line = f", a line its {level:.0%} interval over queries" if lines else ""
    yield figure(
        drawn,
        "measures",
        "The same as a chart, each measure on a scale of its own: a point is the mean"
        f"{line}. Systems whose names begin with base have blue squares, those with "
        "tuned orange diamonds.",
        f"Means of the first measures of the systems{' with their intervals' * lines}; "
        f"the numbers are those of the table of means over {queries}.",
    )
    yield element("h3", "What was required")
    if metrics["requirements"]:
        yield requirements_of(metrics["requirements"])
    else:
        yield paragraph("Nothing was required (evaluate.require).")
