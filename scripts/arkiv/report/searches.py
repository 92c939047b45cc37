"""Wins and losses by query: what several systems find, side by side."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from arkiv.base.errors import InputError
from arkiv.base.files import Record
from arkiv.base.hashing import uniform
from arkiv.base.html import Html, element, excerpt, listed, place, provenance, table
from arkiv.base.page import paragraph
from arkiv.evaluate.measures import title
from arkiv.report.drawing import figure
from arkiv.retrieve.collection import read_passages
from arkiv.retrieve.systems import spaced
from arkiv.retrieve.trec import Qrels, Run

# Passages of each system.
SHOWN = 3
# With how many systems the first one is compared query by query.
MOST_PAIRS = 4
# Characters of a relevant passage, and of a query.
WHOLE = 2000
LONGEST_QUERY = 500
# Of a field of a CSV file: Python's own limit is less than what a query may have.
LONGEST_FIELD = 1 << 30
# Differences that are no more than rounding.
LEAST = 1e-9


@dataclass(frozen=True)
class Found:
    """What the systems found for the test queries.

    Attributes:
        queries: by id.
        qrels: grades of the relevant passages.
        runs: rankings of the systems that are shown.
        passages: by id, those that are shown.
        scores: of these systems the deciding measure of each query.
        measure: its name.
        language: of the texts, as a code; None: not said.
    """

    queries: Mapping[str, Record]
    qrels: Qrels
    runs: Mapping[str, Run]
    passages: Mapping[str, Record]
    scores: Mapping[str, Mapping[str, float]]
    measure: str
    language: str | None = None


def read_values(
    path: str | Path, measure: str, systems: Iterable[str]
) -> dict[str, dict[str, float]]:
    """One measure of some systems by query, from the per-query file of measure_runs.py.

    Raises:
        InputError: a missing file, or one without that measure or one of the systems.
    """
    scores: dict[str, dict[str, float]] = {system: {} for system in systems}
    csv.field_size_limit(LONGEST_FIELD)
    try:
        with open(path, encoding="utf-8", newline="") as file:
            for row in csv.DictReader(file):
                if row["system"] in scores:
                    scores[row["system"]][row["query_id"]] = float(row[measure])
    except FileNotFoundError:
        raise InputError("no such file", file=path) from None
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(
            f"cannot be used ({error}), expected what measure_runs.py writes", file=path
        ) from None
    for system, values in scores.items():
        if not values:
            raise InputError(f"lacks the system {system}", file=path)
    return scores


def shown_passages(
    path: str | Path, queries: Iterable[str], qrels: Qrels, runs: Mapping[str, Run]
) -> dict[str, Record]:
    """The passages that the searches of these queries show.

    Raises:
        InputError: the corpus lacks one.
    """
    wanted: set[str] = set()
    for query_id in queries:
        wanted.update(best_first(qrels.get(query_id, {}))[:SHOWN])
        for run in runs.values():
            wanted.update(run.get(query_id, [])[:SHOWN])
    passages = read_passages(path, wanted)
    if lacking := wanted - passages.keys():
        raise InputError(
            f"lacks the passage {min(lacking)}, which a run or the judgements name",
            file=path,
        )
    return passages


def best_first(grades: Mapping[str, int]) -> list[str]:
    """The ids of relevant passages, the highest grades first."""
    return sorted(grades, key=lambda key: (-grades[key], key))


def extremes(
    mine: Mapping[str, float], theirs: Mapping[str, float], most: int
) -> tuple[list[str], list[str]]:
    """At most so many queries with the largest gains, and with the largest losses."""
    differences = {key: mine[key] - theirs[key] for key in sorted(mine)}
    by_gain = sorted(differences, key=lambda key: -differences[key])
    gains = [key for key in by_gain if differences[key] > LEAST]
    losses = [key for key in reversed(by_gain) if differences[key] < -LEAST]
    return gains[:most], losses[:most]


def drawn(queries: Iterable[str], most: int, seed: int) -> list[str]:
    """Some queries, drawn by the seed."""
    return sorted(queries, key=lambda key: uniform(seed, "show", key))[:most]


def standing(ranked: Sequence[str], passage_ids: Iterable[str]) -> str:
    """Where the first of these passages stands, in words."""
    wanted = set(passage_ids)
    rank = next((n for n, key in enumerate(ranked, 1) if key in wanted), None)
    return f"not among the {len(ranked):,} found" if rank is None else f"rank {rank:,}"


def hits(query_id: str, ranked: Sequence[str], found: Found) -> Html:
    """The first passages of one system."""
    if not ranked:
        return element("p", "Nothing was found.", class_="faint")
    query, relevant = found.queries[query_id]["query"], found.qrels.get(query_id, {})
    badge = element("span", "✓ relevant · ", class_="badge")
    items = []
    for number, key in enumerate(ranked[:SHOWN], start=1):
        passage, good = found.passages[key], key in relevant
        about = [f"{number}. ", badge if good else "", place(passage)]
        text = excerpt(passage["text"], query)
        kind = "relevant" if good else None
        items.append(listed(about, text, kind, found.language))
    return element("ol", *items, class_="hits")


def wanted_items(
    query_id: str, ranked: Mapping[str, Sequence[str]], found: Found
) -> list[Html]:
    """The relevant passages of a query, with where each system has them."""
    query, grades = found.queries[query_id]["query"], found.qrels.get(query_id, {})
    graded = len(set(grades.values())) > 1
    items = []
    for key in best_first(grades)[:SHOWN]:
        about = [
            f"grade {grades[key]} · " if graded else "",
            provenance(found.passages[key]),
            *(
                f" · {spaced(system)}: {standing(passages, [key])}"
                for system, passages in ranked.items()
            ),
        ]
        text = excerpt(found.passages[key]["text"], query, WHOLE)
        items.append(listed(about, text, "relevant", found.language))
    return items


def column(query_id: str, system: str, ranked: Sequence[str], found: Found) -> Html:
    """What a system finds for a query."""
    relevant = found.qrels.get(query_id, {})
    first = f"first relevant passage: {standing(ranked, relevant)}"
    return element(
        "div",
        element("h4", spaced(system)),
        element("p", first, class_="faint") if relevant else "",
        hits(query_id, ranked, found),
    )


def one_query(query_id: str, found: Found, *, opened: bool = False) -> Html:
    """One query: its passages, and what every system finds."""
    ranked = {system: run.get(query_id, []) for system, run in found.runs.items()}
    measured = ", ".join(
        f"{spaced(system)} {values[query_id]:.3f}"
        for system, values in found.scores.items()
    )
    query = excerpt(found.queries[query_id]["query"], "", LONGEST_QUERY)
    wanted = wanted_items(query_id, ranked, found)
    more = len(found.qrels.get(query_id, {})) - len(wanted)
    columns = [column(query_id, *own, found) for own in ranked.items()]
    return element(
        "details",
        element(
            "summary",
            element("strong", query, lang=found.language),
            element("span", f"{title(found.measure)}: {measured}", class_="faint"),
        ),
        element("p", "Relevant to it:", class_="faint")
        if wanted
        else element("p", "No passage is judged relevant to it."),
        element("ol", *wanted, class_="hits") if wanted else "",
        paragraph(f"And {more:,} more.", faint=True) if more else "",
        element("div", *columns, class_="systems"),
        class_="search",
        open="" if opened else None,
    )


def tally(mine: Mapping[str, float], theirs: Mapping[str, float]) -> list[int]:
    """On how many queries a system is better, alike and worse."""
    differences = [mine[key] - theirs[key] for key in mine]
    better = sum(one > LEAST for one in differences)
    worse = sum(one < -LEAST for one in differences)
    return [better, len(differences) - better - worse, worse]


def compared_pairs(metrics: Mapping[str, Any]) -> list[tuple[str, str]]:
    """The system that is compared first, with the first that it is compared with."""
    pairs = [(pair["system"], pair["base"]) for pair in metrics["comparisons"]]
    return [pair for pair in pairs if pair[0] == pairs[0][0]][:MOST_PAIRS]


def chosen(
    pairs: Sequence[tuple[str, str]],
    scores: Mapping[str, Mapping[str, float]],
    queries: Iterable[str],
    most: int,
    seed: int,
) -> list[tuple[str, str, list[str]]]:
    """The queries to show, under their headings with a sentence each."""
    groups = []
    for system, base in pairs:
        gains, losses = extremes(scores[system], scores[base], most)
        for words, ids in (("gains most over", gains), ("loses most to", losses)):
            heading = f"Where {spaced(system)} {words} {spaced(base)}"
            groups.append((heading, "There is no such query.", ids))
    groups.append(("Some at random", "", drawn(queries, most, seed)))
    return groups


def section(
    groups: Sequence[tuple[str, str, list[str]]],
    pairs: Sequence[tuple[str, str]],
    found: Found,
    figure_of_differences: str | Path,
) -> Iterator[Html]:
    """The section; the groups of queries are those of `chosen`."""
    measure = title(found.measure)
    yield paragraph(
        f"Each query with its {measure}, passages that are relevant to it with their "
        f"ranks in each system, and the first {SHOWN} passages that each finds. Words "
        "of the query are marked, also with another ending; ✓ and a double line at "
        "the side mean relevant."
    )
    if pairs:
        counts = [
            [
                f"{spaced(system)} to {spaced(base)}",
                *map("{:,}".format, tally(found.scores[system], found.scores[base])),
            ]
            for system, base in pairs
        ]
        yield figure(
            figure_of_differences,
            "differences",
            f"Differences in {measure}, query by query, from the largest gain to "
            "the largest loss.",
            f"Differences in {measure} of each query in falling order: "
            + "; ".join(
                f"{pair}: better on {better}, alike on {alike}, worse on {worse}"
                for pair, better, alike, worse in counts
            )
            + ".",
            table(
                ["compared", "queries better", "alike", "worse"],
                counts,
                f"Queries by whether their {measure} is better",
            ),
        )
    first = True
    for heading, nothing, query_ids in groups:
        yield element("h3", heading)
        if not query_ids:
            yield paragraph(nothing)
        for query_id in query_ids:
            yield one_query(query_id, found, opened=first)
            first = False
