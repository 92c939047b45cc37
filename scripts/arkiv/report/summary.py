"""The run in a few sentences, each made from its numbers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from itertools import chain
from typing import Any

from arkiv.base.markdown import counted as plural
from arkiv.evaluate.intervals import FEWEST_QUERIES
from arkiv.evaluate.measures import title
from arkiv.evaluate.units import told
from arkiv.evaluate.verdicts import (
    Value,
    corrected_away,
    disagreement,
    leaves_out_0,
    probability,
    verdict,
)
from arkiv.example.toys import toys, warning
from arkiv.gold.standard import MEANINGS
from arkiv.pairs.judged import warnings
from arkiv.pairs.shares import rows_of
from arkiv.report import forgetting, merging
from arkiv.report.costs import duration
from arkiv.report.data import counted, total
from arkiv.report.funnel import Counts
from arkiv.report.gold import kappa_of
from arkiv.report.jobs import of_known
from arkiv.report.outline import Material
from arkiv.report.results import signed
from arkiv.report.searches import compared_pairs
from arkiv.report.sources import in_a_sentence
from arkiv.report.sure import (
    of_extractive,
    percent,
    queries_of,
    queries_of_volumes,
    upper,
)
from arkiv.retrieve.systems import spaced, system_of, systems_of
from arkiv.train import watched

Metrics = Mapping[str, Any]
Systems = Mapping[str, Mapping[str, Any]]

# Fewer queries show only large differences.
FEW = 50
# Of which people who search ask first.
FIRST_TEN = "Success@10"
# Pairs of systems that are named.
MOST_PAIRS = 8


def called(name: str, systems: Systems) -> str:
    """A system in words: `the tuned model's dense search`, `BM25`."""
    if name not in systems:
        return spaced(name)
    system = system_of(systems[name])
    alone = sum(one["type"] == system.type for one in systems.values()) == 1
    return system.called(spaced(name), alone=alone)


def figures(value: Value) -> str:
    """A difference with its interval and p-value, as far as it has them."""
    ends = [value[key] for key in ("low", "high") if value[key] is not None]
    interval = f" [{', '.join(map(signed, ends))}]" if ends else ""
    p = f", {probability(value)}" if "p_holm" in value else ""
    return f"{signed(value['mean'])}{interval}{p}"


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
        f"{doubts(value, metrics)}"
        # An embedder's gold standard tells likeness to it, not what to search with.
        f"{'' if metrics['gold'] == 'embedder' else meaning(pair, value, systems)}"
    )


def doubts(value: Value, metrics: Metrics) -> str:
    """Where the tests of a difference do not say the same: sentences, or nothing."""
    why = disagreement(value)
    said = f" {upper(why)}{alone(value)}." if why else ""
    if verdict(value) != "open" and leaves_out_0(value, "volumes_") is False:
        low, high = (signed(value[f"volumes_{end}"]) for end in ("low", "high"))
        said += (
            f" Over the {plural(metrics['volumes'], 'volume')} the interval holds 0 "
            f"[{low}, {high}]: in other volumes it may be otherwise."
        )
    return said


def alone(value: Value) -> str:
    """A p-value by itself, where the correction is all that makes it too large."""
    if not corrected_away(value):
        return ""
    return f" ({probability({**value, 'p_holm': value['p']})} by itself)"


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
    trained = (
        tuned.get("model") not in (None, "base")
        and base.get("model") == "base"
        and tuned.get("mode") == base.get("mode")
    )
    if trained and found == "worse":
        return " Training has made the model worse at this: do not use it as it is."
    if trained and found == "open":
        return (
            " It is open whether training has helped; more test queries could tell "
            "smaller differences."
        )
    return ""


def of_data(
    datasets: Mapping[str, Counts], history: Mapping[str, Any], trainings: int = 1
) -> str:
    """What went in and what was trained on; of several trainings, by the last."""

    def sum_of(stage: str, key: str) -> float | None:
        return total([counted(stages, stage, key) for stages in datasets.values()])

    pages, documents = sum_of("documents", "pages"), sum_of("documents", "documents")
    if pages is not None:
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
        times = f"{trainings:,} times, the last time " if trainings > 1 else ""
        sentence += f"; the model was trained {times}on {plural(rows, 'row')}"
        if warned := len(history.get("warnings") or ()):
            sentence += f", and training warned {plural(warned, 'time')} (see Training)"
    return f"{sentence}."


def of_shares(datasets: Mapping[str, Counts]) -> str:
    """Whether train, dev or test are other shares of the pairs than were asked for."""
    found = rows_of({name: of.get("pairs", {}) for name, of in datasets.items()})
    if not found:
        return ""
    name, side, asked, came_out, _ = found[0]
    others = f", and {plural(more, 'side')} more" if (more := len(found) - 1) else ""
    return (
        f"The division is not as asked for: {side} of {name} has {came_out}, instead "
        f"of {asked}{others} (see What went in, and what was dropped)."
    )


def of_pairs(audits: Sequence[Mapping[str, Any]]) -> list[str]:
    """Which datasets' pairs looked broken before anything was learnt from them."""
    first = audits[0] if audits else {}
    figures = {name: of["judged"] for name, of in first.items() if "judged" in of}
    said = list(warnings(figures))
    more = [f"So do those of {len(said) - MOST_PAIRS:,} more datasets (see Negatives)."]
    return said[:MOST_PAIRS] + more * (len(said) > MOST_PAIRS)


def of_results(metrics: Metrics, systems: Systems, extractive: int) -> Iterator[str]:
    """How well the systems search: the first one compared, the others, the best one.

    Args:
        extractive: how many of the queries were made from the words of their passages.
    """
    measure, queries = metrics["measures"][0], metrics["queries"]
    pairs = metrics["comparisons"]
    first = compared_pairs(metrics)
    if FIRST_TEN in metrics["measures"]:
        yield of_found(metrics, systems)
    for pair in pairs:
        if (pair["system"], pair["base"]) in first:
            yield comparison(pair, metrics, systems)
    if by_source := in_a_sentence(metrics, figures):
        yield by_source
    rest = [pair for pair in pairs if (pair["system"], pair["base"]) not in first]
    if rest:
        yield others(rest, measure)
    means = {name: of[measure]["mean"] for name, of in metrics["systems"].items()}
    yield of_best(means, measure, systems)
    if counted := told(metrics):
        yield counted
    if metrics.get("volumes"):
        yield f"{upper(queries_of_volumes(metrics))}."
    if extractive:
        yield of_extractive(extractive, queries)
    if queries < FEWEST_QUERIES:
        few = plural(queries, "test query is", "test queries are")
        yield f"{few} so few that no intervals are given."
    elif queries < FEW:
        few = plural(queries, "test query is", "test queries are")
        yield f"{few} few: read the intervals."


def of_found(metrics: Metrics, systems: Systems) -> str:
    """For how many queries something relevant is among the first ten hits: of the best,
    and of the first one compared with its bases."""
    queries = metrics["queries"]
    shares = {name: of[FIRST_TEN]["mean"] for name, of in metrics["systems"].items()}
    best = max(shares, key=lambda name: shares[name])
    named = dict.fromkeys([best, *chain(*compared_pairs(metrics))])
    found = {name: round(shares[name] * queries) for name in named}
    each = ", ".join(
        f"{called(name, systems)} for {count:,} ({percent(count, queries)})"
        for name, count in found.items()
    )
    unit = (metrics.get("counted") or {}).get("unit", "passage")
    asked = plural(queries, "held-out query", "held-out queries")
    return f"Of {asked}, a relevant {unit} is found among the first ten by {each}."


def of_best(means: Mapping[str, float], measure: str, systems: Systems) -> str:
    """Which systems have the highest mean, as far as three digits tell."""
    highest = max(round(mean, 3) for mean in means.values())
    best = [name for name, mean in means.items() if round(mean, 3) == highest]
    named = [called(name, systems) for name in best[:MOST_PAIRS]]
    if len(best) > MOST_PAIRS:
        named.append(f"{len(best) - MOST_PAIRS:,} more")
    listed = " and ".join(filter(None, (", ".join(named[:-1]), named[-1])))
    has = "has the" if len(best) == 1 else "share the"
    return (
        f"Of {plural(len(means), 'system')} {listed} {has} highest mean "
        f"{title(measure)}, {highest:.3f}."
    )


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
        f"{binary['agreement']:.0%}: {kappa_of(binary, agreement['queries'])}."
    )


def of_spelling(spelling: Mapping[str, Any], system: str, systems: Systems) -> str:
    """What other spellings are shown to cost a system; nothing if not measured."""
    measure = spelling["measures"][0]
    changes = {
        variant["name"]: variant["difference"][system][measure]
        for variant in spelling["variants"]
        if system in variant["difference"]
    }
    if not changes:
        return ""
    asked = f"Of {plural(len(changes), 'other spelling')}"
    shown = {name: of for name, of in changes.items() if is_shown(of)}
    losses = {name: of for name, of in shown.items() if of["mean"] < 0}
    gains = [name for name in shown if name not in losses]
    name, measured = called(system, systems), title(measure)
    if not shown:
        return f"{asked} none is shown to change {measured} of {name}."
    parts = []
    if losses:
        worst = min(losses, key=lambda one: losses[one]["mean"])
        most = " most" if len(losses) > 1 else ""
        parts.append(
            f"{plural(len(losses), 'is', 'are')} shown to cost {name} something, "
            f"{spaced(worst)}{most}: {measured} {figures(losses[worst])}"
        )
    if gains:
        parts.append(f"{name} gains {measured} by {' and '.join(map(spaced, gains))}")
    return f"{asked} {'; '.join(parts)}."


def is_shown(change: Value) -> bool:
    """Whether both tests that there are say that something changes."""
    return verdict(change) != "open" and leaves_out_0(change) is not False


def of_baseline(left_out: Sequence[str]) -> str:
    """That nothing was trained, and which systems are not measured for that."""
    if not left_out:
        return "A baseline: nothing was trained for these numbers."
    named = list(map(spaced, left_out[:MOST_PAIRS]))
    if len(left_out) > MOST_PAIRS:
        named.append(f"{len(left_out) - MOST_PAIRS:,} more")
    are = plural(
        len(left_out),
        "system needs training and is not measured",
        "systems need training and are not measured",
    )
    return f"A baseline, before any training. {are}: {', '.join(named)}."


def of_example(datasets: Mapping[str, Any], backend: str) -> str:
    """That archives and what they are asked are made up; nothing where none is."""
    names = [name for name, dataset in datasets.items() if "example" in dataset]
    if not names:
        return ""
    asked = ""
    if backend == "example":
        asked = (
            " So are the queries, in other words than the passages: training learns "
            "from tables what is called how, which search by words cannot."
        )
    are, they_are = ("is", "it is") if len(names) == 1 else ("are", "they are")
    return (
        f"{', '.join(names)} {are} made up on the spot: how well {they_are} searched "
        f"says nothing of other archives.{asked}"
    )


def of_forgetting(of: Material) -> Iterator[str]:
    """What was merged, and what was forgotten; nothing of a baseline."""
    if of.merge:
        yield merging.sentence(of.merge)
    if of.general:
        name = partial(called, systems=of.config["evaluate"]["systems"])
        yield forgetting.sentence(of.general, of.metrics, name, figures)
    elif of.trainings:
        watched = of.config.get("train", {}).get("evaluation", {})
        lacks = watched.get("general") is None
        yield forgetting.UNMEASURED if lacks else forgetting.UNCOMPARED


def extractive_of(of: Material) -> int:
    """How many of the measured queries were made from the words of their passages."""
    if of.config["queries"]["backend"] != "extractive":
        return 0
    made = (name for name, stages in of.datasets.items() if "queries" in stages)
    return queries_of(of.metrics, made)


def toys_of(of: Material) -> list[str]:
    """Which of the models that the run has taken are tiny: without training there may
    be no reranker among them."""
    systems = systems_of(of.config["evaluate"]["systems"]).values()
    scored = (
        of.trainings
        or of.metrics["gold"] == "teacher_pool"
        or any(system.model_of_run == "teacher" for system in systems)
    )
    tiny = toys(of.config.get("models", {}))
    return [model for model in tiny if scored or model != "reranker"]


def sentences(of: Material) -> list[str]:
    """The summary of the run."""
    metrics, agreement = of.metrics, of.agreement
    systems = of.config["evaluate"]["systems"]
    tiny = warning(toys_of(of))
    went_in = of_data(of.datasets, of.history, len(of.trainings))
    fell = watched.in_a_sentence(of.history.get("evaluation"))
    made_up = of_example(of.config["datasets"], of.config["queries"]["backend"])
    baseline = "" if of.trainings else of_baseline(of.arguments.left_out)
    lines = [tiny, made_up, baseline, went_in, fell, of_shares(of.datasets)]
    lines += of_pairs(of.audits)
    if metrics["gold"] != "known_item":
        lines.append(MEANINGS[metrics["gold"]])
    lines += of_results(metrics, systems, extractive_of(of))
    lines += of_forgetting(of)
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
