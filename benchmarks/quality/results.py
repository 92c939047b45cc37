"""What was measured, as JSON for programs and as Markdown for people."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from arkiv.base.files import read_json
from arkiv.evaluate.measures import summary, title
from arkiv.report.merging import sentence

# Results are `quality-NAME.json` beside those of other benchmarks.
PREFIX = "quality-"
MEASURES = 4
# What has to be shown: the one over the other, by the first measure.
GOAL = ("tuned_dense", "base_dense")
# The systems of both models whose scores come from new heads, or hang together with
# them in training.
MODES = ("dense", "sparse", "multi_vector", "combined")
STAGES = ("mining", "train", "retrieve")
# Settings that a table of systems shows better.
SHOWN_OTHERWISE = ("evaluate.systems.", "evaluate.compare.")


def by_query(results: Path) -> dict[str, dict[str, list[float]]]:
    """By system and query the measures of a run's directory, in their order."""
    found: dict[str, dict[str, list[float]]] = {}
    path = results / "metrics/per_query.csv"
    with open(path, encoding="utf-8", newline="") as file:
        head, *rows = csv.reader(file)
    first = head.index("system") + 1
    for row in rows:
        found.setdefault(row[first - 1], {})[row[0]] = list(map(float, row[first:]))
    return found


def compared(results: Mapping[str, Path], like: Mapping[str, Any]) -> dict[str, Any]:
    """Two runs of the same queries, system by system.

    Args:
        results: directories by the beginning of their heads.
        like: the metrics of one, for its measures and how often samples are drawn.

    Returns:
        As `arkiv.evaluate.measures.summary`; a system is called `BEGINNING SYSTEM`.
    """
    values = {
        f"{beginning} {system}": np.array([of[query] for query in sorted(of)])
        for beginning, folder in results.items()
        for system, of in by_query(folder).items()
        if system.endswith(tuple(f"_{mode}" for mode in MODES))
    }
    names = {name.partition(" ")[2]: None for name in values}
    pairs = [
        (f"{first} {name}", f"{second} {name}")
        for name in names
        for first, second in pairwise(results)
    ]
    drawn = like["bootstrap"]
    given = {key: drawn[key] for key in ("samples", "seed")}
    return summary(values, pairs, measures=like["measures"], **given)


def interval(of: Mapping[str, Any], *, signed: bool = False) -> str:
    """A mean with its interval, if there are queries enough for one."""
    form = "+.3f" if signed else ".3f"
    if of["low"] is None:
        return f"{of['mean']:{form}}"
    return f"{of['mean']:{form}} [{of['low']:{form}}, {of['high']:{form}}]"


def over_zero(difference: Mapping[str, Any]) -> bool:
    """Whether a difference has an interval and all of it is above 0."""
    return difference["low"] is not None and difference["low"] > 0


def systems_table(metrics: Mapping[str, Any]) -> Iterator[str]:
    """The measures of all systems; the first with its interval."""
    shown = metrics["measures"][:MEASURES]
    yield f"| system | {' | '.join(map(title, shown))} |"
    yield f"|---|{'--:|' * len(shown)}"
    for system, means in metrics["systems"].items():
        first, *others = (means[name] for name in shown)
        cells = [interval(first), *(f"{of['mean']:.3f}" for of in others)]
        yield f"| {system} | {' | '.join(cells)} |"


def differences(metrics: Mapping[str, Any], *, judged: bool) -> Iterator[str]:
    """What was compared, by the first measure; whether the goal is reached."""
    measure = metrics["measures"][0]
    for pair in metrics["comparisons"]:
        difference = pair["difference"][measure]
        said = f"- {pair['system']} over {pair['base']}: {title(measure)} "
        said += interval(difference, signed=True)
        if judged and (pair["system"], pair["base"]) == GOAL:
            verdict = "holds" if over_zero(difference) else "**missed**"
            said += f"; the interval is to lie above 0: {verdict}"
        yield f"{said}."


def forgotten(general: Mapping[str, Any]) -> Iterator[str]:
    """What was compared on the general set, by the first measure."""
    if not general:
        return
    measure, queries = general["measures"][0], general["queries"]
    for pair in general["comparisons"]:
        change = interval(pair["difference"][measure], signed=True)
        base = general["systems"][pair["base"]][measure]["mean"]
        yield (
            f"- On {queries:,} general queries {pair['system']} over {pair['base']} "
            f"({base:.3f}): {title(measure)} {change}."
        )


def respelled(spelling: Mapping[str, Any]) -> Iterator[str]:
    """What other spellings and misread letters cost each system."""
    if not spelling:
        return
    measure = spelling["measures"][0]
    for variant in spelling["variants"]:
        cost = (
            f"{system} {interval(of[measure], signed=True)}"
            for system, of in variant["difference"].items()
        )
        yield (
            f"- Of {spelling['queries']:,} queries {variant['name']} changes "
            f"{variant['changed']:.0%}, {variant['cer']:.1%} of all characters: "
            f"{title(measure)} {'; '.join(cost)}."
        )


def merged(merge: Mapping[str, Any]) -> Iterator[str]:
    """How much of the tuned model there is, and what other shares reached."""
    if not merge:
        return
    yield f"- {sentence(merge)}"
    if merge["chosen"]:
        mode, measure = merge["mode"], merge["measure"]
        shares = (
            f"{entry['weight']:g} "
            + ", ".join(
                f"{name} {of[mode][measure]:.3f}"
                for name, of in entry["scores"].items()
            )
            for entry in merge["curve"]
        )
        yield f"- {mode} {title(measure)} by share: {'; '.join(shares)}."


def heads_table(held: Mapping[str, Any]) -> Iterator[str]:
    """How systems fare by the beginning of new heads, of two beginnings or more."""
    of, (first, *_) = held["heads"], held["runs"]
    measure = held["runs"][first]["metrics"]["measures"][0]
    yield f"| {title(measure)} by new heads | {' | '.join(held['runs'])} | difference |"
    yield f"|---|{'--:|' * (len(held['runs']) + 1)}"
    for pair in of["comparisons"]:
        begun, name = pair["system"].split(" ")
        if begun != first:
            continue
        means = [
            f"{of['systems'][f'{one} {name}'][measure]['mean']:.3f}"
            for one in held["runs"]
        ]
        change = interval(pair["difference"][measure], signed=True)
        yield f"| {name} | {' | '.join(means)} | {change} |"


def taken(run: Mapping[str, Any]) -> str:
    """What a run took, as a whole and in its stages."""
    stages = []
    for stage in STAGES:
        jobs = [job for job in run["jobs"] if job["stage"] == stage]
        seconds = sum(job["seconds"] for job in jobs)
        known = [job["memory_mb"] for job in jobs if job["memory_mb"] is not None]
        most = f", {max(known):,.0f} MiB" if known else ""
        stages.append(f"{stage} {seconds:,.0f} s{most}")
    training = run["training"]
    return (
        f"{run['wall']:,.0f} s, CPU {run['cpu']:,.0f} s, peak memory "
        f"{run['memory']:,.0f} MB; of jobs {'; '.join(stages)} (most resident of a "
        f"job). Trained were {training['steps']:,} steps, {training['epochs']:g} "
        f"epochs of {training['rows']:,} rows, in {training['seconds']:,.0f} s."
    )


def settings_of(run: Mapping[str, Any]) -> str:
    """The settings that differ from the defaults, in a line."""
    return ", ".join(
        f"`{key}: {value}`"
        for key, value in run["settings"].items()
        if not key.startswith(SHOWN_OTHERWISE)
    )


def section(name: str, held: Mapping[str, Any]) -> str:
    """The part of one set of pairs in the Markdown."""
    # Here, for benchmarks.report takes the sections of this module.
    from benchmarks.report import origin

    first, run = next(iter(held["runs"].items()))
    metrics, judged = run["metrics"], not held["quick"]
    lines = [f"## {name}", "", f"{held['title']}.", ""]
    lines += [*systems_table(metrics), "", *differences(metrics, judged=judged)]
    lines += respelled(run.get("spelling") or {})
    lines += [*forgotten(run.get("general") or {}), *merged(run.get("merge") or {})]
    if held["headless"]:
        lines.append(
            f"- The model comes without heads; with new ones, {first}, the base model "
            "is searched by sparse and multi-vector scores before they have learnt."
        )
    if held["heads"]:
        lines += ["", *heads_table(held)]
    lines.append("")
    lines += [
        f"- {f'Heads {begun}: ' if len(held['runs']) > 1 else ''}{taken(one)}"
        for begun, one in held["runs"].items()
    ]
    lines.append(f"- Settings beside the defaults: {settings_of(run)}.")
    return "\n".join([*lines, *origin(held, "quality")]) + "\n"


def sections(folder: Path) -> dict[str, str]:
    """The sections of all results in a folder, by name in its order."""
    paths: Sequence[Path] = sorted(folder.glob(f"{PREFIX}*.json"))
    return {path.stem: section(path.stem, read_json(path)) for path in paths}
