"""Draw what became of the data: a table from pages to training rows, and lengths.

Every dataset begins where its source begins; stages that it did not pass through are
dashes.
"""

from __future__ import annotations

import sys
from typing import Any

from arkiv.cli import parser, run
from arkiv.figures import bars, say_nothing, subplots, write_svg
from arkiv.files import read_object
from arkiv.funnel import Counts, add_stages, read_stages, set_aside
from arkiv.pages import element, number, table, write_page

# Title of a line, the stage whose file has it, and its key there.
LINES = (
    ("volumes", "documents", "volumes"),
    ("pages", "documents", "pages"),
    ("lines of text", "documents", "lines"),
    ("lines of text set aside", "documents", "lines_set_aside"),
    ("words in lines set aside", "documents", "words_in_lines_set_aside"),
    ("words in the other lines", "documents", "words"),
    ("words in documents set aside", "documents", "words_set_aside"),
    ("words in documents", "documents", "words_in_documents"),
    ("documents", "documents", "documents"),
    ("queries wanted", "queries", "wanted"),
    ("queries kept", "queries", "queries"),
    ("query–passage pairs", "pairs", "pairs"),
    ("distinct queries", "pairs", "queries"),
    ("passages to search", "pairs", "passages"),
    ("train pairs", "pairs", "train"),
    ("dev pairs", "pairs", "dev"),
    ("test pairs", "pairs", "test"),
    ("passages to mine from", "pairs", "mining_passages"),
    ("train pairs whose negatives were mined", "negatives", "queries"),
    ("train pairs with several positives", "shards", "rows_with_several_positives"),
    ("train pairs ready for training", "shards", "pairs"),
)


# Title of a line, and its key in the usage of a language model.
USAGE = (
    ("requests answered", "requests"),
    ("of them with tokens that are our estimate", "estimated_requests"),
    ("tokens of prompts", "input_tokens"),
    ("tokens of answers", "output_tokens"),
)


def asked(datasets: dict[str, dict[str, dict[str, Any]]]) -> list[list[str]]:
    """What a language model was asked for the queries, and what it cost."""
    usages = [
        stages.get("queries", {}).get("usage", {}) for stages in datasets.values()
    ]
    if not any(usage.get("requests") for usage in usages):
        return []
    rows = [[title, *(number(one.get(key)) for one in usages)] for title, key in USAGE]
    costs = (f"{one['money']:,.4f}" if "money" in one else "–" for one in usages)
    return [*rows, ["cost, by the prices in the configuration", *costs]]


def training(history: dict[str, Any]) -> list[tuple[str, str]]:
    """What training made of the pairs of all datasets together."""
    left_out = history.get("rows_left_out") or {}
    seconds, epochs = history.get("seconds"), history.get("epochs")
    drawn = []
    if history.get("weights"):
        said = "drawn for an epoch by the weights of datasets"
        drawn = [(said, number(history.get("rows_drawn")))]
    return [
        ("train pairs of all datasets", number(history.get("rows"))),
        *drawn,
        ("of them used in an epoch", number(history.get("rows_used"))),
        ("of them left out, for they fill no batch", number(sum(left_out.values()))),
        ("epochs", "–" if epochs is None else f"{epochs:g}"),
        ("steps", number(history.get("steps"))),
        ("processes", number(history.get("world_size"))),
        ("minutes", "–" if seconds is None else f"{seconds / 60:,.1f}"),
    ]


def plot_lengths(datasets: dict[str, Counts], path: str) -> None:
    """Bars of the number of train pairs in each range of token length."""
    ready = {
        name: stages["shards"]["buckets"]
        for name, stages in datasets.items()
        if "shards" in stages
    }
    heights = [len(buckets) + 2 for buckets in ready.values()] or [3]
    figure, axes = subplots(
        len(heights),
        1,
        figsize=(8, 0.28 * sum(heights) + 0.4),
        height_ratios=heights,
        sharex=True,
    )
    if not ready:
        say_nothing(axes[0][0], "no train pairs")
    most = max(
        (bucket["pairs"] for each in ready.values() for bucket in each), default=0
    )
    for panel, (name, buckets) in zip(axes[:, 0], ready.items(), strict=False):
        bars(panel, {span(bucket): bucket["pairs"] for bucket in buckets}, most)
        panel.set_title(f"{name}: tokens of a pair's longest text")
    axes[-1][0].set_xlabel("train pairs")
    write_svg(path, figure, "Lengths of the train pairs")


def span(bucket: dict[str, Any]) -> str:
    """The range of a bucket in words."""
    low, end = bucket["from"], bucket["to"]
    return f"{low:,} or more" if end is None else f"{low:,} to {end - 1:,}"


def main(argv: list[str] | None = None) -> None:
    arguments = parser(__doc__)
    add_stages(arguments)
    arguments.add_argument(
        "--history", metavar="JSON", help="training history of train_model.py"
    )
    arguments.add_argument("--table", required=True, metavar="HTML")
    arguments.add_argument("--lengths", required=True, metavar="SVG")
    arguments = arguments.parse_args(argv)

    datasets = read_stages(arguments)
    rows = [
        [
            title,
            *(number(stages.get(stage, {}).get(key)) for stages in datasets.values()),
        ]
        for title, stage, key in LINES
        if any(key in stages.get(stage, {}) for stages in datasets.values())
    ]
    aside = {name: dict(set_aside(stages)) for name, stages in datasets.items()}
    reasons = dict.fromkeys(
        why for counts in aside.values() for why, count in counts.items() if count
    )
    body = [table(["", *datasets], rows, "Counts of each dataset, stage by stage")]
    if reasons:
        body.append(element("h2", "Set aside"))
        body.append(
            table(
                ["", *datasets],
                [
                    [why, *(number(counts.get(why)) for counts in aside.values())]
                    for why in reasons
                ],
                "What was left out or came out short, and why",
            )
        )
    if usage := asked(datasets):
        body.append(element("h2", "Language model"))
        body.append(
            table(["", *datasets], usage, "What queries were asked for, and their cost")
        )
    if arguments.history:
        history = read_object(arguments.history, "history of train_model.py")
        body.append(element("h2", "Training"))
        body += [
            element(
                "p", f"Warning at step {number(entry['step'])}: {entry['warning']}."
            )
            for entry in history.get("warnings") or ()
        ]
        body.append(
            table(["", "All datasets"], training(history), "What training used")
        )
    write_page(arguments.table, "From the source to the train pairs", *body)
    plot_lengths(datasets, arguments.lengths)


if __name__ == "__main__":
    sys.exit(run(main))
