"""What variants of training measured, as Markdown: each beside the plain one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from statistics import mean
from typing import Any

import numpy as np

from arkiv.base.declared import Seeded
from arkiv.base.files import read_json
from arkiv.evaluate.measures import summary, title
from arkiv.report.merging import sentence
from benchmarks.quality.results import SHOWN_OTHERWISE, interval, settings_of

# Results are `ablations-NAME.json` beside those of other benchmarks.
PREFIX = "ablations-"
PLAIN, TOGETHER = "plain", "together"
# What was trained, before it was averaged with the base model.
TRAINED, TUNED = "trained", "tuned"
# The tuned model beside BM25 of runs of characters.
HYBRID = "tuned_hybrid"
SYSTEMS = ("tuned_dense", "tuned_combined", "tuned_fusion", HYBRID)
SAMPLES = 10_000

Runs = Mapping[str, Sequence[Mapping[str, Any]]]


def flat(settings: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, Any]]:
    """Settings by their dotted keys."""
    for key, value in settings.items():
        if isinstance(value, Mapping):
            yield from flat(value, f"{above}{key}.")
        else:
            yield above + key, value


def by_variant(held: Mapping[str, Any]) -> dict[str, list[Mapping[str, Any]]]:
    """The runs of each variant, in the order of their seeds."""
    found: dict[str, list[Mapping[str, Any]]] = {}
    for run in held["runs"]:
        found.setdefault(run["variant"], []).append(run)
    return found


def listed(values: Iterable[float]) -> str:
    """Numbers in a line, of which a file with thousands is still a small one."""
    return " ".join(f"{value:.4g}" for value in values)


def read(listed: str) -> np.ndarray:
    """The numbers of a line."""
    return np.array(listed.split(), np.float64)


def averaged(runs: Sequence[Mapping[str, Any]], system: str) -> np.ndarray:
    """The first measure of a system, averaged over the seeds: (n_queries, 1)."""
    return np.mean([read(run["first"][system]) for run in runs], 0)[:, None]


def named(runs: Runs) -> dict[str, np.ndarray]:
    """The first measure of the systems of all variants, by `VARIANT SYSTEM`."""
    return {
        f"{variant} {system}": averaged(of, system)
        for variant, of in runs.items()
        for system in of[0]["first"]
    }


def compared(runs: Runs, measure: str) -> dict[str, Any]:
    """The systems of all variants, `VARIANT SYSTEM`, and each beside the plain one's.

    Returns:
        As `arkiv.evaluate.measures.summary`. Intervals are over queries, of which each
        is an average over the seeds.
    """
    values = named(runs)
    pairs = [
        (name, f"{PLAIN} {base.replace(TRAINED, TUNED)}")
        for name, (variant, base) in ((name, name.split(" ")) for name in values)
        if f"{PLAIN} {base.replace(TRAINED, TUNED)}" in values and variant != PLAIN
    ]
    return summary(values, pairs, samples=SAMPLES, seed=Seeded.seed, measures=[measure])


def gains(runs: Runs, measure: str) -> Iterator[str]:
    """How well each variant finds, and how much better than the plain one."""
    of = compared(runs, measure)
    beside = {pair["system"]: pair["difference"][measure] for pair in of["comparisons"]}
    means = {name: each[measure]["mean"] for name, each in of["systems"].items()}
    yield f"| {title(measure)} | {' | '.join(SYSTEMS)} |"
    yield f"|---|{'--:|' * len(SYSTEMS)}"
    bases = [means.get(f"{PLAIN} {name.replace(TUNED, 'base')}") for name in SYSTEMS]
    yield f"| base model | {' | '.join(f'{m:.3f}' if m else '' for m in bases)} |"
    rows = {name: (name, TUNED) for name in runs}
    if TOGETHER in runs:
        rows[f"{TOGETHER}, not averaged"] = (TOGETHER, TRAINED)
    for shown, (variant, kind) in rows.items():
        cells = []
        for system in SYSTEMS:
            name = f"{variant} {system.replace(TUNED, kind)}"
            if name not in means:
                cells.append("")
                continue
            change = beside.get(name)
            told = f" {interval(change, signed=True)}" if change else ""
            cells.append(f"{means[name]:.3f}{told}")
        yield f"| {shown} | {' | '.join(cells)} |"


def altered(runs: Runs, language: str) -> list[str]:
    """The ways to alter queries; the table of spellings is Swedish."""
    return [
        name
        for name in runs[PLAIN][0]["lost"]
        if name.startswith("noise") or language == "swedish"
    ]


def losses(runs: Runs, measure: str, language: str) -> Iterator[str]:
    """What misread and respelled queries cost by each variant, as a share of what they
    cost by the plain one: a table for each way to alter them."""
    for name in altered(runs, language):
        systems = runs[PLAIN][0]["lost"][name]
        yield f"| lost of {title(measure)} by {name} | {' | '.join(systems)} |"
        yield f"|---|{'--:|' * len(systems)}"
        for variant in runs:
            cells = [
                told_loss(runs, variant, (PLAIN, system), name, system)
                for system in systems
            ]
            yield f"| {variant} | {' | '.join(cells)} |"
        yield ""


def told_loss(
    runs: Runs, variant: str, plain: tuple[str, str], name: str, system: str
) -> str:
    """What a system loses by a variant, as a share of what another one loses; nothing
    where runs are older than the system."""
    if system not in runs[variant][0]["lost"][name]:
        return ""
    found, known = (
        mean(run["lost"][name][one] for run in runs[of])
        for of, one in ((variant, system), plain)
    )
    share = f" ({found / known:.2f})" if known and (variant, system) != plain else ""
    return f"{found:+.3f}{share}"


def untrained(runs: Runs, measure: str, language: str) -> Iterator[str]:
    """What is searched by words or characters alone, which no variant changes."""
    first = runs[PLAIN][0]
    lost = {name: first["lost"][name] for name in altered(runs, language)}
    told = [
        f"{system} {averaged([first], system).mean():.3f}, of it lost by "
        + ", ".join(f"{name} {of[system]:+.3f}" for name, of in lost.items())
        for system in first["first"]
        if system.startswith("bm25") and all(system in of for of in lost.values())
    ]
    if told:
        yield f"- {title(measure)} without any model: {'; '.join(told)}."


def costs(runs: Runs) -> Iterator[str]:
    """What a run of each variant took."""
    for variant, of in runs.items():
        taken = mean(run["cpu"] for run in of)
        trained = mean(run["training"]["seconds"] for run in of)
        yield f"- {variant} took {taken:,.0f} CPU s, {trained:,.0f} s of it training."


def altogether_better(runs: Runs, measure: str, language: str) -> Iterator[str]:
    """All together, as it is searched, beside each search of the plain model."""
    known = named(runs)
    pairs = [
        (f"{variant} {HYBRID}", f"{PLAIN} {system}")
        for variant in runs
        if variant.startswith(TOGETHER) and f"{variant} {HYBRID}" in known
        for system in SYSTEMS[:-1]
    ]
    if not pairs:
        return
    values = {name: known[name] for pair in pairs for name in pair}
    of = summary(values, pairs, samples=SAMPLES, seed=Seeded.seed, measures=[measure])
    for pair in of["comparisons"]:
        variant, plain = pair["system"].split(" ")[0], tuple(pair["base"].split(" "))
        lost = ", ".join(
            f"{name} {told_loss(runs, variant, plain, name, HYBRID)}"
            for name in altered(runs, language)
        )
        change = interval(pair["difference"][measure], signed=True)
        yield (
            f"- {pair['system']} over {pair['base']}: {title(measure)} {change}; of it "
            f"lost by {lost}."
        )


def by_seed(runs: Runs) -> Iterator[str]:
    """Each variant's least and greatest difference from the plain one by seeds."""
    for variant, of in runs.items():
        if variant == PLAIN:
            continue
        told = []
        for system in SYSTEMS:
            if system not in of[0]["first"]:
                continue
            means = {
                run["seed"]: read(run["first"][system]).mean() for run in runs[PLAIN]
            }
            apart = [
                read(run["first"][system]).mean() - means[run["seed"]]
                for run in of
                if run["seed"] in means
            ]
            told.append(f"{system} {min(apart):+.3f} to {max(apart):+.3f}")
        yield f"- {variant}, by seed: {', '.join(told)}."


def forgotten(runs: Runs) -> Iterator[str]:
    """What each variant changed on the general set, seed by seed."""
    for variant, of in runs.items():
        if not of[0]["general"]:
            continue
        queries = of[0]["general"]["queries"]
        told = [
            f"{pair['system']} over {pair['base']} "
            + interval(pair["difference"], signed=True)
            for run in of
            for pair in run["general"]["comparisons"]
            if pair["system"] == "tuned_dense"
        ]
        yield f"- {variant}, on {queries:,} general queries: {'; '.join(told)}."


def altogether(runs: Runs) -> Iterator[str]:
    """How models were averaged and what modes count, seed by seed."""
    for run in runs.get(TOGETHER, []):
        if run["merge"]:
            yield f"- {TOGETHER}, seed {run['seed']}: {sentence(run['merge'])}"


def section(name: str, held: Mapping[str, Any]) -> str:
    """The part of one set of pairs in the Markdown."""
    # Here, for benchmarks.report takes the sections of this module.
    from benchmarks.report import origin

    runs = by_variant(held)
    if PLAIN not in runs:
        return f"## {name}\n\nThe plain method was not run: nothing to compare with.\n"
    first = runs[PLAIN][0]
    measure, of = first["measure"], first["pairs"]
    seeds = max(map(len, runs.values()))
    lines = [f"## {name}", ""]
    lines.append(
        f"{held['model']} tuned on {of['train']:,} pairs by one means or another, each "
        f"with {seeds} seeds; what finds the passages of "
        f"{first['queries']:,} test queries among {of['searched']:,}. "
        "Beside each mean its difference from the plain one's, of the same queries."
    )
    lines += ["", *gains(runs, measure), ""]
    language = held["language"]
    lines += losses(runs, measure, language)
    lines += untrained(runs, measure, language)
    lines += [*altogether_better(runs, measure, language), *by_seed(runs)]
    lines += [*forgotten(runs), *altogether(runs), *costs(runs)]
    for variant, settings in held["variants"].items():
        if variant in runs and settings:
            said = ", ".join(
                f"`{key}: {value}`"
                for key, value in flat(settings)
                if not key.startswith(SHOWN_OTHERWISE)
            )
            lines.append(f"- {variant} is {said}.")
    lines.append(
        "- The plain one is the method as it was: in-batch negatives unmasked, no text "
        "altered, nothing averaged, modes weighted as by default; "
        f"{first['training']['steps']:,} steps, with {settings_of(first)}."
    )
    return "\n".join([*lines, *origin(held, "quality")]) + "\n"


def sections(folder: Path) -> dict[str, str]:
    """The sections of all results in a folder, by name in its order."""
    paths: Sequence[Path] = sorted(folder.glob(f"{PREFIX}*.json"))
    return {path.stem: section(path.stem, read_json(path)) for path in paths}
