"""Print the measures of a run as a table of 80 columns."""

from __future__ import annotations

import sys

from arkiv.base.cli import parser, run
from arkiv.base.errors import expecting
from arkiv.base.files import read_json
from arkiv.base.markdown import counted
from arkiv.base.terminal import tell
from arkiv.evaluate.measures import title
from arkiv.evaluate.verdicts import DAGGER, disagreement
from arkiv.report.sources import gains

SHOWN = 4
WIDTH = 80
NUMBER = 10


def lines_of(metrics: dict) -> list[str]:
    """The lines of the table and of the comparisons, none longer than 80."""
    shown = metrics["measures"][:SHOWN]
    names = [title(name) if len(title(name)) < NUMBER else name for name in shown]
    first = WIDTH - NUMBER * len(shown)
    head = counted(metrics["queries"], "test query", "test queries")
    if volumes := metrics.get("volumes"):
        unknown = metrics["queries_without_volume"]
        known = f", {metrics['queries'] - unknown:,} of them" if unknown else ""
        head += f"{known} about {counted(volumes, 'volume')}"
    if unit := metrics.get("counted", {}).get("unit"):
        head += f", counted by {unit}"
    lines = [
        head,
        "",
        "system".ljust(first) + "".join(f"{name:>{NUMBER}}" for name in names),
        "-" * WIDTH,
    ]
    for system, means in metrics["systems"].items():
        numbers = [f"{means[measure]['mean']:{NUMBER}.3f}" for measure in shown]
        name = system if len(system) < first else system[: first - 2] + "…"
        lines.append(name.ljust(first) + "".join(numbers))
    if metrics["comparisons"]:
        level = metrics["bootstrap"]["level"]
        lines += ["", f"differences of {names[0]} with {level:.0%} bootstrap intervals"]
    further = metrics.get("further", [])
    pairs = [*metrics["comparisons"], *further]
    if any(disagreement(pair["difference"][shown[0]]) for pair in pairs):
        lines.append(
            f"({DAGGER}: the corrected p-value says otherwise, see the report)"
        )
    for place, pair in enumerate(pairs):
        if further and place == len(metrics["comparisons"]):
            lines.append("for information:")
        change = pair["difference"][shown[0]]
        both = f"{pair['system']} vs {pair['base']}".replace("_", " ")
        ends = [change[key] for key in ("low", "high") if change[key] is not None]
        interval = ", ".join(f"{end:+.3f}" for end in ends)
        interval = interval or f"–, n = {metrics['queries']}"
        mark = DAGGER if disagreement(change) else ""
        change_text = f"{change['mean']:+.3f} [{interval}]{mark}"
        room = WIDTH - len(change_text) - 2
        both = both if len(both) <= room else both[: room - 1] + "…"
        lines.append(f"{both}: {change_text}")
    return [*lines, *lines_of_sources(metrics, names[0])]


def lines_of_sources(metrics: dict, name: str) -> list[str]:
    """What the first of the compared systems gains with the queries of each source."""
    found = gains(metrics)
    if len(found) < 2:
        return []
    lines = ["", f"the first difference of {name} by source of the queries:"]
    for one in found:
        ends = [one.value[key] for key in ("low", "high")]
        interval = f"{ends[0]:+.3f}, {ends[1]:+.3f}" if None not in ends else "–"
        text = f"{one.value['mean']:+.3f} [{interval}], n = {one.queries:,}"
        room = WIDTH - len(text) - 2
        source = one.source if len(one.source) <= room else one.source[: room - 1] + "…"
        lines.append(f"{source}: {text}")
    return lines


def main(argv: list[str] | None = None) -> None:
    arguments = parser(__doc__)
    arguments.add_argument("metrics", metavar="METRICS.json")
    arguments = arguments.parse_args(argv)
    metrics = read_json(arguments.metrics)
    with expecting("measure_runs.py", arguments.metrics):
        lines = lines_of(metrics)
    tell(lines)


if __name__ == "__main__":
    sys.exit(run(main))
