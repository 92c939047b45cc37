"""What the run cost: time, processor and memory by stage, and a language model."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from arkiv.base.html import Html, element, number, table
from arkiv.base.page import folded, paragraph
from arkiv.report.jobs import USAGE, of_known

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


def row_of(name: str, costs: Costs) -> list[str]:
    """The line of some rules together."""
    peak = of_known(max, costs, "memory_mb")
    return [
        name,
        number(sum(cost["jobs"] for cost in costs)),
        duration(of_known(sum, costs, "seconds")),
        duration(max(cost["longest"] for cost in costs)),
        duration(of_known(sum, costs, "cpu_seconds")),
        "–" if peak is None else number(round(peak)),
        duration(of_known(sum, costs, "gpu_seconds")),
    ]


def asked(answers: Costs) -> Iterator[Html]:
    """What language models were asked for."""
    if not answers:
        return
    header = ["for", "requests", "with tokens that are our estimate"]
    header += ["tokens of prompts", "tokens of answers", "cost"]
    counted = [key for key in USAGE if key != "money"]
    rows = [
        [one["what"], *(number(one[key]) for key in counted), f"{one['money']:,.4f}"]
        for one in answers
    ]
    caption = (
        "What was asked of language models, and what it cost by the prices in the "
        "configuration"
    )
    yield element("h3", "Language models")
    yield table(header, rows, caption)


def section(costs: Costs, answers: Costs = ()) -> Iterator[Html]:
    """The section, from `jobs.costs_of` and `jobs.language_model_costs`."""
    if not costs:
        yield paragraph("The run has no benchmarks of its jobs.")
        yield from asked(answers)
        return
    stages: dict[str, list[Mapping[str, Any]]] = {}
    for cost in costs:
        stages.setdefault(cost["stage"], []).append(cost)
    by_stage = [row_of(stage, group) for stage, group in stages.items()]
    by_stage.append(row_of("all", costs))
    by_rule = [row_of(cost["rule"], [cost]) for cost in costs]
    header = ["jobs", "time", "longest job", "processor time", "most memory, MiB"]
    if of_known(sum, costs, "gpu_seconds") is None:
        for row in (*by_stage, *by_rule):
            row.pop()
    else:
        header.append("time on a GPU")
    yield paragraph(
        "Times are added up over the jobs of a stage, some of which ran at the same "
        "time. They are those of the last time that each job ran; what was found in a "
        "cache took none. A dash stands where nothing was measured."
    )
    yield table(["stage", *header], by_stage, "Cost of each stage")
    rules = table(["rule", *header], by_rule, "Cost of each rule")
    yield folded("The same by rule", rules)
    yield from asked(answers)
