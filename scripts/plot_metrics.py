"""Draw the measures of all systems with intervals, and differences by query.

The second chart has, for the system that is compared first and each that it is compared
with, the differences of the deciding measure query by query, in falling order.
"""

from __future__ import annotations

import sys
from itertools import chain

import numpy as np

from arkiv.base.cli import parser, run
from arkiv.base.errors import InputError
from arkiv.base.files import read_json
from arkiv.base.markdown import counted
from arkiv.evaluate.measures import title
from arkiv.report.figures import (
    BLUE,
    GREY,
    INK,
    PAPER,
    VERMILLION,
    around,
    say_nothing,
    subplots,
    whole_numbers,
    within_a_measure,
    write_svg,
)
from arkiv.report.searches import compared_pairs, read_values, tally
from arkiv.report.sure import has_intervals
from arkiv.retrieve.systems import spaced

# Of the measures, the first ones; of the systems, those that can be told apart.
CHARTED = 4
MOST_SYSTEMS = 60
# Of an axis, at least: what is alike is to look so.
LEAST_SPAN = 0.1
# Of the steps of a falling curve.
MOST_POINTS = 2000
# Before and after training, told apart by shape as well as by colour.
MARKS = {"base": (BLUE, "s"), "tuned": (VERMILLION, "D")}


def mark_of(system: str) -> tuple[str, str]:
    """Colour and shape of a system, by the model that its name begins with."""
    return MARKS.get(system.split("_")[0], (GREY, "o"))


def scale(metrics: dict, systems: list[str], measure: str) -> tuple[float, float]:
    """The range of a measure's means and intervals."""
    values = [metrics["systems"][system][measure] for system in systems]
    known = [one[end] for one in values for end in ("mean", "low", "high")]
    numbers = (value for value in known if value is not None)
    return within_a_measure(around(numbers, LEAST_SPAN))


def chart(metrics: dict, path: str) -> None:
    """The means of the first measures, with their intervals."""
    from matplotlib.ticker import MaxNLocator

    systems = list(metrics["systems"])[:MOST_SYSTEMS]
    charted = metrics["measures"][:CHARTED]
    figure, axes = subplots(
        1, len(charted), sharey=True, figsize=(10, 1.1 + 0.3 * len(systems))
    )
    for panel, measure in zip(axes[0], charted, strict=True):
        for row, system in enumerate(systems):
            value = metrics["systems"][system][measure]
            colour, shape = mark_of(system)
            if value["low"] is not None:
                panel.plot(
                    [value["low"], value["high"]],
                    [row, row],
                    color=colour,
                    linewidth=2,
                    solid_capstyle="butt",
                )
            panel.plot(value["mean"], row, shape, color=colour, markersize=5.5)
        panel.set_title(title(measure))
        panel.set_xlim(*scale(metrics, systems, measure))
        panel.xaxis.set_major_locator(MaxNLocator(nbins=4, steps=[1, 2, 2.5, 5, 10]))
        panel.tick_params(axis="y", length=0)
    axes[0][0].set_yticks(range(len(systems)), map(spaced, systems))
    axes[0][0].set_ylim(len(systems) - 0.5, -0.5)
    intervals = (
        f"with {metrics['bootstrap']['level']:.0%} bootstrap intervals"
        if has_intervals(metrics)
        else "too few for intervals"
    )
    queries = counted(metrics["queries"], "test query", "test queries")
    figure.supxlabel(f"mean over {queries}, {intervals}", fontsize=9)
    write_svg(path, figure, "Retrieval measures")


def falling(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Ranks from 1 and values in falling order, thinned out if there are many."""
    places = np.arange(len(values))
    if len(values) > MOST_POINTS:
        places = np.linspace(0, len(values) - 1, MOST_POINTS).round().astype(int)
    return places + 1, np.sort(values)[::-1][places]


def differences(metrics: dict, per_query: str, path: str) -> None:
    """Differences by query of the system that is compared first."""
    pairs, measure = compared_pairs(metrics), metrics["measures"][0]
    scores = read_values(per_query, measure, {name for pair in pairs for name in pair})
    figure, axes = subplots(
        max(1, len(pairs)), 1, figsize=(8, 0.6 + 2.2 * max(1, len(pairs)))
    )
    if not pairs:
        say_nothing(axes[0][0], "no systems are compared")
    changes = [
        [scores[system][key] - scores[base][key] for key in scores[system]]
        for system, base in pairs
    ]
    # The same for all, gains and losses alike.
    reach = max(map(abs, chain(*changes)), default=1)
    reach = 1.06 * max(reach, LEAST_SPAN)
    for panel, (system, base), change in zip(axes[:, 0], pairs, changes, strict=False):
        mine, theirs = scores[system], scores[base]
        places, values = falling(np.array(change))
        better, alike, worse = tally(mine, theirs)
        looks = (
            (np.maximum(values, 0), f"better on {better:,}", VERMILLION, ""),
            (np.minimum(values, 0), f"worse on {worse:,}", BLUE, "////"),
        )
        for heights, label, colour, hatch in looks:
            panel.fill_between(
                places,
                heights,
                step="mid",
                facecolor=colour,
                edgecolor=PAPER,
                hatch=hatch,
                linewidth=0,
                label=label,
            )
        panel.axhline(0, color=INK, linewidth=0.8)
        panel.set_title(f"{spaced(system)} − {spaced(base)}, alike on {alike:,}")
        panel.set_xlim(0.5, max(places[-1], 1) + 0.5)
        panel.set_ylim(-reach, reach)
        panel.set_ylabel(title(measure))
        panel.legend(loc="upper right", ncols=2)
        whole_numbers(panel.xaxis)
    axes[-1][0].set_xlabel("queries, from the largest gain to the largest loss")
    write_svg(path, figure, "Differences by query")


def main(argv: list[str] | None = None) -> None:
    arguments = parser(
        __doc__, metrics="JSON", per_query="CSV", chart="SVG", differences="SVG"
    )
    arguments = arguments.parse_args(argv)

    metrics = read_json(arguments.metrics)
    if not isinstance(metrics, dict) or not metrics.get("systems"):
        raise InputError(
            "has no measured systems, expected what measure_runs.py writes",
            file=arguments.metrics,
        )
    chart(metrics, arguments.chart)
    differences(metrics, arguments.per_query, arguments.differences)


if __name__ == "__main__":
    sys.exit(run(main))
