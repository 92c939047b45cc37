"""What to do next, made from the numbers of a run: each with the setting to write.

A rule looks at numbers and gives advice, or nothing. Advice is sorted by what it is
worth: first what makes all other numbers doubtful, then what was lost, then what may be
gained, then how sure it is; within each by size. There is little of it, since who reads
of ten things to do does none.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import NamedTuple

from arkiv.base.markdown import counted as plural
from arkiv.encode.settings import AUTO, MODES
from arkiv.evaluate.measures import title
from arkiv.evaluate.verdicts import verdict
from arkiv.pairs import judged
from arkiv.report import forgetting
from arkiv.report.at_hand import Numbers
from arkiv.report.results import signed
from arkiv.report.summary import FEW, figures, is_shown
from arkiv.retrieve.systems import spaced
from arkiv.retrieve.weights import FEWEST_QUERIES as FEWEST_DEV
from arkiv.train import watched
from arkiv.train.altering import augments

MOST = 5
# What is worth most: the order of the kinds of advice.
DOUBT, LOST, GAIN, SURE = range(4)
# Shares from which something is much: of all negatives or queries; of a measure.
MANY, COSTLY = 0.05, 0.1
# An interval half as wide takes so many times the queries; the most of the pairs that
# are advised to be held out for them.
TIMES = 4
MOST_HELD_OUT = 0.3
# Of the pairs that are not dev's, most are to be trained on.
MOST_TAKEN = 0.5
REAL = {"embedder": "BAAI/bge-m3", "reranker": "BAAI/bge-reranker-v2-m3"}


class Advice(NamedTuple):
    """Something to do."""

    kind: int
    """DOUBT, LOST, GAIN or SURE."""
    worth: float
    """Within its kind, in the deciding measure or as a share."""
    said: str
    """What the numbers say, and what to do: sentences."""
    setting: str
    """What to write into one's own configuration, in YAML."""
    guide: str
    """The page of docs/ and its section."""


def tiny_models(of: Numbers) -> Iterator[Advice]:
    """Toys are to be replaced before anything else."""
    if of.toys:
        count = plural(len(of.toys), "model is tiny", "models are tiny")
        sources = "\n".join(f"  {name}: {{source: {REAL[name]}}}" for name in of.toys)
        yield Advice(
            DOUBT,
            math.inf,
            f"{count}, to try the pipeline out: numbers, and what they advise, mean "
            "something with real ones alone.",
            f"models:\n{sources}",
            "training.md#the-model-to-tune",
        )


def broken_pairs(of: Numbers) -> Iterator[Advice]:
    """Pairs whose passage no search finds, or which the teacher contradicts."""
    found: dict[str, tuple[float, str]] = {}
    for name, one in of.judged.items():
        if judged.prefers(one, "teacher"):
            share = _share_above(one, "teacher")
            words = f"the teacher prefers {share:.0%} of the negatives to the passage"
            found[name] = (share, words)
        if judged.is_lost(one):
            share = one["search"]["lost"] / one["search"]["judged"]
            words = f"of {share:.0%} of the queries no search finds the passage"
            found[name] = max(found.get(name, (0.0, "")), (share, words))
    if not found or of.config["pairs"]["round_trip"]["by"]:
        return
    name = max(found, key=lambda one: found[one])
    share, why = found[name]
    others = f"; so do those of {more:,} more" if (more := len(found) - 1) else ""
    yield Advice(
        DOUBT,
        share,
        f"The pairs of {name} look broken: {why}{others}. Read the suspects of the "
        "audit, and set aside what no search finds.",
        "pairs:\n  round_trip: {by: either, top: 20}",
        "mining.md#whether-the-pairs-are-fit-to-learn-from",
    )


def false_negatives(of: Numbers) -> Iterator[Advice]:
    """Negatives that may well answer, as the teacher says, or else the embedder."""
    shares = {}
    for name, one in of.judged.items():
        heard = judged.is_heard(one, "teacher")
        who, least = ("teacher", MANY) if heard else ("embedder", judged.LOUD)
        # From a third on it is the pairs that are in doubt, by the teacher.
        if judged.is_heard(one, who) and not judged.prefers(one, "teacher"):
            shares[name] = (_share_above(one, who), who, least)
    shares = {name: one for name, one in shares.items() if one[0] >= one[2]}
    if not shares:
        return
    name = max(shares, key=lambda one: shares[one])
    share, who, _ = shares[name]
    said = (
        f"In {name} the {who} prefers {share:.0%} of the negatives to the positive: "
        "some may answer the query, and teach what is wrong."
    )
    if who == "teacher" and of.config["teacher"]["filter"]["margin"] is None:
        yield Advice(
            LOST,
            share,
            f"{said} Leave those out that score as high as the positive.",
            "teacher:\n  filter: {margin: 0}",
            "mining.md#the-teachers-scores",
        )
    elif who == "embedder" and of.config["mining"]["relative_margin"] is None:
        yield Advice(
            LOST,
            share,
            f"{said} Mine below the positive.",
            "mining:\n  relative_margin: 0.05\n  shortfall: [wider, random]",
            "mining.md#look-before-training",
        )


def _share_above(figures: judged.Figures, who: str) -> float:
    """Of the negatives, those that it prefers to the positive."""
    return figures[who]["above"] / figures[who]["of"]


def own_words(of: Numbers) -> Iterator[Advice]:
    """Test queries that all have the words of their passages."""
    queries = of.metrics["queries"]
    if of.extractive == queries:
        yield Advice(
            DOUBT,
            0,
            f"All {queries:,} test queries have their words from their passages, as "
            "nobody asks: let a language model ask.",
            "queries:\n  backend: openai\n  openai: {model: gpt-4o-mini}",
            "queries.md#backends",
        )


def fallen_modes(of: Numbers) -> Iterator[Advice]:
    """Ways of searching that training has made worse."""
    fallen: dict[str, tuple[float, str]] = {}
    better = set()
    for pair in of.metrics["comparisons"]:
        tuned, base = (of.systems.get(pair[one], {}) for one in ("system", "base"))
        same = tuned.get("mode") == base.get("mode") is not None
        if not same or base.get("model") != "base" or tuned.get("model") == "base":
            continue
        value, mode = of.difference(pair), tuned["mode"]
        if verdict(value) == "better":
            better.add(mode)
        elif verdict(value) == "worse":
            words = f"test queries ({title(of.measure)} {figures(value)})"
            fallen[mode] = (-value["mean"], words)
    for fall in watched.falls(of.evaluation) if of.evaluation else ():
        if fall.collection == "dev" and fall.mode not in {*better, *fallen}:
            words = f"dev queries ({title(of.evaluation['measure'])} {fall.figures})"
            fallen[fall.mode] = (fall.before - fall.after, words)
    if not fallen:
        return
    mode = max(fallen, key=lambda one: fallen[one])
    loss, where = fallen[mode]
    others = f"; so is {plural(more, 'mode')} more" if (more := len(fallen) - 1) else ""
    said = (
        f"By its {mode.replace('_', '-')} search the tuned model is worse than its "
        f"base on {where}{others}."
    )
    if not of.config["merge"]["with"]:
        yield Advice(
            LOST,
            loss,
            f"{said} An average of both may keep what was known.",
            "merge: {with: base}",
            "training.md#forgetting-less",
        )
    elif of.config["train"]["evaluation"]["mode"] != mode:
        yield Advice(
            LOST,
            loss,
            f"{said} If you search by it, let it decide which step is kept.",
            f"train:\n  evaluation: {{mode: {mode}}}",
            "training.md#watched-while-it-trains",
        )


def forgotten(of: Numbers) -> Iterator[Advice]:
    """What the tuned model has forgotten on the general set."""
    if not of.general or of.config["merge"]["with"]:
        return
    pair = forgetting.first_of(of.general, of.metrics)
    measure = of.general["measures"][0]
    value = pair["difference"][measure]
    if verdict(value) == "worse":
        yield Advice(
            LOST,
            -value["mean"],
            f"On the general set {of.called(pair['system'])} has lost {title(measure)} "
            f"{figures(value)}: an average with the base model forgets less.",
            "merge: {with: base}",
            "training.md#forgetting-less",
        )


def other_spellings(of: Numbers) -> Iterator[Advice]:
    """What other spellings and misread letters cost the best system that is trained: to
    be searched by runs of characters too, and then to be trained on."""
    by_runs = any(one.get("tokens") == "characters" for one in of.systems.values())
    if not of.spelling or (by_runs and augments(of.config["train"]["augment"])):
        return
    measure = of.spelling["measures"][0]
    means = [
        (one[measure]["mean"], name)
        for name, one in of.spelling["original"].items()
        if of.systems[name].get("model") not in (None, "base")
    ]
    whole, system = max(means, default=(0, ""))
    costly = {
        one["name"]: value
        for one in of.spelling["variants"]
        if (value := one["difference"].get(system, {}).get(measure))
        and is_shown(value)
        and -value["mean"] >= COSTLY * whole
    }
    if not costly:
        return
    worst = min(costly, key=lambda name: costly[name]["mean"])
    said = (
        f"Queries in other letters ({worst}) cost {of.called(system)} {title(measure)} "
        f"{figures(costly[worst])}, of {whole:.3f}"
    )
    if not by_runs:
        runs, both = (
            _free(of, name) for name in ("bm25_characters", f"{system}_characters")
        )
        yield Advice(
            LOST,
            -costly[worst]["mean"],
            f"{said}: search by runs of characters beside it, of which a misread "
            "letter spoils but a few. Nothing is trained anew.",
            "evaluate:\n  systems:\n"
            f"    {runs}: {{type: bm25, tokens: characters}}\n"
            f"    {both}: {{type: fusion, method: weighted, systems: [{runs}, "
            f"{system}]}}\n"
            f"  compare_further: {{{both}: [{system}]}}\n"
            f"  spelling: {{systems: [{system}, {runs}, {both}]}}",
            "systems.md#letters-misread",
        )
        return
    spelled = [name for name in costly if not name.startswith("noise ")]
    ways = [f"spelling: [{', '.join(spelled)}]"] * bool(spelled)
    ways += ["noise: 0.1"] * (len(spelled) < len(costly))
    yield Advice(
        LOST,
        -costly[worst]["mean"],
        f"{said}: train on such texts too, and see whether less is lost.",
        f"train:\n  augment: {{{', '.join(ways)}}}",
        "training.md#other-spellings-misread-letters",
    )


def _free(of: Numbers, name: str) -> str:
    """A name that no system of the configuration has, made from another one."""
    while name in of.config["evaluate"]["systems"]:
        name += "_2"
    return name


def fixed_weights(of: Numbers) -> Iterator[Advice]:
    """Combined search whose weights were not learnt, beside the modes that it has."""
    weights = of.config["evaluate"]["weights"]
    if weights == AUTO or of.dev < FEWEST_DEV:
        return
    for name, system in of.systems.items():
        if system.get("mode") != "combined" or system.get("model") == "base":
            continue
        modes = {
            one: of.mean(one)
            for one, other in of.systems.items()
            if other.get("model") == system["model"]
            and other.get("mode") in MODES
            and one != name
        }
        if not modes:
            continue
        best = max(modes, key=lambda one: modes[one])
        said = " : ".join(f"{weight:g}" for weight in weights)
        yield Advice(
            GAIN,
            max(0.0, modes[best] - of.mean(name)),
            f"{title(of.measure)} of {spaced(name)} is {of.mean(name):.3f}, of "
            f"{spaced(best)}, the best of its parts, {modes[best]:.3f}, with weights "
            f"that nobody chose for this archive ({said}). Dev queries, of which there "
            f"are {of.dev:,}, can choose them; nothing is trained anew.",
            "evaluate:\n  weights: auto",
            "systems.md#types",
        )
        return


def fusions(of: Numbers) -> Iterator[Advice]:
    """A fusion that is better than each of its parts; or that one is worth a try."""
    gains = {}
    for name, system in of.systems.items():
        parts = [part for part in system.get("systems") or () if part in of.systems]
        if system["type"] == "fusion" and parts:
            best = max(parts, key=of.mean)
            gains[name] = (of.mean(name) - of.mean(best), best)
    if gains:
        name = max(gains, key=lambda one: gains[one])
        yield from _measured_fusion(of, name, *gains[name])
    elif of.alone and of.alone.queries >= MANY * of.metrics["queries"]:
        words, best, count = of.alone
        share = count / of.metrics["queries"]
        yield Advice(
            GAIN,
            share,
            f"On {plural(count, 'query', 'queries')} ({share:.0%}) {spaced(words)} has "
            f"something relevant among the first ten and {spaced(best)} has not: "
            "measure a fusion of both.",
            f"evaluate:\n  systems:\n    {words}_and_{best}:\n"
            f"      {{type: fusion, systems: [{words}, {best}]}}\n"
            f"  compare_further:\n    {words}_and_{best}: [{words}, {best}]",
            "systems.md#types",
        )


def _measured_fusion(
    of: Numbers, name: str, gain: float, best: str
) -> Iterator[Advice]:
    """What follows of a fusion and what it gains over the best of its parts."""
    if gain <= 0:
        return
    said = (
        f"{spaced(name)}, of {of.mean(name):.3f} {title(of.measure)}, is "
        f"{signed(gain)} over the better of its parts, {spaced(best)}"
    )
    values = [
        of.difference(pair)
        for pair in [*of.metrics["comparisons"], *of.metrics.get("further", ())]
        if (pair["system"], pair["base"]) == (name, best)
    ]
    if not values:
        yield Advice(
            GAIN,
            gain,
            f"{said}. Compare the two, that it may be known whether this is chance.",
            f"evaluate:\n  compare_further: {{{name}: [{best}]}}",
            "systems.md#what-decides-and-what-is-for-information",
        )
    elif verdict(values[0]) == "better":
        yield Advice(
            GAIN,
            gain,
            f"{said} ({figures(values[0])}): search with it. The target `index` makes "
            "a table that is searched by words and by the model at once (hybrid).",
            "index: {model: tuned}",
            "index.md#searching",
        )


def few_queries(of: Numbers) -> Iterator[Advice]:
    """Too few test queries for what is to be decided, and how many would do more."""
    queries, pairs = of.metrics["queries"], of.metrics["comparisons"]
    unsure = [pair for pair in pairs if verdict(of.difference(pair)) == "open"]
    pair = unsure[0] if unsure else pairs[0] if pairs and queries < FEW else None
    if pair is None:
        return
    value = of.difference(pair)
    both = f"{spaced(pair['system'])} − {spaced(pair['base'])}"
    if value["low"] is None:
        width, told = math.inf, f"{plural(queries, 'test query', 'test queries')} give "
        told += f"no interval for {both}"
    else:
        width = value["high"] - value["low"]
        told = (
            f"Of {both} the interval of {title(of.measure)} by "
            f"{plural(queries, 'test query', 'test queries')} is {width:.3f} wide"
            f"{', and holds 0' if value['low'] <= 0 <= value['high'] else ''}"
        )
    shares = of.config["pairs"]["shares"]
    held_out = round(min(MOST_HELD_OUT, TIMES * shares["test"]), 3)
    left = round(1 - shares["dev"] - held_out, 6)
    more = shares["test"] < held_out < MOST_TAKEN * (left + held_out)
    yield Advice(
        SURE,
        width,
        f"{told}: {TIMES * queries:,} would halve it. Hold out more, or add queries "
        "that people ask as a dataset of role test.",
        f"pairs:\n  shares: {{train: {left:g}, dev: {shares['dev']:g}, "
        f"test: {held_out:g}}}"
        if more and of.config["pairs"]["group_by"] != "year"
        else "datasets:\n  asked: {pairs: asked.jsonl, role: test}",
        "data.md#test-queries-of-other-sources",
    )


RULES: tuple[Callable[[Numbers], Iterator[Advice]], ...] = (
    tiny_models,
    broken_pairs,
    own_words,
    fallen_modes,
    forgotten,
    false_negatives,
    other_spellings,
    fusions,
    fixed_weights,
    few_queries,
)


def advice(of: Numbers) -> list[Advice]:
    """The advice that is worth most, the first of what asks for the same setting."""
    found: dict[str, Advice] = {}
    every = (one for rule in RULES for one in rule(of))
    for one in sorted(every, key=lambda one: (one.kind, -one.worth)):
        found.setdefault(one.setting, one)
    return list(found.values())[:MOST]
