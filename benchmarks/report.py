"""What was measured, as JSON for programs and as Markdown for people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

from arkiv.base.files import read_json, written_whole
from benchmarks.bench import Result
from benchmarks.harness import MEASURES, Run, Spread, judged, spread
from benchmarks.quality import ablation_results as ablations
from benchmarks.quality import results as quality
from benchmarks.scale import results as scale

UNITS = {"wall": "s", "cpu": "s", "memory": "MB"}
HEAD = """\
# Results

Written by `make bench` and, from `scale` on, by `python -m benchmarks scale`, `quality`
and `ablations`; [README.md](README.md) says what is measured and how. Times are those
of whole commands, imports and loading included: the median of the runs and, in
brackets, the least and the most. Memory is the greatest sum of the proportional set
sizes (PSS) of a command's processes. A ratio is arkiv's wall time by that of the line.
"""


def record(result: Result, trials: Mapping[str, Sequence[Run]], about: Mapping) -> dict:
    """What the JSON file of a benchmark holds.

    Args:
        result: what it has measured.
        trials: single runs that the settings of the peers were chosen from.
        about: command, date, machine, whether sizes were small.
    """
    limits = []
    for limit in result.limits:
        value, least = judged(limit, result.runs)
        limits.append(
            asdict(limit)
            | {"value": asdict(value), "against": least}
            | {"holds": value.median <= limit.at_most}
        )
    return {
        **about,
        "title": result.title,
        "runs": {name: list(map(asdict, runs)) for name, runs in result.runs.items()},
        "trials": {name: list(map(asdict, runs)) for name, runs in trials.items()},
        "limits": limits,
        "checks": result.checks,
    }


def number(value: float) -> str:
    """Three significant digits, no exponent."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:#.3g}"


def ranged(values: Spread) -> str:
    """A median with its range, if there is one."""
    if values.least == values.most:
        return number(values.median)
    return f"{number(values.median)} ({number(values.least)}–{number(values.most)})"


def table(runs: Mapping[str, Sequence[Run]]) -> list[str]:
    """Lines of a Markdown table; the first variant is arkiv's own."""
    first = next(iter(runs))
    own = spread(runs[first], "wall")
    lines = [
        "| | runs | wall time, s | CPU time, s | peak memory, MB | ratio |",
        "|---|--:|--:|--:|--:|--:|",
    ]
    for name, done in runs.items():
        wall, cpu, memory = (spread(done, measure) for measure in MEASURES)
        ratio = "" if name == first else ranged(own.over(wall))
        cells = (name, len(done), ranged(wall), ranged(cpu), ranged(memory), ratio)
        lines.append(f"| {' | '.join(map(str, cells))} |")
    return lines


def sentence(limit: Mapping, *, verdict: bool) -> str:
    """What a limit is about, what was measured, and whether it holds."""
    measure, value = limit["measure"], ranged(Spread(**limit["value"]))
    said = f"{limit['of']}: {MEASURES[measure]} {value}"
    if limit["against"]:
        said += f" of that of {limit['against']}"
        unit = ""
    else:
        unit = f" {UNITS[measure]}"
        said += unit
    if verdict:
        holds = "holds" if limit["holds"] else "**missed**"
        said += f"; at most {number(limit['at_most'])}{unit}: {holds}"
    return f"{said}."


def machine_words(machine: Mapping) -> str:
    """One line on the machine."""
    packages = ", ".join(f"{name} {v}" for name, v in machine["packages"].items())
    gpu = machine["gpu"] or "no GPU"
    return (
        f"{machine['cores']} core(s) of {machine['processor']}, "
        f"{machine['memory_gb']} GB, {gpu}; Python {machine['python']}, {packages}."
    )


def section(name: str, held: Mapping) -> str:
    """The part of one benchmark in the Markdown."""
    runs = {key: [Run(**run) for run in runs] for key, runs in held["runs"].items()}
    lines = [f"## {name}", "", f"{held['title']}.", "", *table(runs), ""]
    lines += [
        f"- {sentence(limit, verdict=not held['quick'])}" for limit in held["limits"]
    ]
    lines += [f"- {check}" for check in held["checks"]]
    if held["trials"]:
        tried = ", ".join(
            f"{key} {number(runs[0]['wall'])} s" for key, runs in held["trials"].items()
        )
        lines.append(f"- The peers' settings were chosen from single runs: {tried}.")
    return "\n".join([*lines, *origin(held, "speed")]) + "\n"


def origin(held: Mapping, subject: str) -> list[str]:
    """The last lines of a section: by which command, when and where it was measured.

    Args:
        held: what is kept of the measurement.
        subject: what figures of small sizes say nothing of.
    """
    lines = ["", f"`{held['command']}`, {held['date']}, on"]
    lines.append(machine_words(held["machine"]))
    if held["quick"]:
        lines += ["", f"Small sizes: these figures say nothing of {subject}."]
    return lines


def write_results(folder: Path, names: Sequence[str]) -> dict[str, str]:
    """Write RESULTS.md of all benchmarks in `folder`/results, in the order of `names`,
    and after them of what the programs `scale`, `quality` and `ablations` have found.

    Returns:
        The section of each.
    """
    paths = {name: folder / "results" / f"{name}.json" for name in names}
    sections = {
        name: section(name, read_json(path))
        for name, path in paths.items()
        if path.exists()
    }
    for module in (scale, quality, ablations):
        sections |= module.sections(folder / "results")
    with written_whole(folder / "RESULTS.md") as beside:
        beside.write_text("\n".join([HEAD, *sections.values()]), encoding="utf-8")
    return sections
