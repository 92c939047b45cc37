"""Print the measures of a run as a table of 80 columns."""

from __future__ import annotations

import sys

from arkiv.cli import parser, run
from arkiv.errors import InputError
from arkiv.files import read_json

SHOWN = {"nDCG@10": "nDCG@10", "AP": "MAP", "R@100": "R@100", "RR@10": "MRR@10"}
WIDTH = 80
NUMBER = 10


def lines_of(metrics: dict) -> list[str]:
    """The lines of the table and of the comparisons, none longer than 80."""
    first = WIDTH - NUMBER * len(SHOWN)
    lines = [
        f"{metrics['queries']} test queries",
        "",
        "system".ljust(first) + "".join(f"{name:>{NUMBER}}" for name in SHOWN.values()),
        "-" * WIDTH,
    ]
    for system, means in metrics["systems"].items():
        numbers = [f"{means[measure]['mean']:{NUMBER}.3f}" for measure in SHOWN]
        name = system if len(system) < first else system[: first - 2] + "…"
        lines.append(name.ljust(first) + "".join(numbers))
    if metrics["comparisons"]:
        level = metrics["bootstrap"]["level"]
        lines += ["", f"differences of nDCG@10 with {level:.0%} bootstrap intervals"]
    for pair in metrics["comparisons"]:
        change = pair["difference"]["nDCG@10"]
        names = f"{pair['system']} vs {pair['base']}".replace("_", " ")
        interval = f"[{change['low']:+.3f}, {change['high']:+.3f}]"
        change_text = f"{change['mean']:+.3f} {interval}"
        room = WIDTH - len(change_text) - 2
        names = names if len(names) <= room else names[: room - 1] + "…"
        lines.append(f"{names}: {change_text}")
    return lines


def main(argv: list[str] | None = None) -> None:
    arguments = parser(__doc__)
    arguments.add_argument("metrics", metavar="METRICS.json")
    arguments = arguments.parse_args(argv)
    metrics = read_json(arguments.metrics)
    try:
        lines = lines_of(metrics)
    except (KeyError, TypeError) as error:
        raise InputError(
            f"lacks {error}, expected what measure_runs.py writes",
            file=arguments.metrics,
        ) from None
    print("\n".join(lines))


if __name__ == "__main__":
    sys.exit(run(main))
