"""Draw how many train pairs of each dataset lie in each range of token length."""

from __future__ import annotations

import sys

from arkiv.base.cli import parser, run
from arkiv.base.errors import expecting
from arkiv.base.files import read_object
from arkiv.base.named import named
from arkiv.report.data import span
from arkiv.report.figures import (
    MOST_PANELS,
    bars,
    largest,
    say_nothing,
    subplots,
    write_svg,
)


def plot(ready: dict[str, dict[str, int]], path: str) -> None:
    """Bars of the train pairs in each range, a panel for each dataset."""
    sizes = {name: sum(counts.values()) for name, counts in ready.items()}
    shown = largest(sizes, MOST_PANELS)
    heights = [len(ready[name]) + 2 for name in shown] or [3]
    figure, axes = subplots(
        len(heights),
        1,
        figsize=(8, 0.28 * sum(heights) + 0.4),
        height_ratios=heights,
        sharex=True,
    )
    if not shown:
        say_nothing(axes[0][0], "no train pairs")
    most = max((max(ready[name].values(), default=0) for name in shown), default=0)
    for panel, name in zip(axes[:, 0], shown, strict=False):
        bars(panel, ready[name], most)
        panel.set_title(f"{name}: tokens of a pair's longest text")
    axes[-1][0].set_xlabel("train pairs")
    write_svg(path, figure, "Lengths of the train pairs")


def main(argv: list[str] | None = None) -> None:
    arguments = parser(
        __doc__, shards="DATASET=JSON... logs of split_by_length.py", output="SVG"
    )
    arguments = arguments.parse_args(argv)

    ready = {}
    for name, path in named(arguments.shards, "--shards").items():
        log = read_object(path, "log of split_by_length.py")
        with expecting("split_by_length.py", path):
            ready[name] = {span(bucket): bucket["pairs"] for bucket in log["buckets"]}
    plot(ready, arguments.output)


if __name__ == "__main__":
    sys.exit(run(main))
