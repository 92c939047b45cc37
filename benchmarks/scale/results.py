"""What was measured, as a section of RESULTS.md."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from arkiv.base.files import read_json

NAME = "scale"
# What has to hold: growth of CPU time for ten times the passages and queries, and MB.
MOST_GROWTH, MOST_MEMORY = 11, 4000
# Of less the start of a program is most.
LEAST_SECONDS = 1


def told(held: Mapping[str, Any]) -> Iterator[str]:
    """Lines of Markdown.

    Args:
        held: what results/scale.json holds; a stage that was not run at the larger
            size is missing there.
    """
    # Here, for benchmarks.report takes the sections of this module.
    from benchmarks.report import number, origin

    (few, small), (many, large) = held["sizes"].items()
    few, many = int(few), int(many)
    yield f"## {NAME}"
    yield ""
    yield (
        f"Every stage that runs no model at {many:,} passages of 20 to 60 words and "
        f"{many // 5:,} queries, and at {few:,} and {few // 5:,}: vectors, neighbours, "
        "scores of a teacher and dense rankings are made up. Jobs of a stage are added "
        "up, of their memory the most is given. Growth is of CPU time."
    )
    yield ""
    yield (
        f"| | CPU time, s: {few:,} | {many:,} | growth | wall time, s: {many:,} "
        f"| peak memory, MB: {few:,} | {many:,} |"
    )
    yield "|---|--:|--:|--:|--:|--:|--:|"
    missed = []
    for name, one in small.items():
        cells = [name, number(one["cpu"])]
        if (other := large.get(name)) is None:
            cells += ["not run", "", "", number(one["memory"]), ""]
        else:
            growth = other["cpu"] / one["cpu"]
            numbers = (other["cpu"], growth, other["wall"], one["memory"])
            cells += map(number, (*numbers, other["memory"]))
            if growth > MOST_GROWTH and other["cpu"] > LEAST_SECONDS * MOST_GROWTH:
                missed.append(f"{name} grows {number(growth)} times")
            if other["memory"] > MOST_MEMORY:
                missed.append(f"{name} takes {number(other['memory'])} MB")
        yield f"| {' | '.join(cells)} |"
    yield ""
    if not held["quick"]:
        missing = [name for name in small if name not in large]
        verdict = f"**missed**: {', '.join(missed)}" if missed else "holds"
        of = " of what was run" if missing else ""
        yield (
            f"- At most {MOST_GROWTH} times the CPU time, and {MOST_MEMORY:,} MB"
            f"{of}: {verdict}."
        )
    yield from origin(held, "speed")


def sections(folder: Path) -> dict[str, str]:
    """The section of the results in a folder, if there are any."""
    path = folder / f"{NAME}.json"
    if not path.exists():
        return {}
    return {NAME: "\n".join(told(read_json(path))) + "\n"}
