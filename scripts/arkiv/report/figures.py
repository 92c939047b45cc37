"""One look for the report's charts: SVG, byte for byte the same on every run.

Colours are Okabe and Ito's, told apart by colour-blind readers; nothing is told by
colour alone, so the charts also work in print. Letters stay letters, which can be found
and take the colours and the font of a page around them. All colours are those named
here: the report has others for a dark screen (`arkiv.report.drawing`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from arkiv.base.files import written_whole

if TYPE_CHECKING:
    from matplotlib.figure import Figure

BLUE, VERMILLION, GREEN = "#0072B2", "#D55E00", "#009E73"
GREY, INK, FAINT, PAPER = "#6B6B6B", "#1A1A1A", "#D9D9D9", "#FFFFFF"
# Of each mode of scoring: its name, colour and mark.
STYLES = {
    "dense": ("dense", BLUE, "o"),
    "sparse": ("sparse", VERMILLION, "s"),
    "multi_vector": ("multi-vector", GREEN, "^"),
    "combined": ("combined", INK, "D"),
}
# Of a panel of measures, at least: a curve that is flat is to look so.
LEAST_SPAN = 0.1
# Of a figure with a panel for each dataset: those of the largest.
MOST_PANELS = 8

SETTINGS = {
    "svg.hashsalt": "arkiv",
    "svg.fonttype": "none",
    "font.size": 9,
    "axes.titlesize": 10,
    "axes.titlelocation": "left",
    "axes.titleweight": "bold",
    "text.color": INK,
    "axes.edgecolor": GREY,
    "axes.labelcolor": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": FAINT,
    "grid.linewidth": 0.6,
    "xtick.color": INK,
    "ytick.color": INK,
    "legend.frameon": False,
    "hatch.color": INK,
    "hatch.linewidth": 0.6,
    "figure.constrained_layout.use": True,
    "figure.constrained_layout.w_pad": 0.1,
    "figure.constrained_layout.h_pad": 0.1,
}


def largest(sizes: Mapping[str, int], most: int) -> list[str]:
    """The names of the largest, at most so many, in the order they are given in."""
    chosen = set(sorted(sizes, key=lambda name: -sizes[name])[:most])
    return [name for name in sizes if name in chosen]


def subplots(rows: int, columns: int, **options: Any) -> tuple[Figure, Any]:
    """A figure and its axes, (rows, columns), in the look of the report."""
    import matplotlib

    matplotlib.use("Agg")
    # From matplotlib's own defaults, whatever a user's matplotlibrc says.
    matplotlib.rcdefaults()
    matplotlib.rcParams.update(SETTINGS)
    from matplotlib import pyplot

    return pyplot.subplots(rows, columns, squeeze=False, **options)


def write_svg(path: str | Path, figure: Figure, title: str) -> None:
    """Write a figure as SVG, whole or not at all, and close it."""
    from matplotlib import pyplot

    about = {"Title": title, "Date": None, "Creator": None}
    with written_whole(path) as beside:
        figure.savefig(beside, format="svg", metadata=about)
    pyplot.close(figure)


def around(values: Iterable[float], least: float) -> tuple[float, float]:
    """The ends of an axis that values fill, with a little room.

    Args:
        values: at least one.
        least: how long the axis is at least, so that what is flat looks so.
    """
    values = list(values)
    low, high = min(values), max(values)
    room = max(0.08 * (high - low), (least - (high - low)) / 2)
    return low - room, high + room


def curves(
    axes: Any, places: Sequence[float], values: Mapping[str, Sequence[float]]
) -> None:
    """A curve for each mode of scoring, in the look that it has everywhere."""
    for mode, (name, colour, mark) in STYLES.items():
        if mode in values:
            look = {"color": colour, "marker": mark, "markersize": 3.5}
            axes.plot(places, values[mode], **look, linewidth=1.2, label=name)


def within_a_measure(ends: tuple[float, float]) -> tuple[float, float]:
    """The ends of an axis, no farther than 0 and 1 but for the mark of a value."""
    beyond = 0.03 * (ends[1] - ends[0])
    return max(ends[0], -beyond), min(ends[1], 1 + beyond)


def whole_numbers(axis: Any) -> None:
    """Let an axis count: whole numbers with their thousands apart."""
    from matplotlib.ticker import FuncFormatter, MaxNLocator

    axis.set_major_locator(MaxNLocator(nbins="auto", integer=True))
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))


def bars(axes: Any, counts: Mapping[str, int], most: int) -> None:
    """Horizontal bars, the first on top, each with its name and its number.

    The axis has room for a bar of `most`.
    """
    places = range(len(counts))
    drawn = axes.barh(places, counts.values(), height=0.75, color=BLUE)
    axes.bar_label(drawn, map("{:,}".format, counts.values()), padding=4, color=INK)
    axes.set_yticks(places, counts)
    axes.set_ylim(len(counts) - 0.5, -0.5)
    axes.tick_params(axis="y", length=0)
    axes.set_xlim(0, 1.12 * max(1, most))
    axes.grid(axis="y", visible=False)
    whole_numbers(axes.xaxis)


def say_nothing(axes: Any, reason: str) -> None:
    """Leave an empty panel that says why it is empty."""
    axes.set_axis_off()
    middle = {"ha": "center", "va": "center", "transform": axes.transAxes}
    axes.text(0.5, 0.5, reason, color=GREY, **middle)
