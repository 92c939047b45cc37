"""How much worse the systems get when queries are spelt otherwise."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from arkiv.base.html import Html, element, joined, table
from arkiv.base.page import capped, folded, paragraph
from arkiv.evaluate.intervals import FEWEST_QUERIES
from arkiv.evaluate.measures import title
from arkiv.evaluate.verdicts import LEGEND, Value
from arkiv.report.results import cell
from arkiv.report.sure import apart
from arkiv.retrieve.systems import spaced

Spelling = Mapping[str, Any]

MOST_SYSTEMS = 30
MOST_EXAMPLES = 10
ALL = "metrics/spelling.json of the run has all"


def by_spelling(spelling: Spelling, measure: str) -> Html:
    """A table of one measure of each system in each spelling, and what it changed."""
    variants, n, rows = spelling["variants"], spelling["queries"], []
    for system, means in spelling["original"].items():
        measured = (variant["systems"][system][measure] for variant in variants)
        changes = (variant["difference"].get(system) for variant in variants)
        cells = (
            cell(change[measure], n, difference=True) if change else "–"
            for change in changes
        )
        means_of = (cell(value, n) for value in (means[measure], *measured))
        rows.append([spaced(system), *means_of])
        rows.append([f"{spaced(system)}: change", "", *cells])
    header = ["system", "as they were", *(spaced(one["name"]) for one in variants)]
    caption = f"{title(measure)} by spelling, and the paired change with its interval"
    return capped(header, rows, caption, most=2 * MOST_SYSTEMS, where=ALL)


def differences(spelling: Spelling) -> Iterator[tuple[str, Value]]:
    """Every change that the tables show, by what it is called."""
    for system in list(spelling["original"])[:MOST_SYSTEMS]:
        for variant in spelling["variants"]:
            for measure in spelling["measures"]:
                if change := variant["difference"].get(system):
                    name = f"{title(measure)} of {spaced(system)}"
                    yield f"{name}, {spaced(variant['name'])}", change[measure]


def how_sure(spelling: Spelling) -> str:
    """What the stars mean, and what the intervals do."""
    pairs = sum(len(variant["difference"]) for variant in spelling["variants"])
    corrected = f", corrected for the {pairs:,} changes of a table" if pairs > 1 else ""
    said = f"p as under Results{corrected}: {LEGEND}."
    if spelling["queries"] < FEWEST_QUERIES:
        return (
            f"{said} Of fewer than {FEWEST_QUERIES} queries (n) there are no intervals."
        )
    volumes = any(
        value.get("volumes_low") is not None
        for means in spelling["original"].values()
        for value in means.values()
    )
    over = " The second interval (V) is as under Results." if volumes else ""
    return f"{said} The intervals are not corrected.{over}"


def section(spelling: Spelling) -> Iterator[Html]:
    """The section, from what the queries in other spellings measured."""
    variants, measures = spelling["variants"], spelling["measures"]
    yield paragraph(
        f"The same {spelling['queries']:,} queries were asked again in other "
        "spellings: older or newer ones, or with the faults of a recogniser. What is "
        "relevant stays the same."
    )
    changes = [
        [
            spaced(variant["name"]),
            f"{variant['changed']:.0%}",
            "–" if variant.get("cer") is None else f"{variant['cer']:.1%}",
        ]
        for variant in variants
    ]
    header = ["spelling", "queries changed", "characters changed"]
    yield table(header, changes, "What was changed")
    first, *others = (by_spelling(spelling, measure) for measure in measures)
    yield first
    yield paragraph(how_sure(spelling), faint=True)
    yield from map(paragraph, apart(differences(spelling)))
    if others:
        yield folded("The other measures", *others)
    if examples := spelling.get("examples"):
        lists = [
            element(
                "dl",
                *(
                    joined(element("dt", spaced(name)), element("dd", text))
                    for name, text in example.items()
                ),
            )
            for example in examples[:MOST_EXAMPLES]
        ]
        yield folded("Some queries in each spelling", *lists)
