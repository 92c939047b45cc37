"""How sure the measures are, in sentences that are true of the numbers at hand."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from arkiv.base.markdown import counted as plural
from arkiv.evaluate.intervals import FEWEST_QUERIES, FEWEST_VOLUMES
from arkiv.evaluate.measures import title
from arkiv.evaluate.verdicts import (
    DAGGER,
    DOUBLE_DAGGER,
    LEGEND,
    WITHIN,
    Value,
    disagreement,
    only_within,
)
from arkiv.retrieve.systems import spaced

Metrics = Mapping[str, Any]

# Measures to which the order of the first passages is nothing.
UNRANKED = ("R", "P", "Success")
# Of the differences of which interval and p disagree.
MOST_NAMED = 6


def upper(sentence: str) -> str:
    """A sentence with a capital at its beginning."""
    return sentence[:1].upper() + sentence[1:]


def has_ends(part: Metrics, key: str) -> bool:
    """Whether some mean has this end of an interval."""
    return any(
        value.get(key) is not None
        for means in part["systems"].values()
        for value in means.values()
    )


def has_intervals(part: Metrics) -> bool:
    """Whether there are queries enough for intervals."""
    return has_ends(part, "low")


def about_intervals(metrics: Metrics) -> str:
    """What stands below each mean, in sentences."""
    level, samples = metrics["bootstrap"]["level"], metrics["bootstrap"]["samples"]
    if not has_intervals(metrics):
        return (
            f"Fewer than {FEWEST_QUERIES} queries say too little of others for an "
            "interval: a dash stands in its place."
        )
    return (
        f"Below each mean stands its {level:.0%} interval, from {samples:,} bootstrap "
        f"samples of the queries; of fewer than {FEWEST_QUERIES} queries (n), a dash."
    )


def about_volumes(metrics: Metrics) -> str:
    """How many volumes the queries are about, and what follows for the intervals."""
    if (volumes := metrics.get("volumes")) is None:
        return ""
    if not volumes:
        return "Of no query is it known which volume it is about."
    unknown = metrics["queries_without_volume"]
    if has_ends(metrics, "volumes_low"):
        alone = ", a query of no known volume by itself" if unknown else ""
        follows = (
            " Queries of one volume are alike, so that other volumes may give other "
            "numbers than the intervals over queries and p suggest. The second "
            "interval (V) is from whole volumes drawn, each with all its queries"
            f"{alone}."
        )
    elif volumes < FEWEST_VOLUMES and has_intervals(metrics):
        follows = (
            f" With fewer than {FEWEST_VOLUMES} there are no intervals over volumes: "
            "those over queries, and p, are for other queries about the same volumes."
        )
    else:
        follows = ""
    return f"{upper(queries_of_volumes(metrics))}.{follows}"


def queries_of_volumes(metrics: Metrics) -> str:
    """How many volumes the queries are about, and of how many that is not known."""
    queries, unknown = metrics["queries"], metrics["queries_without_volume"]
    volumes = plural(metrics["volumes"], "volume")
    if not unknown:
        return f"the {plural(queries, 'query is', 'queries are')} about {volumes}"
    known = queries - unknown
    return (
        f"{known:,} of the {queries:,} queries {'is' if known == 1 else 'are'} about "
        f"{volumes}, of the others that is not known"
    )


def queries_of(metrics: Metrics, datasets: Iterable[str]) -> int:
    """How many of the measured queries are of these datasets."""
    counts = metrics.get("datasets") or {}
    return sum(counts.get(name, 0) for name in datasets)


def of_extractive(made: int, queries: int) -> str:
    """That queries were made from the words of their passages, and what that does."""
    if made == queries:
        all_of = "All " if queries > 1 else ""
        which = f"{all_of}{plural(made, 'test query', 'test queries')}"
    else:
        which = f"{made:,} of {queries:,} test queries ({percent(made, queries)})"
    were, their = ("was", "its") if made == 1 else ("were", "their")
    return (
        f"{which} {were} made from the words of {their} passages (queries.backend is "
        "extractive), which favours search by words; questions that people ask are "
        "harder, as a rule."
    )


def percent(part: int, whole: int) -> str:
    """A share in per cent, 0 and 100 only of nothing and of all."""
    share = 100 * part / whole
    return f"{min(max(share, 0.1), 99.9):.1f}%" if 0 < part < whole else f"{share:.0f}%"


def how_sure(metrics: Metrics) -> str:
    """What the differences and their stars mean."""
    bootstrap, pairs = metrics["bootstrap"], len(metrics["comparisons"])
    drawn = bootstrap.get("randomisations", bootstrap["samples"])
    corrected = f", corrected for the {pairs:,} pairs of the table (Holm)"
    intervals = (
        " p tells which differences are shown; the intervals, which are not corrected "
        "for the number of pairs, how large they may be."
    )
    return (
        "Differences are paired, query by query. p is the chance of a difference at "
        f"least this large between systems that are alike: by {drawn:,} random signs "
        "of the queries' differences (a paired randomisation test)"
        f"{corrected if pairs > 1 else ''}; “≤” stands before the least that so many "
        f"can tell. {LEGEND}.{intervals if has_intervals(metrics) else ''} The stars "
        "of a mean are those of its difference from the first system that it is "
        "compared with, for better or for worse."
    )


def of_further(metrics: Metrics) -> str:
    """What the further differences are, and what their stars mean."""
    pairs = len(metrics["further"])
    corrected = f", corrected for these {pairs:,} pairs alone (Holm)"
    return (
        "For information (evaluate.compare_further): p is as above"
        f"{corrected if pairs > 1 else ''}, and those above are what they would be "
        "without. What is decided by one of these pairs belongs in evaluate.compare, "
        "before it is measured."
    )


def differences(
    pairs: Sequence[Mapping[str, Any]], measures: Iterable[str]
) -> Iterator[tuple[str, Value]]:
    """The differences of pairs by what they are called."""
    measures = list(measures)
    for pair in pairs:
        both = f"{spaced(pair['system'])} − {spaced(pair['base'])}"
        for measure in measures:
            yield f"{title(measure)} of {both}", pair["difference"][measure]


def apart(differences: Iterable[tuple[str, Value]]) -> Iterator[str]:
    """Of which differences interval and corrected p disagree, and why: a sentence for
    each reason."""
    where: dict[str, list[str]] = {}
    for name, value in differences:
        if why := disagreement(value):
            where.setdefault(why, []).append(name)
    for why, found in where.items():
        more = len(found) - MOST_NAMED
        rest = f"; and {more:,} more" if more > 0 else ""
        yield f"{DAGGER} {'; '.join(found[:MOST_NAMED])}{rest}: {why}."


def beyond(differences: Iterable[tuple[str, Value]]) -> str:
    """Of which differences the corrected p says what the interval over volumes does
    not, and why; nothing if there is none."""
    found = [name for name, value in differences if only_within(value)]
    if not found:
        return ""
    more = len(found) - MOST_NAMED
    rest = f"; and {more:,} more" if more > 0 else ""
    return f"{DOUBLE_DAGGER} {'; '.join(found[:MOST_NAMED])}{rest}: {WITHIN}."


def same_sets(
    reordering: Mapping[str, tuple[str, int]],
    measured: Iterable[str],
    measures: Iterable[str],
) -> Iterator[str]:
    """Which measures of systems that re-rank are those of what they re-rank.

    They put its first passages into another order, and leave which these are: what
    counts as many passages, or more, without their ranks cannot differ.

    Args:
        reordering: the systems that re-rank, as `arkiv.retrieve.systems` has them.
        measured: names of the systems that are shown.
        measures: that are shown.
    """
    measured, counting = set(measured), dict(map(_counting, measures))
    alike: dict[tuple[str, int], list[str]] = {}
    for name, (below, depth) in reordering.items():
        if name in measured:
            alike.setdefault((below, depth), []).append(spaced(name))
    for (below, depth), names in alike.items():
        same = [title(one) for one, among in counting.items() if among >= depth]
        if same:
            one = len(names) == 1
            they, put, bring = (
                ("it", "puts", "brings") if one else ("they", "put", "bring")
            )
            are = "is that" if len(same) == 1 else "are those"
            yield (
                f"{' and '.join(same)} of {' and '.join(names)} {are} of {below} by "
                f"construction: {they} {put} its first {depth:,} passages into another "
                f"order, and {bring} no others among them."
            )


def _counting(measure: str) -> tuple[str, int]:
    """A measure, and among how many passages it counts; 0 of one that goes by ranks."""
    name, _, cutoff = measure.partition("@")
    return measure, int(cutoff) if name in UNRANKED else 0
