"""Retrieval measures by query, their means, and how sure these are.

The measures are those of trec_eval, by `ir_measures`: nDCG with linear gains and log2
discount, AP over all relevant passages, RR@10 zero beyond rank 10. Means have bootstrap
intervals (`arkiv.evaluate.intervals`); differences also have p-values
(`arkiv.evaluate.significance`).
"""

from __future__ import annotations

import argparse
import math
import re
from collections.abc import Hashable, Iterable, Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from arkiv.base.declared import Seeded
from arkiv.base.errors import InputError
from arkiv.base.setting_flags import add_settings
from arkiv.base.years import decade
from arkiv.evaluate.intervals import (
    FEWEST_QUERIES,
    FEWEST_VOLUMES,
    bootstrap,
    bootstrap_of_clusters,
    numbered,
)
from arkiv.evaluate.required import DECIMALS
from arkiv.evaluate.settings import MEASURE, Measuring
from arkiv.evaluate.significance import draws, holm, randomisation
from arkiv.retrieve.trec import Qrels, Run

MEASURES = Measuring.measures
# As papers name their means.
NAMES = {"AP": "MAP", "RR": "MRR", "R": "Recall", "P": "Precision"}
# Queries whose rankings are measured at once: a thousand passages of each take memory.
BLOCK_QUERIES = 256
# The part of the queries without a year.
UNDATED = "undated"


def title(measure: str) -> str:
    """A measure's mean as papers name it: MAP, Recall@100."""
    name, at, cutoff = measure.partition("@")
    return f"{NAMES.get(name, name)}{at}{cutoff}"


def for_readers(measures: Iterable[str]) -> list[str]:
    """Measures in the order in which tables have them: what needs no explanation first,
    whether anything relevant is found; whichever decides."""
    return sorted(measures, key=lambda name: not name.startswith("Success@"))


def headings(measures: Sequence[str]) -> list[str]:
    """Titles in that order, the one that decides, the first of several, marked."""
    return [
        f"{title(name)} (decides)" * (name == measures[0] and len(measures) > 1)
        or title(name)
        for name in for_readers(measures)
    ]


def add_measuring(arguments: argparse.ArgumentParser) -> None:
    """Add what is measured, and from how many samples it is told how sure that is."""
    add_settings(arguments, Measuring)
    add_settings(arguments, Seeded)


def check_measures(measures: Iterable[str]) -> None:
    """Refuse what is no measure.

    Raises:
        InputError: naming it.
    """
    for name in measures:
        if not re.fullmatch(MEASURE, name):
            reason = f"is {name}, expected measures such as {', '.join(MEASURES)}"
            raise InputError(reason, key="measures")


def by_query(
    run: Run, qrels: Qrels, query_ids: Sequence[str], measures: Sequence[str] = MEASURES
) -> np.ndarray:
    """The measures of each query, (n_queries, n_measures) float64.

    Args:
        run: passage ids of each query, best first.
        query_ids: the rows of the result; one that the run lacks scores 0.
        measures: in the words of `ir_measures`.
    """
    import ir_measures

    parsed = [ir_measures.parse_measure(name) for name in measures]
    column = {measure: index for index, measure in enumerate(parsed)}
    row = {query_id: index for index, query_id in enumerate(query_ids)}
    values = np.zeros((len(query_ids), len(parsed)))
    for start in range(0, len(query_ids), BLOCK_QUERIES):
        block = query_ids[start : start + BLOCK_QUERIES]
        # Ranks as scores: without ties, so that every measure sees the same order. Not
        # all that stand behind `ir_measures` break ties alike.
        scores = {
            query_id: {key: float(-rank) for rank, key in enumerate(run[query_id])}
            for query_id in block
            if query_id in run
        }
        judged = {query_id: qrels[query_id] for query_id in block}
        for metric in ir_measures.iter_calc(parsed, judged, scores):
            values[row[metric.query_id], column[metric.measure]] = metric.value
    return values


def of_first_ten(
    rankings: Sequence[np.ndarray], relevant: Sequence[Sequence[int]]
) -> np.ndarray:
    """nDCG@10 and RR@10 of each query, (n_queries, 2), without `ir_measures`.

    For programs of an environment that lacks it; the tests compare.

    Args:
        rankings: of each query passages, best first.
        relevant: of each query all that are relevant, at least one.
    """
    discounts = 1 / np.log2(np.arange(2, 12))
    values = np.zeros((len(rankings), 2))
    for row, (ranking, wanted) in enumerate(zip(rankings, relevant, strict=True)):
        found = np.flatnonzero(np.isin(ranking[:10], wanted))
        values[row, 0] = discounts[found].sum() / discounts[: len(wanted)].sum()
        if len(found):
            values[row, 1] = 1 / (found[0] + 1)
    return values


def spans(
    values: Sequence[float | None], edges: Iterable[float], last: float, step: float
) -> dict[str, list[int]]:
    """Rows of the values from each edge to below the next, by name in their order.

    Args:
        values: one for each row; None where not known.
        edges: lower ends.
        last: what the highest value would be; infinite: it has no name.
        step: between the last value of a span and the next edge, for the names.
    """
    named: dict[str, list[int]] = {}
    for low, high in pairwise([*sorted(set(edges)), math.inf]):
        top = last if high == math.inf else round(high - step, 9)
        name = f"{low:g} to {top:g}" if top < math.inf else f"{low:g} or more"
        named[name] = [
            row
            for row, value in enumerate(values)
            if value is not None and low <= value < high
        ]
    return named


def _decades(years: Sequence[int | None]) -> list[str | None]:
    """The decade of each year; `undated` of none, if any is known."""
    dated = any(year is not None for year in years)
    return [
        decade(year) if year is not None else UNDATED if dated else None
        for year in years
    ]


def parts_of(
    queries: Sequence[Mapping[str, Any]],
    length_edges: Iterable[int],
    confidence_edges: Iterable[float],
) -> dict[str, dict[str, np.ndarray]]:
    """Rows of the queries of each dataset, volume, decade, type, type or kind of query,
    length and confidence.

    Where some queries have a year, those without are a part of their own.

    Args:
        queries: with what `arkiv.retrieve.collection` knows of each.
        length_edges: lower edges in tokens of the longest known item.
        confidence_edges: of the recogniser's mean confidence in the known items.

    Returns:
        Rows by what divides them and by name; parts that hold none or all of the
        queries are left out.
    """

    def known(key: str) -> list[Any]:
        return [query.get(key) for query in queries]

    divided: dict[str, dict[str, list[int]]] = {}
    for key in ("dataset", "volume", "decade", "type", "query_type", "kind"):
        values = known(key) if key != "decade" else _decades(known("year"))
        rows: dict[str, list[int]] = {}
        for row, name in enumerate(values):
            if name is not None:
                rows.setdefault(str(name), []).append(row)
        divided[key] = dict(sorted(rows.items()))
    divided["length"] = spans(known("tokens"), length_edges, math.inf, 1)
    divided["confidence"] = spans(known("confidence"), confidence_edges, 1, 0)
    kept = {
        key: {
            name: np.array(rows)
            for name, rows in named.items()
            if 0 < len(rows) < len(queries)
        }
        for key, named in divided.items()
    }
    return {key: named for key, named in kept.items() if named}


def summary(
    values: Mapping[Hashable, np.ndarray],
    pairs: Sequence[tuple[Hashable, Hashable]],
    *,
    samples: int,
    seed: int,
    measures: Sequence[str] = MEASURES,
    tested: bool = False,
    volumes: Sequence[Hashable | None] | None = None,
    further: Sequence[tuple[Hashable, Hashable]] = (),
) -> dict[str, Any]:
    """Means of each system and differences of pairs of systems, with intervals.

    Args:
        values: of each system, by name or any other key, (n_queries, n_measures), the
            same queries for all.
        pairs: (system, base) to compare.
        samples: of the bootstrap; the tests draw as many, or more (see `draws`).
        seed: of both.
        measures: names of the columns.
        tested: give each difference its p-value as well, by itself (`p`) and corrected
            for the number of pairs (`p_holm`); `at_most` says that these are the least
            that so many draws can give. The pairs of a measure are a family: measures
            say much the same, and correcting for them too would hide what each of them
            shows.
        volumes: of each query the volume that it is about; None: not known.
        further: pairs that are a family by themselves, as `pairs` are: how many there
            are changes nothing of those.

    Returns:
        `{"queries", "volumes", "queries_without_volume", "systems": {system: {measure:
        {"mean", "low", "high"}}}, "comparisons": [{"system", "base", "difference":
        {measure: {...}}}]}`, and `further` as `comparisons` where there are such pairs.
        The ends are None below FEWEST_QUERIES queries. From
        FEWEST_VOLUMES volumes on there are ends over volumes too (`volumes_low`,
        `volumes_high`), in which a query of no known volume counts as one.
    """
    blocks = [
        *values.values(),
        *(values[system] - values[base] for system, base in (*pairs, *further)),
    ]
    columns = np.hstack(blocks)
    volumes = volumes or [None] * len(columns)
    ends = _ends(columns, volumes, samples, seed)

    def described(block: int) -> dict[str, dict[str, Any]]:
        first = block * len(measures)
        return {
            measure: {
                key: None if of is None else round(float(of[column]), DECIMALS)
                for key, of in ends.items()
            }
            for column, measure in enumerate(measures, start=first)
        }

    def family(start: int, pairs: Sequence[tuple[Hashable, Hashable]]) -> list[dict]:
        """The differences of pairs that stand from a block on, tested together."""
        comparisons = [
            {"system": system, "base": base, "difference": described(start + block)}
            for block, (system, base) in enumerate(pairs)
        ]
        if tested and pairs:
            width, drawn = len(measures), draws(samples, len(pairs))
            differences = columns[:, start * width : (start + len(pairs)) * width]
            p = randomisation(differences, drawn, seed)
            _add_p(comparisons, p.reshape(len(pairs), -1), drawn)
        return comparisons

    comparisons = family(len(values), pairs)
    others = family(len(values) + len(pairs), further)
    return {
        "queries": len(columns),
        "volumes": len(set(volumes) - {None}),
        "queries_without_volume": sum(volume is None for volume in volumes),
        "systems": {system: described(block) for block, system in enumerate(values)},
        "comparisons": comparisons,
        **({"further": others} if others else {}),
    }


def _ends(
    columns: np.ndarray, volumes: Sequence[Hashable | None], samples: int, seed: int
) -> dict[str, np.ndarray | None]:
    """The mean of each column and the ends of its intervals; None: no interval."""
    low = high = None
    enough = len(columns) >= FEWEST_QUERIES
    if enough:
        low, high = bootstrap(columns, samples, seed)
    ends = {"mean": columns.mean(axis=0), "low": low, "high": high}
    if enough and len(set(volumes) - {None}) >= FEWEST_VOLUMES:
        over_volumes = bootstrap_of_clusters(columns, numbered(volumes), samples, seed)
        ends["volumes_low"], ends["volumes_high"] = over_volumes
    return ends


def _add_p(comparisons: list[dict[str, Any]], p: np.ndarray, drawn: int) -> None:
    """Add p-values of so many draws, (n_comparisons, n_measures), as they are and
    corrected, and whether they are the least that there can be."""
    least = p < 1.5 / (drawn + 1)
    for pair, *rows in zip(comparisons, p, holm(p), least, strict=True):
        for difference, own, corrected, at_most in zip(
            pair["difference"].values(), *rows, strict=True
        ):
            # Significant digits: a p-value is never 0.
            difference["p"] = float(f"{own:.6g}")
            difference["p_holm"] = float(f"{corrected:.6g}")
            difference["at_most"] = bool(at_most)
