"""How well the systems search for parts of the queries: by source, volume, type …"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from arkiv.base.html import Html, element, table
from arkiv.base.markdown import counted as plural
from arkiv.base.page import capped, folded, paragraph
from arkiv.evaluate.measures import title
from arkiv.report.figures import largest
from arkiv.report.results import ALL, cell, differences_of, means_of
from arkiv.report.searches import compared_pairs
from arkiv.retrieve.systems import spaced

Metrics = Mapping[str, Any]

# What divides the queries, in words.
DIVIDED = {
    "dataset": "dataset",
    "volume": "volume",
    "decade": "decade of the volume",
    "type": "type of volume or query",
    "query_type": "type of query",
    "kind": "kind of query",
    "length": "tokens of the longest passage that the query was made from",
    "confidence": "the recogniser's mean confidence in what the query was made from",
}
# Parts side by side; more stand below each other, so many rows.
MOST_COLUMNS = 9
MOST_PARTS = 24
# Systems in a table of one measure.
MOST_SYSTEMS = 6
BY_SOURCE = "source of the queries"


def deciding(metrics: Metrics, others: Sequence[str]) -> list[str]:
    """The systems that decide: the one that is compared first, what it is compared with
    first, and those of the report. Where nothing is compared, the first ones.

    Args:
        others: those of the report.
    """
    compared = [name for pair in compared_pairs(metrics) for name in pair]
    known = [name for name in others if name in metrics["systems"]]
    chosen = list(dict.fromkeys([*compared, *known] or metrics["systems"]))
    chosen = chosen[:MOST_SYSTEMS]
    return [system for system in metrics["systems"] if system in chosen]


def foremost(metrics: Metrics, others: Sequence[str]) -> list[str]:
    """The systems of all measures: those compared first, few enough to read."""
    compared = [
        pair[side] for pair in metrics["comparisons"] for side in ("system", "base")
    ]
    chosen = list(dict.fromkeys([*compared, *others, *metrics["systems"]]))
    chosen = chosen[:MOST_COLUMNS]
    return [system for system in metrics["systems"] if system in chosen]


def overview(
    parts: Mapping[str, Metrics],
    systems: Sequence[str],
    pairs: Sequence[tuple[str, str]],
    measure: str,
    by: str,
) -> Html:
    """One measure of some systems in all parts, and how pairs of them differ: a column
    a part, or of many a row a part."""
    lines = [
        *map(spaced, systems),
        *(f"{spaced(system)} − {spaced(base)}" for system, base in pairs),
    ]
    cells = {
        name: _cells(part, systems, pairs, measure) for name, part in parts.items()
    }
    sizes = {name: part["queries"] for name, part in parts.items()}
    caption = f"{title(measure)} by {by}, of n queries each"
    if len(parts) > MOST_COLUMNS:
        named = dict.fromkeys([*largest(sizes, MOST_PARTS), *parts])
        rows = [[name, f"{sizes[name]:,}", *cells[name]] for name in named]
        return capped(["part", "n", *lines], rows, caption, most=MOST_PARTS, where=ALL)
    header = [f"{name} (n = {size:,})" for name, size in sizes.items()]
    rows = [list(row) for row in zip(lines, *cells.values(), strict=True)]
    return table(["system", *header], rows, caption)


def _cells(
    part: Metrics,
    systems: Sequence[str],
    pairs: Sequence[tuple[str, str]],
    measure: str,
) -> list[Html]:
    """The means of systems and the differences of pairs on one part."""
    n = part["queries"]
    differences = {
        (pair["system"], pair["base"]): pair["difference"]
        for pair in part["comparisons"]
    }
    return [
        *(cell(part["systems"][system][measure], n) for system in systems),
        *(cell(differences[pair][measure], n, difference=True) for pair in pairs),
    ]


def divided(
    parts: Mapping[str, Metrics], metrics: Metrics, others: Sequence[str], by: str
) -> Iterator[Html]:
    """What is measured by one division of the queries."""
    measures = metrics["measures"]
    first = deciding(metrics, others)
    yield overview(parts, first, compared_pairs(metrics), measures[0], by)
    if len(parts) > MOST_COLUMNS:
        return
    tables = []
    for name, part in parts.items():
        about = f"{plural(part['queries'], 'query', 'queries')}, {by} {name}"
        few = {one: part["systems"][one] for one in foremost(metrics, others)}
        means = means_of({**part, "systems": few}, measures, f"Means over {about}")
        tables.append(means)
        if part["comparisons"]:
            caption = f"Paired differences, {about}"
            tables.append(differences_of(part, measures, caption))
    yield folded(f"All measures by {by}", *tables)


def section(metrics: Metrics, others: Sequence[str]) -> Iterator[Html]:
    """The breakdowns, those by source first.

    Args:
        metrics: what measure_runs.py writes.
        others: systems to show beside those that are compared first.
    """
    if by_source := metrics.get("sources"):
        yield element("h3", f"By {BY_SOURCE}")
        yield from divided(by_source, metrics, others, BY_SOURCE)
        yield paragraph(
            "By source p is corrected for the pairs that are compared; means over all "
            "queries, above, are over those of all sources.",
            faint=True,
        )
    # Each source is a dataset.
    shown = {
        DIVIDED.get(key, key): parts
        for key, parts in metrics["parts"].items()
        if key != "dataset" or not by_source
    }
    if shown:
        yield element("h3", "By parts of the queries")
    for by, parts in shown.items():
        content = divided(parts, metrics, others, by)
        yield folded(f"By {by}: {len(parts):,} parts", *content)
    first, more = (len(chosen(metrics, others)) for chosen in (deciding, foremost))
    if first < len(metrics["systems"]) and (by_source or metrics["parts"]):
        yield paragraph(
            f"The breakdowns begin with {first} of {len(metrics['systems']):,} "
            f"systems, those that decide, and have all measures of {more}; {ALL}.",
            faint=True,
        )
