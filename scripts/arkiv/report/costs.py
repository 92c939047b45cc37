"""What the run cost: time, processor and memory by stage, and a language model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from arkiv.base.html import Html, element, joined, number, table
from arkiv.report.jobs import USAGE
from arkiv.report.page import paragraphs

Costs = Sequence[Mapping[str, Any]]


def duration(seconds: float | None) -> str:
    """A time for people: `0.4 s`, `12 s`, `3 min 20 s`, `2 h 05 min`."""
    if seconds is None:
        return "–"
    if seconds < 10:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02} s"
    return f"{whole // 3600:,} h {whole % 3600 // 60:02} min"


def added(costs: Costs, key: str) -> float | None:
    """The sum of what is known."""
    values = [cost[key] for cost in costs if cost.get(key) is not None]
    return sum(values) if values else None


def row_of(name: str, costs: Costs) -> list[str]:
    """The line of some rules together."""
    peaks = [cost["memory_mb"] for cost in costs if cost.get("memory_mb") is not None]
    return [
        name,
        number(sum(cost["jobs"] for cost in costs)),
        duration(added(costs, "seconds")),
        duration(max(cost["longest"] for cost in costs)),
        duration(added(costs, "cpu_seconds")),
        number(round(max(peaks))) if peaks else "–",
        duration(added(costs, "gpu_seconds")),
    ]


def asked(answers: Costs) -> Html:
    """What language models were asked for; see `resources.language_model_costs`."""
    if not answers:
        return joined()
    rows = [
        [
            one["what"],
            *(number(one[key]) for key in USAGE if key != "money"),
            f"{one['money']:,.4f}",
        ]
        for one in answers
    ]
    return joined(
        element("h3", "Language models"),
        table(
            [
                *("for", "requests", "with tokens that are our estimate"),
                *("tokens of prompts", "tokens of answers", "cost"),
            ],
            rows,
            "What was asked of language models, and what it cost by the prices in the "
            "configuration",
        ),
    )


def section(costs: Costs, answers: Costs = ()) -> Html:
    """The section.

    Args:
        costs: of `arkiv.report.jobs.costs_of`, from Snakemake's benchmarks.
        answers: of `arkiv.report.jobs.language_model_costs`.
    """
    if not costs:
        none = paragraphs("The run has no benchmarks of its jobs.")
        return joined(*none, asked(answers))
    header = ["jobs", "time", "longest job", "processor time", "most memory, MiB"]
    on_gpu = added(costs, "gpu_seconds") is not None
    header += ["time on a GPU"] if on_gpu else []
    stages: dict[str, list[Mapping[str, Any]]] = {}
    for cost in costs:
        stages.setdefault(cost["stage"], []).append(cost)

    def cut(row: list[str]) -> list[str]:
        return row if on_gpu else row[:-1]

    by_stage = [cut(row_of(stage, group)) for stage, group in stages.items()]
    by_rule = [cut(row_of(cost["rule"], [cost])) for cost in costs]
    return joined(
        *paragraphs(
            "Times are added up over the jobs of a stage, some of which ran at the "
            "same time. They are those of the last time that each job ran; what was "
            "found in a cache took none. A dash stands where nothing was measured."
        ),
        table(
            ["stage", *header],
            [*by_stage, cut(row_of("all", costs))],
            "Cost of each stage",
        ),
        element(
            "details",
            element("summary", "The same by rule"),
            table(["rule", *header], by_rule, "Cost of each rule"),
        ),
        asked(answers),
    )
