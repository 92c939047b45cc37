"""Print an estimate of estimate_queries.py or estimate_grades.py, in 80 columns."""

from __future__ import annotations

import sys

from arkiv.base.cli import parser, run
from arkiv.base.errors import expecting
from arkiv.base.files import read_object
from arkiv.base.terminal import tell
from arkiv.llm.settings import OFFLINE

NAME = 20
# Heading, key and format of a column.
COLUMNS = (
    ("requests", "requests", ",d"),
    ("tokens in", "input_tokens", ",d"),
    ("tokens out", "likely_output_tokens", ",d"),
    ("cost", "likely_money", ",.4f"),
    ("at most", "most_money", ",.4f"),
)
WIDTH = 12
SPENT = {
    "requests": ("requests",),
    "tokens": ("input_tokens", "likely_output_tokens"),
    "money": ("likely_money",),
}
# Where the configuration says what may be spent.
BUDGETS = {"queries": "queries.budget", "grades": "gold.judge.budget"}


def lines_of(estimate: dict) -> list[str]:
    """The lines of the table, and what the budget means for it."""
    if estimate["backend"] in OFFLINE:
        backend = estimate["backend"]
        return [f"The {backend} backend asks no language model: nothing to pay."]
    datasets = estimate["datasets"]
    total = {
        key: sum(counts[key] for counts in datasets.values())
        for key in next(iter(datasets.values()), {})
    }
    lines = [
        f"{estimate['of']} by {estimate['model']}, answers of likely length",
        "",
        "dataset".ljust(NAME) + "".join(f"{title:>{WIDTH}}" for title, *_ in COLUMNS),
        "-" * (NAME + WIDTH * len(COLUMNS)),
    ]
    rows = [*datasets.items()]
    if len(rows) > 1:
        rows.append(("together", total))
    for name, counts in rows:
        short = name if len(name) < NAME else name[: NAME - 2] + "…"
        cells = (f"{counts[key]:>{WIDTH}{form}}" for _, key, form in COLUMNS)
        lines.append(short.ljust(NAME) + "".join(cells))
    for name, keys in SPENT.items():
        limit, likely = estimate["budget"][name], sum(total[key] for key in keys)
        if limit is not None and likely > limit:
            key = f"{BUDGETS[estimate['of']]}.{name}"
            lines += ["", f"{key} is {limit}: the run would stop there."]
    return lines


def main(argv: list[str] | None = None) -> None:
    arguments = parser(__doc__)
    arguments.add_argument("estimate", metavar="ESTIMATE.json")
    arguments = arguments.parse_args(argv)
    estimate = read_object(arguments.estimate, "estimate of a language model's costs")
    with expecting("estimate_queries.py or estimate_grades.py", arguments.estimate):
        lines = lines_of(estimate)
    tell(lines)


if __name__ == "__main__":
    sys.exit(run(main))
