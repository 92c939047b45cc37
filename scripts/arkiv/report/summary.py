"""The run in a few sentences, each made from its numbers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from arkiv.base.markdown import counted as plural
from arkiv.evaluate.measures import title
from arkiv.gold.standard import MEANINGS
from arkiv.report.costs import duration
from arkiv.report.data import counted, total
from arkiv.report.funnel import Counts
from arkiv.report.gold import kappa_of
from arkiv.report.jobs import of_known
from arkiv.report.outline import Material
from arkiv.report.results import probability, signed
from arkiv.report.searches import compared_pairs
from arkiv.retrieve.systems import spaced, system_of

Systems = Mapping[str, Mapping[str, Any]]

# Of corrected p-values.
SIGNIFICANT = 0.05
# Fewer queries show only large differences.
FEW = 50
# Pairs of systems that are named.
MOST_PAIRS = 8


def called(name: str, systems: Systems) -> str:
    """A system in words: `the tuned model's dense search`, `BM25`."""
    if name not in systems:
        return spaced(name)
    system = system_of(systems[name])
    alone = sum(one["type"] == system.type for one in systems.values()) == 1
    return system.called(spaced(name), alone=alone)


def verdict(value: Mapping[str, float]) -> str:
    """Whether a difference is `better`, `worse` or `open`.

    By its corrected p-value; by its interval where it has none.
    """
    if "p_holm" in value:
        sure = value["p_holm"] < SIGNIFICANT
    else:
        sure = value["low"] > 0 or value["high"] < 0
    if not sure:
        return "open"
    return "better" if value["mean"] > 0 else "worse"


def figures(value: Mapping[str, float]) -> str:
    """A difference with its interval and p-value."""
    mean, low, high = (signed(value[key]) for key in ("mean", "low", "high"))
    p = f", {probability(value['p_holm'])}" if "p_holm" in value else ""
    return f"{mean} [{low}, {high}]{p}"


def comparison(
    pair: Mapping[str, Any], metrics: Mapping[str, Any], systems: Systems
) -> str:
    """What the deciding measure says of a pair of systems, and what that means."""
    measure = metrics["measures"][0]
    system, base, value = pair["system"], pair["base"], pair["difference"][measure]
    mine, theirs = (
        metrics["systems"][name][measure]["mean"] for name in (system, base)
    )
    words = {
        "better": "is better than",
        "worse": "is worse than",
        "open": "is not shown to differ from",
    }[verdict(value)]
    queries = plural(metrics["queries"], "held-out query", "held-out queries")
    return (
        f"On {queries} {called(system, systems)} {words} {called(base, systems)}: mean "
        f"{title(measure)} {mine:.3f} against {theirs:.3f} ({figures(value)})."
        # An embedder's gold standard tells likeness to it, not what to search with.
        f"{'' if metrics['gold'] == 'embedder' else meaning(pair, value, systems)}"
    )


def others(pairs: Sequence[Mapping[str, Any]], measure: str) -> str:
    """The verdicts on further pairs, in one sentence."""
    named: dict[str, list[str]] = {}
    for pair in pairs[:MOST_PAIRS]:
        found = verdict(pair["difference"][measure])
        between = "and" if found == "open" else "than"
        words = f"{spaced(pair['system'])} {between} {spaced(pair['base'])}"
        named.setdefault(found, []).append(words)
    leads = {"better": "better", "worse": "worse", "open": "not shown to differ"}
    parts = [
        f"{lead}: {', '.join(named[found])}"
        for found, lead in leads.items()
        if found in named
    ]
    more = len(pairs) - MOST_PAIRS
    rest = f"; and {more:,} more pairs (see Results)" if more > 0 else ""
    return f"By the same measure, {'; '.join(parts)}{rest}."


def meaning(
    pair: Mapping[str, Any], value: Mapping[str, float], systems: Systems
) -> str:
    """What follows from a difference, where something does."""
    base, tuned = systems.get(pair["base"], {}), systems.get(pair["system"], {})
    found = verdict(value)
    if base.get("type") == "bm25" and found == "worse":
        return (
            " BM25 compares words alone and needs no training: as long as it is ahead, "
            "search with it, or with a fusion of both, on queries like these."
        )
    trained = tuned.get("model") not in (None, "base") and base.get("model") == "base"
    if trained and found == "worse":
        return " Training has made the model worse at this: do not use it as it is."
    if trained and found == "open":
        return (
            " It is open whether training has helped; more test queries could tell "
            "smaller differences."
        )
    return ""


def of_data(datasets: Mapping[str, Counts], history: Mapping[str, Any]) -> str:
    """What went in and what was trained on."""

    def sum_of(stage: str, key: str) -> float | None:
        return total([counted(stages, stage, key) for stages in datasets.values()])

    pages, documents = sum_of("documents", "pages"), sum_of("documents", "documents")
    if pages:
        given = any("documents" not in stages for stages in datasets.values())
        start = (
            f"{plural(pages, 'page')} became {plural(documents or 0, 'document')}, and "
            f"these{' with what was given' if given else ''}"
        )
    else:
        start = f"{plural(len(datasets), 'dataset')} of ready pairs"
    pairs = sum_of("pairs", "pairs")
    sentence = f"{start} gave {plural(pairs or 0, 'query–passage pair')}"
    if (rows := history.get("rows")) is not None:
        sentence += f"; the model was trained on {plural(rows, 'row')}"
        if warned := len(history.get("warnings") or ()):
            sentence += f", and training warned {plural(warned, 'time')} (see Training)"
    return f"{sentence}."


def of_results(
    metrics: Mapping[str, Any], systems: Systems, extractive: bool
) -> Iterator[str]:
    """How well the systems search: the first one compared, the best one, the others."""
    measure, queries = metrics["measures"][0], metrics["queries"]
    pairs = metrics["comparisons"]
    first = compared_pairs(metrics)
    for pair in pairs:
        if (pair["system"], pair["base"]) in first:
            yield comparison(pair, metrics, systems)
    rest = [pair for pair in pairs if (pair["system"], pair["base"]) not in first]
    if rest:
        yield others(rest, measure)
    means = {name: of[measure]["mean"] for name, of in metrics["systems"].items()}
    best = max(means, key=lambda name: means[name])
    yield (
        f"Of {plural(len(means), 'system')} {called(best, systems)} has the highest "
        f"mean {title(measure)}, {means[best]:.3f}."
    )
    if extractive:
        yield (
            "Queries were made from the words of their passages (queries.backend is "
            "extractive), which favours search by words and makes all numbers higher "
            "than people's questions would."
        )
    if queries < FEW:
        few = plural(queries, "test query is", "test queries are")
        yield f"{few[:1].upper()}{few[1:]} few: read the intervals."


def of_requirements(requirements: Sequence[Mapping[str, Any]]) -> str:
    """Whether what was required is met."""
    missed = sum(not one["holds"] for one in requirements)
    wanted = plural(len(requirements), "requirement")
    if not missed:
        return f"Of {wanted} (evaluate.require) all are met."
    return f"{missed} of {wanted} (evaluate.require) missed: see Results."


def of_agreement(agreement: Mapping[str, Any]) -> str:
    """How far people and the machine agree."""
    binary = agreement["binary"]
    return (
        f"On {agreement['pairs']:,} judged pairs people and the gold standard agree in "
        f"{binary['agreement']:.0%}: {kappa_of(binary)}."
    )


def of_spelling(spelling: Mapping[str, Any], system: str, systems: Systems) -> str:
    """What a system loses in the spelling that costs it most; nothing if not known."""
    measure = spelling["measures"][0]
    losses = {
        variant["name"]: variant["difference"][system][measure]
        for variant in spelling["variants"]
        if system in variant["difference"]
    }
    if not losses:
        return ""
    worst = min(losses, key=lambda name: losses[name]["mean"])
    change = losses[worst]
    words = {"worse": "loses", "open": "is not shown to change", "better": "gains"}
    name = called(system, systems)
    return (
        f"Of {plural(len(losses), 'other spelling')} {spaced(worst)} costs most: "
        f"{name} {words[verdict(change)]} ({title(measure)} {figures(change)})."
    )


def sentences(of: Material) -> list[str]:
    """The summary of the run."""
    metrics, agreement = of.metrics, of.agreement
    systems = of.config["evaluate"]["systems"]
    extractive = of.config["queries"]["backend"] == "extractive" and any(
        "queries" in stages for stages in of.datasets.values()
    )
    lines = [of_data(of.datasets, of.history)]
    if metrics["gold"] != "known_item":
        lines.append(MEANINGS[metrics["gold"]])
    lines += of_results(metrics, systems, extractive)
    if metrics["requirements"]:
        lines.append(of_requirements(metrics["requirements"]))
    if agreement and agreement["pairs"]:
        lines.append(of_agreement(agreement))
    if of.spelling:
        compared = metrics["comparisons"]
        system = compared[0]["system"] if compared else next(iter(metrics["systems"]))
        lines.append(of_spelling(of.spelling, system, systems))
    if of.costs:
        together, processors = (
            duration(of_known(sum, of.costs, key)) for key in ("seconds", "cpu_seconds")
        )
        lines.append(f"The jobs took {together} together ({processors} of processors).")
    return [line for line in lines if line]
