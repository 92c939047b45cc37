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
SYSTEMS = ("tuned_dense", "tuned_combined", "tuned_fusion")
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


def compared(runs: Runs, measure: str) -> dict[str, Any]:
    """The systems of all variants, `VARIANT SYSTEM`, and each beside the plain one's.

    Returns:
        As `arkiv.evaluate.measures.summary`. Intervals are over queries, of which each
        is an average over the seeds.
    """
    values = {
        f"{variant} {system}": averaged(of, system)
        for variant, of in runs.items()
        for system in of[0]["first"]
    }
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


def losses(runs: Runs, measure: str, language: str) -> Iterator[str]:
    """What misread and respelled queries cost by each variant, as a share of what they
    cost by the plain one; what a run took."""
    columns = [
        (name, system)
        for name, of in runs[PLAIN][0]["lost"].items()
        # The table of spellings is Swedish.
        if name.startswith("noise") or language == "swedish"
        for system in of
    ]
    heads = [f"{name}, {system}" for name, system in columns]
    yield f"| lost of {title(measure)} by | {' | '.join(heads)} | CPU s | training s |"
    yield f"|---|{'--:|' * (len(heads) + 2)}"
    plain: dict[tuple[str, str], float] = {}
    for variant, of in runs.items():
        cells = []
        for name, system in columns:
            found = mean(run["lost"][name][system] for run in of)
            known = plain.setdefault((name, system), found)
            share = f" ({found / known:.2f})" if variant != PLAIN and known else ""
            cells.append(f"{found:+.3f}{share}")
        taken = f"{mean(run['cpu'] for run in of):,.0f}"
        trained = f"{mean(run['training']['seconds'] for run in of):,.0f}"
        yield f"| {variant} | {' | '.join([*cells, taken, trained])} |"


def by_seed(runs: Runs) -> Iterator[str]:
    """Each variant's least and greatest difference from the plain one by seeds."""
    for variant, of in runs.items():
        if variant == PLAIN:
            continue
        told = []
        for system in SYSTEMS:
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
    lines += [*losses(runs, measure, held["language"]), ""]
    lines += [*by_seed(runs), *forgotten(runs), *altogether(runs)]
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
