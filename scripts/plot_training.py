"""Draw the loss and the learning rate of a training run, step by step."""

from __future__ import annotations

import sys

import numpy as np

from arkiv.cli import parser, run
from arkiv.errors import InputError
from arkiv.figures import BLUE, INK, VERMILLION, subplots, whole_numbers, write_svg
from arkiv.files import read_json

# Steps on each side that the smoothed loss averages over, as a share of all steps.
SMOOTHING = 0.02


def smoothed(values: np.ndarray) -> np.ndarray:
    """Means over a window of steps, which is cut off at both ends; (n,) to (n,)."""
    reach = int(len(values) * SMOOTHING) + 1
    sums = np.concatenate([[0.0], np.cumsum(values)])
    first = np.maximum(np.arange(len(values)) - reach, 0)
    last = np.minimum(np.arange(len(values)) + reach + 1, len(values))
    return (sums[last] - sums[first]) / (last - first)


def series(entries: list[dict], key: str) -> tuple[np.ndarray, np.ndarray]:
    """Steps and values of a key; entries without a number are left out."""
    found = [
        (entry["step"], entry[key])
        for entry in entries
        if entry.get("step") is not None and entry.get(key) is not None
    ]
    steps, values = zip(*found, strict=True) if found else ((), ())
    return np.array(steps, np.int64), np.array(values, np.float64)


def main(argv: list[str] | None = None) -> None:
    arguments = parser(__doc__)
    arguments.add_argument(
        "--history", required=True, metavar="JSON", help="of train_model.py"
    )
    arguments.add_argument("--output", required=True, metavar="SVG")
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
    figure, axes = subplots(2, 1, figsize=(8, 4.6), sharex=True, height_ratios=[2.2, 1])
    upper, lower = axes[:, 0]
    upper.plot(steps, losses, ".", color=BLUE, markersize=3, alpha=0.5, label="step")
    upper.plot(steps, smoothed(losses), color=INK, linewidth=1.6, label="running mean")
    upper.set_title("Loss")
    upper.set_ylim(0, None)
    upper.legend(loc="upper right", ncols=2)
    lower.plot(*series(entries, "learning_rate"), color=VERMILLION, linewidth=1.6)
    lower.set_title("Learning rate")
    lower.set_ylim(0, None)
    lower.ticklabel_format(axis="y", style="sci", scilimits=(0, 0))
    lower.set_xlabel("step")
    whole_numbers(lower.xaxis)
    write_svg(arguments.output, figure, "Training")


if __name__ == "__main__":
    sys.exit(run(main))
