"""What the parts found, as JSON for programs and as Markdown for people."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from arkiv.base.files import write_json, written_whole
from benchmarks.gpu.part import Found, limits

JSON, MARKDOWN = "gpu.json", "GPU.md"


@dataclass(frozen=True)
class Outcome:
    """How a part went.

    Attributes:
        name: of the part.
        seconds: that it took, its process's start included.
        found: what it found, also before a fault.
        fault: how it ended and the last lines that it said, if before its end.
    """

    name: str
    seconds: float
    found: Found
    fault: str | None = None

    @property
    def holds(self) -> bool:
        """Whether it came to its end and all that it checked was within limits."""
        return self.fault is None and all(check.holds for check in self.found.checks)


def finite(value: float) -> float | str:
    """A number for JSON, which has no place for those that are not finite."""
    return value if math.isfinite(value) else str(value)


def record(outcome: Outcome) -> dict:
    """An outcome for the JSON file."""
    checks = [
        asdict(one) | {"found": finite(one.found), "holds": one.holds}
        for one in outcome.found.checks
    ]
    measures = [
        asdict(one) | {"value": finite(one.value)} for one in outcome.found.measures
    ]
    return {
        "part": outcome.name,
        "seconds": round(outcome.seconds, 1),
        "holds": outcome.holds,
        "checks": checks,
        "measures": measures,
        "fault": outcome.fault,
    }


def cell(words: str) -> str:
    """Words that end no cell of a table."""
    return words.replace("|", "\\|")


def number(value: float) -> str:
    """Four significant digits; of a cosine near 1 as many as tell it from 1."""
    if 0.99 < value < 1:
        return f"{value:.7f}"
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"


def table(outcomes: Sequence[Outcome], *, small: bool) -> list[str]:
    """Lines of a Markdown table of all findings; small sizes reach or miss no goal."""
    lines = ["| part | what | found | limit or goal | |", "|---|---|--:|---|---|"]
    for outcome in outcomes:
        rows = [
            (one.what, number(one.found), limits(one.at_least, one.at_most), one.holds)
            for one in outcome.found.checks
        ]
        rows += [
            (
                one.what,
                f"{number(one.value)} {one.unit}",
                one.goal,
                None if small else one.reached,
            )
            for one in outcome.found.measures
        ]
        for what, value, limit, good in rows:
            word = {True: "holds", False: "**missed**", None: ""}[good]
            cells = (outcome.name, what, value.strip(), limit or "", word)
            lines.append(f"| {' | '.join(cells)} |")
        if outcome.fault is not None:
            said = outcome.fault.strip().split("\n")
            ends = " ".join(dict.fromkeys((said[0], said[-1])))
            lines.append(f"| {outcome.name} | **fault** | | | {cell(ends)} |")
    return lines


def write_results(
    folder: Path, about: Mapping, outcomes: Sequence[Outcome]
) -> list[str]:
    """Write what is known so far, whole; return the lines of the Markdown."""
    folder.mkdir(parents=True, exist_ok=True)
    write_json(folder / JSON, {**about, "parts": list(map(record, outcomes))})
    packages = ", ".join(f"{name} {v}" for name, v in about["packages"].items())
    device = about["gpu"] or "no GPU"
    seconds = ", ".join(f"{one.name} {one.seconds:.0f} s" for one in outcomes)
    lines = [
        *table(outcomes, small=about["small"]),
        "",
        f"`{about['command']}`, {about['date']}, on {device} (driver "
        f"{about['driver'] or 'none'}); Python {about['python']}, {packages}.",
        f"Parts: {seconds}.",
    ]
    if about["small"]:
        lines.append("Small sizes: these figures say nothing of speed.")
    with written_whole(folder / MARKDOWN) as beside:
        beside.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return lines
