"""How well each system searches: means, differences, requirements, breakdowns."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from arkiv.base.html import Html, element, joined, table
from arkiv.base.markdown import counted as plural
from arkiv.evaluate.measures import title
from arkiv.evaluate.required import wish
from arkiv.report.drawing import figure
from arkiv.report.figures import largest
from arkiv.report.page import capped, folded, paragraph
from arkiv.retrieve.systems import spaced

Metrics = Mapping[str, Any]

# Corrected p-values below which a difference has one star more.
STARS = (0.05, 0.01, 0.001)
LEGEND = "* p < 0.05, ** p < 0.01, *** p < 0.001"
# What divides the queries, in words.
DIVIDED = {
    "dataset": "dataset",
    "volume": "volume",
    "decade": "decade of the volume",
    "type": "type of volume or query",
    "kind": "kind of query",
    "length": "tokens of the longest passage that the query was made from",
    "confidence": "the recogniser's mean confidence in what the query was made from",
}
ALL = "metrics/metrics.json of the run has all"
MOST_SYSTEMS = 100
# In the breakdowns: columns, more parts stand below each other; and rows.
MOST_COLUMNS = 9
MOST_PARTS = 24


def stars(value: Mapping[str, float]) -> str:
    """The stars of a difference; none for one that was not tested."""
    return "*" * sum(value.get("p_holm", 1.0) < level for level in STARS)


def probability(p: float) -> str:
    """A p-value in words."""
    return "p < 0.001" if p < 0.001 else f"p = {p:.3f}"


def signed(value: float, digits: int = 3) -> str:
    """A number with its sign, a true minus; what is rounded to 0 has no minus."""
    return f"{round(value, digits) + 0.0:+.{digits}f}".replace("-", "−")


def cell(
    value: Mapping[str, float],
    *,
    difference: bool = False,
    strong: bool = False,
    mark: str = "",
) -> Html:
    """A mean over its interval, and over its p-value where it has one.

    Args:
        value: `mean`, `low` and `high`, and perhaps `p_holm`.
        difference: with signs, and with its own stars.
        strong: the best.
        mark: stars of the mean of a system.
    """
    write = signed if difference else "{:.3f}".format
    mean, low, high = (write(value[key]) for key in ("mean", "low", "high"))
    above = stars(value) if difference else mark
    return joined(
        element("strong", mean) if strong else mean,
        element("sup", above) if above else "",
        element("small", f"{low} to {high}"),
        element("small", probability(value["p_holm"])) if "p_holm" in value else "",
    )


def means_of(part: Metrics, measures: Sequence[str], caption: str) -> Html:
    """A table of the systems' means: the best of each measure in bold, stars of the
    difference from the first system that each is compared with."""
    first: dict[str, Any] = {}
    for pair in part["comparisons"]:
        first.setdefault(pair["system"], pair["difference"])
    rows = [[spaced(system)] for system in part["systems"]]
    for measure in measures:
        means = [of[measure] for of in part["systems"].values()]
        best = max(round(value["mean"], 3) for value in means)
        for system, value, row in zip(part["systems"], means, rows, strict=True):
            strong = round(value["mean"], 3) == best
            mark = stars(first[system][measure]) if system in first else ""
            row.append(cell(value, strong=strong, mark=mark))
    header = ["system", *map(title, measures)]
    return capped(header, rows, caption, most=MOST_SYSTEMS, where=ALL)


def differences_of(part: Metrics, measures: Sequence[str], caption: str) -> Html:
    """A table of the differences between pairs of systems."""
    rows = [
        [
            f"{spaced(pair['system'])} − {spaced(pair['base'])}",
            *(
                cell(pair["difference"][measure], difference=True)
                for measure in measures
            ),
        ]
        for pair in part["comparisons"]
    ]
    header = ["difference", *map(title, measures)]
    return capped(header, rows, caption, most=MOST_SYSTEMS, where=ALL)


def requirements_of(results: Sequence[Mapping[str, Any]]) -> Html:
    """A table of what was required, and whether it was reached."""
    rows = [
        [
            f"{title(result['measure'])} of {spaced(result['system'])}",
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


def foremost(metrics: Metrics, others: Sequence[str]) -> list[str]:
    """The systems that breakdowns show: those compared first, few enough to read."""
    compared = [
        pair[side] for pair in metrics["comparisons"] for side in ("system", "base")
    ]
    chosen = list(dict.fromkeys([*compared, *others, *metrics["systems"]]))
    chosen = chosen[:MOST_COLUMNS]
    return [system for system in metrics["systems"] if system in chosen]


def overview(
    parts: Mapping[str, Metrics], systems: Sequence[str], measure: str, by: str
) -> Html:
    """One measure of some systems in all parts: a row a system, or a row a part."""
    named = list(map(spaced, systems))
    caption = f"{title(measure)} by {by}, of n queries each"
    if len(parts) > MOST_COLUMNS:
        sizes = {name: part["queries"] for name, part in parts.items()}
        rows = [
            [
                name,
                f"{sizes[name]:,}",
                *(cell(parts[name]["systems"][system][measure]) for system in systems),
            ]
            for name in dict.fromkeys([*largest(sizes, MOST_PARTS), *parts])
        ]
        return capped(["part", "n", *named], rows, caption, most=MOST_PARTS, where=ALL)
    header = [f"{name} (n = {part['queries']:,})" for name, part in parts.items()]
    rows = [
        [name, *(cell(part["systems"][system][measure]) for part in parts.values())]
        for name, system in zip(named, systems, strict=True)
    ]
    return table(["system", *header], rows, caption)


def divided(key: str, metrics: Metrics, systems: Sequence[str]) -> Iterator[Html]:
    """What is measured by one division of the queries."""
    by, measures = DIVIDED.get(key, key), metrics["measures"]
    parts = metrics["parts"][key]
    yield element("h3", f"By {by}")
    yield overview(parts, systems, measures[0], by)
    if len(parts) > MOST_COLUMNS:
        return
    tables = []
    for name, part in parts.items():
        about = f"{plural(part['queries'], 'query', 'queries')}, {by} {name}"
        few = {system: part["systems"][system] for system in systems}
        means = means_of({**part, "systems": few}, measures, f"Means over {about}")
        tables.append(means)
        if part["comparisons"]:
            caption = f"Paired differences, {about}"
            tables.append(differences_of(part, measures, caption))
    yield folded(f"All measures by {by}", *tables)


def how_sure(metrics: Metrics) -> str:
    """What the differences and their stars mean."""
    samples = metrics["bootstrap"]["samples"]
    return (
        "Differences are paired, query by query; where an interval holds 0, it is open "
        "which system is better. p is the chance of a difference this large between "
        f"systems that are alike: by {samples:,} random signs of the queries' "
        "differences (a paired randomisation test), corrected for the "
        f"{len(metrics['comparisons'])} pairs of the table (Holm). {LEGEND}. The stars "
        "of a mean are those of its difference from the first system that it is "
        "compared with, for better or for worse."
    )


def section(
    metrics: Metrics, meaning: str, others: Sequence[str], drawn: str | Path
) -> Iterator[Html]:
    """The section.

    Args:
        metrics: what measure_runs.py writes.
        meaning: what counts as relevant, in sentences.
        others: systems to show in the breakdowns beside those that are compared.
        drawn: the chart.
    """
    measures, level = metrics["measures"], metrics["bootstrap"]["level"]
    samples = metrics["bootstrap"]["samples"]
    queries = plural(metrics["queries"], "test query", "test queries")
    yield paragraph(
        f"Every system searched all passages for the {queries}. {meaning} Below each "
        f"mean stands its {level:.0%} interval, from {samples:,} bootstrap samples of "
        "the queries."
    )
    yield means_of(
        metrics, measures, f"Means over {queries} (the best of each column in bold)"
    )
    if metrics["comparisons"]:
        yield differences_of(metrics, measures, f"Paired differences, {queries}")
        yield paragraph(how_sure(metrics), faint=True)
    else:
        yield paragraph("No systems are compared (evaluate.compare).", faint=True)
    yield figure(
        drawn,
        "measures",
        f"The same as a chart: a point is the mean, a line its {level:.0%} "
        "interval. Base models have blue squares, tuned ones orange diamonds.",
        f"Means of the first measures of each system with their intervals; the "
        f"numbers are those of the table of means over {queries}.",
    )
    yield element("h3", "What was required")
    if metrics["requirements"]:
        yield requirements_of(metrics["requirements"])
    else:
        yield paragraph("Nothing was required (evaluate.require).")
    systems = foremost(metrics, others)
    for key in metrics["parts"]:
        yield from divided(key, metrics, systems)
    if len(systems) < len(metrics["systems"]) and metrics["parts"]:
        yield paragraph(
            f"The breakdowns show {len(systems)} of {len(metrics['systems']):,} "
            f"systems; {ALL}.",
            faint=True,
        )
