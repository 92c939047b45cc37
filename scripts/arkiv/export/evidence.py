"""How well the systems search, and what data the model was made from."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from arkiv.base.html import number
from arkiv.base.markdown import blocks, code, counted, escaped, items, table
from arkiv.base.page import WORDS
from arkiv.evaluate.intervals import FEWEST_QUERIES
from arkiv.evaluate.measures import title
from arkiv.evaluate.units import told
from arkiv.evaluate.verdicts import DAGGER, LEGEND, Value, disagreement, stars
from arkiv.export.about import About
from arkiv.gold.standard import explained
from arkiv.report.funnel import Counts, set_aside
from arkiv.report.sources import gains
from arkiv.report.summary import FIRST_TEN, of_found
from arkiv.report.sure import (
    apart,
    differences,
    has_ends,
    has_intervals,
    of_extractive,
    queries_of,
    queries_of_volumes,
    same_sets,
    upper,
)
from arkiv.retrieve.systems import spaced
from arkiv.text.terms import used_in

# Two to a table, which keeps it to the width of a page of text.
MEASURES = (("nDCG@10", "RR@10"), ("AP", "R@100"))
# What a dataset starts from.
SOURCES = {
    "example": "example pages",
    "pages": "pages",
    "pairs": "pairs",
    "negatives": "pairs with negatives",
    "scores": "scored pairs",
    "judgements": "verdicts of people",
}


def retrieval(
    metrics: Mapping[str, Any],
    reordering: Mapping[str, tuple[str, int]],
    extractive: Iterable[str] = (),
) -> str:
    """Measures of every system on the test queries, and paired differences.

    Args:
        metrics: what measure_runs.py writes.
        reordering: the systems that re-rank, as `arkiv.retrieve.systems` has them.
        extractive: datasets whose queries were made from the words of their passages.
    """
    groups = [
        [name for name in group if name in metrics["measures"]] for group in MEASURES
    ]
    tables = [
        table(["System", *map(title, group)], _systems(metrics, group))
        for group in groups
        if group
    ]
    made = queries_of(metrics, extractive)
    shown = [name for group in groups for name in group]
    return blocks(
        "## Retrieval",
        *([of_found(metrics, {})] if FIRST_TEN in metrics["measures"] else []),
        about_measures(metrics),
        *([of_extractive(made, metrics["queries"])] if made else []),
        *tables,
        *by_source(metrics),
        *apart(differences(both_families(metrics), shown)),
        *same_sets(reordering, metrics["systems"], shown),
    )


def words(text: str) -> str:
    """What the words of a text mean, as the report says it."""
    told = items(f"**{one.word}**: {one.meaning}" for one in used_in(text))
    return blocks(f"## {WORDS}", told)


def about_measures(metrics: Mapping[str, Any]) -> str:
    """What the numbers are means of, and how sure they are."""
    level, samples = metrics["bootstrap"]["level"], metrics["bootstrap"]["samples"]
    queries = counted(metrics["queries"], "held-out query", "held-out queries")
    intervals = (
        f"with {level:.0%} intervals from {samples:,} bootstrap samples of the queries"
        if has_intervals(metrics)
        else f"too few for intervals (at least {FEWEST_QUERIES})"
    )
    said = f"Means over {queries}, searched in all passages, {intervals}."
    if metrics.get("volumes"):
        said += f" {upper(queries_of_volumes(metrics))}."
    if has_ends(metrics, "volumes_low"):
        said += " The second interval (volumes) is from whole volumes drawn."
    said += f" {explained(metrics)}"
    if unit := told(metrics):
        said += f" {unit}"
    if metrics["comparisons"]:
        said += (
            " A line that begins with − is the difference of the system above it to "
            f"the one that it names, query by query: {escaped(LEGEND)}, by a "
            "paired randomisation test, corrected for the number of pairs (Holm). "
            "Intervals are not corrected."
        )
    if further := metrics.get("further"):
        named = ", ".join(
            f"{spaced(one['system'])} − {spaced(one['base'])}" for one in further
        )
        said += f" Compared for information, and corrected among themselves: {named}."
    return said


def both_families(metrics: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The pairs that are compared, and those that are for information."""
    return [*metrics["comparisons"], *metrics.get("further", ())]


def by_source(metrics: Mapping[str, Any]) -> list[str]:
    """What the first of the compared systems gains with the queries of each source."""
    found = gains(metrics)
    if len(found) < 2:
        return []
    pair, measure = metrics["comparisons"][0], metrics["measures"][0]
    both = f"{spaced(pair['system'])} − {spaced(pair['base'])}"
    rows = [
        [one.source, number(one.queries), difference(one.value, one.queries)]
        for one in found
    ]
    return [
        "By where the queries come from:",
        table(["Source", "Queries", f"{title(measure)} of {both}"], rows),
    ]


def _systems(metrics: Mapping[str, Any], measures: list[str]) -> list[list[str]]:
    """Rows of the systems, each with its differences below it."""
    rows = []
    for system, means in metrics["systems"].items():
        n = metrics["queries"]
        rows.append([spaced(system), *(interval(means[name], n) for name in measures)])
        for pair in both_families(metrics):
            if pair["system"] == system:
                differences = (pair["difference"][name] for name in measures)
                rows.append(
                    [
                        f"− {spaced(pair['base'])}",
                        *(difference(value, n) for value in differences),
                    ]
                )
    return rows


def interval(value: Value, n: int, sign: str = "") -> str:
    """A mean with the ends of its intervals; of n queries, too few, with a dash."""

    def ends(over: str) -> str:
        return f"{value[f'{over}low']:{sign}.3f}, {value[f'{over}high']:{sign}.3f}"

    mean = f"{value['mean']:{sign}.3f}"
    if value["low"] is None:
        return f"{mean} [–, n = {n:,}]"
    over_volumes = value.get("volumes_low") is not None
    beside = f"; volumes {ends('volumes_')}" if over_volumes else ""
    return f"{mean} [{ends('')}{beside}]"


def difference(value: Value, n: int) -> str:
    """A difference with its intervals and its stars."""
    marks = escaped(stars(value)) + DAGGER * bool(disagreement(value))
    return f"{interval(value, n, sign='+')}{marks and ' '}{marks}"


def data(
    about: About, datasets: Mapping[str, Counts], left_out: Mapping[str, int]
) -> str:
    """What the model was made from, dataset by dataset: what each stage counted, and
    how many rows fill no batch of an epoch."""
    given, made = [], []
    for name, stages in datasets.items():
        documents, pairs, mined, shards = (
            stages.get(stage, {})
            for stage in ("documents", "pairs", "negatives", "shards")
        )
        sources = mined.get("sources")
        given.append(
            [
                name,
                SOURCES.get(about.kinds.get(name), "–"),
                *map(number, map(documents.get, ("pages", "documents"))),
                *map(number, map(pairs.get, ("queries", "passages"))),
            ]
        )
        made.append(
            [
                name,
                *map(number, map(pairs.get, ("train", "dev", "test"))),
                number(sources and sum(sources.values())),
                number(shards.get("pairs")),
                number(left_out.get(name)),
            ]
        )
    reasons = [
        f"{escaped(name)}, {escaped(why)} ({n:,})"
        for name, stages in datasets.items()
        for why, n in set_aside(stages)
        if n
    ]
    negatives = any(row[4] != "–" for row in made)
    mined = "Negatives were mined for the train pairs. " if negatives else ""
    return blocks(
        "## Data",
        _known(
            ["Dataset", "Source", "Pages", "Documents", "Queries", "Passages"], given
        ),
        "Train, dev and test are pairs of a query and its passages. "
        f"{mined}Rows are what was made of the train pairs to train on; what is left "
        "out of an epoch fills no batch.",
        _known(
            ["Dataset", "Train", "Dev", "Test", "Negatives", "Rows", "Left out"], made
        ),
        *(["Set aside, or short of something:", items(reasons)] if reasons else []),
    )


def _known(header: list[str], rows: list[list[str]]) -> str:
    """A table without the columns in which there is nothing but dashes."""
    columns = zip(header, *rows, strict=True)
    kept = [column for column in columns if set(column[1:]) != {"–"}]
    header, *rows = zip(*kept, strict=True)
    return table(header, rows, words=1 + ("Source" in header))


def configuration(settings: Mapping[str, Any]) -> str:
    """How the stages before training were set, as in a configuration file."""
    import yaml

    # Lists within a list on one line each.
    text = yaml.safe_dump(dict(settings), sort_keys=False, default_flow_style=None)
    return blocks("## Configuration", code(text, "yaml"))
