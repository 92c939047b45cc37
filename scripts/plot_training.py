"""Draw loss, measures on held-out queries and learning rate of a run, step by step."""

from __future__ import annotations

import math
import sys
from typing import Any

import numpy as np

from arkiv.base.cli import parser, run
from arkiv.base.errors import InputError
from arkiv.base.files import read_json
from arkiv.evaluate.measures import title
from arkiv.report.figures import (
    BLUE,
    GREY,
    INK,
    LEAST_SPAN,
    VERMILLION,
    around,
    curves,
    subplots,
    whole_numbers,
    write_svg,
)

# Steps on each side that the smoothed loss averages over, as a share of all steps.
SMOOTHING = 0.02
# Steps that are drawn, at most: a report of 100,000 dots is slow to open.
MOST_DOTS = 2000


def smoothed(values: np.ndarray) -> np.ndarray:
    """Means over a window of steps, which is cut off at both ends; (n,) to (n,)."""
    reach = int(len(values) * SMOOTHING) + 1
    sums = np.concatenate([[0.0], np.cumsum(values)])
    first = np.maximum(np.arange(len(values)) - reach, 0)
    last = np.minimum(np.arange(len(values)) + reach + 1, len(values))
    return (sums[last] - sums[first]) / (last - first)


def series(entries: list[dict], key: str) -> tuple[np.ndarray, np.ndarray]:
    """Steps and values of a key; entries without a number are left out."""
    known = [one for one in entries if None not in (one.get("step"), one.get(key))]
    steps = np.array([one["step"] for one in known], np.int64)
    return steps, np.array([one[key] for one in known], np.float64)


def draw_losses(panel: Any, steps: np.ndarray, losses: np.ndarray) -> None:
    """The loss of steps as dots, not of all if there are many, and the mean of all."""
    apart = math.ceil(len(steps) / MOST_DOTS)
    label = "step" if apart == 1 else f"one step in {apart}"
    means, losses, steps = smoothed(losses)[::apart], losses[::apart], steps[::apart]
    panel.plot(steps, losses, ".", color=BLUE, markersize=3, alpha=0.5, label=label)
    panel.plot(steps, means, color=INK, linewidth=1.6, label="running mean")
    panel.set_title("Loss")
    panel.set_ylim(0, None)
    panel.legend(loc="upper right", ncols=2)


def limits(evaluation: dict[str, Any]) -> tuple[float, float]:
    """The range in which the chosen measure of all modes lies on all queries."""
    values = [
        of_mode[evaluation["measure"]]
        for entry in evaluation["entries"]
        for modes in entry["scores"].values()
        for of_mode in modes.values()
    ]
    return around(values, LEAST_SPAN)


def draw_scores(panel: Any, evaluation: dict[str, Any], collection: str) -> None:
    """The chosen measure on some queries, of each mode; the base model is step 0."""
    entries, measure = evaluation["entries"], evaluation["measure"]
    steps = [entry["step"] for entry in entries]
    scores = [entry["scores"][collection] for entry in entries]
    curves(
        panel,
        steps,
        {
            mode: [of_mode[mode][measure] for of_mode in scores]
            for mode in scores[0]  # those for which the model has heads
        },
    )
    best = evaluation["best_step"]
    said = f"kept: step {best:,}"
    panel.axvline(best, color=GREY, linewidth=1, linestyle="--", label=said)
    size = evaluation["collections"][collection]
    panel.set_title(
        f"{title(measure)}: {size['queries']:,} {collection} queries in "
        f"{size['passages']:,} passages"
    )
    panel.set_ylim(*limits(evaluation))


def main(argv: list[str] | None = None) -> None:
    arguments = parser(__doc__, history="JSON of train_model.py", output="SVG")
    arguments = arguments.parse_args(argv)

    history = read_json(arguments.history)
    entries = history.get("log") if isinstance(history, dict) else None
    steps, losses = series(entries or [], "loss")
    if not len(steps):
        raise InputError(
            "logs no losses, expected what train_model.py writes",
            file=arguments.history,
            key="log",
        )
    evaluation = history.get("evaluation")
    watched = list(evaluation["collections"]) if evaluation else []
    figure, axes = subplots(
        2 + len(watched),
        1,
        figsize=(8, 4.8 + 2.6 * len(watched)),
        sharex=True,
        height_ratios=[2.2, *(1.8 for _ in watched), 1],
    )
    upper, *middle, lower = axes[:, 0]
    for panel, collection in zip(middle, watched, strict=True):
        draw_scores(panel, evaluation, collection)
    if middle:
        # Below the panels, for the curves may be anywhere in them.
        middle[-1].legend(
            loc="upper center", bbox_to_anchor=(0.5, -0.06), ncols=5, columnspacing=1.5
        )
    draw_losses(upper, steps, losses)
    lower.plot(*series(entries, "learning_rate"), color=VERMILLION, linewidth=1.6)
    lower.set_title("Learning rate")
    lower.set_ylim(0, None)
    lower.ticklabel_format(axis="y", style="sci", scilimits=(0, 0))
    lower.set_xlabel("step")
    whole_numbers(lower.xaxis)
    write_svg(arguments.output, figure, "Training")


if __name__ == "__main__":
    sys.exit(run(main))
