"""Draw the measures of all systems: a chart with intervals, and a table in HTML."""

from __future__ import annotations

import sys

from arkiv.cli import parser, run
from arkiv.errors import InputError
from arkiv.figures import BLUE, GREY, VERMILLION, subplots, write_svg
from arkiv.files import read_json
from arkiv.measures import TITLES
from arkiv.pages import Html, element, joined, table, write_page

CHARTED = ("nDCG@10", "AP", "R@100", "RR@10")
# Before and after training, told apart by shape as well as by colour.
MARKS = {"base": (BLUE, "s"), "tuned": (VERMILLION, "D")}


def mark_of(system: str) -> tuple[str, str]:
    """Colour and shape of a system, by the model that its name begins with."""
    return MARKS.get(system.split("_")[0], (GREY, "o"))


def chart(metrics: dict, path: str) -> None:
    systems = list(metrics["systems"])
    figure, axes = subplots(
        1,
        len(CHARTED),
        sharey=True,
        figsize=(10, 1.1 + 0.3 * len(systems)),
    )
    for panel, measure in zip(axes[0], CHARTED, strict=True):
        for row, system in enumerate(systems):
            value = metrics["systems"][system][measure]
            colour, shape = mark_of(system)
            panel.plot(
                [value["low"], value["high"]],
                [row, row],
                color=colour,
                linewidth=2,
                solid_capstyle="butt",
            )
            panel.plot(value["mean"], row, shape, color=colour, markersize=5.5)
        panel.set_title(TITLES.get(measure, measure))
        # A little room, so that the mark of a perfect mean is whole.
        panel.set_xlim(0, 1.03)
        panel.set_xticks([0, 0.25, 0.5, 0.75, 1], ["0", "", "0.5", "", "1"])
        panel.grid(axis="y", visible=False)
        panel.tick_params(axis="y", length=0)
    axes[0][0].set_yticks(
        range(len(systems)), [name.replace("_", " ") for name in systems]
    )
    axes[0][0].set_ylim(len(systems) - 0.5, -0.5)
    level = metrics["bootstrap"]["level"]
    figure.supxlabel(
        f"mean over {metrics['queries']:,} test queries, with {level:.0%} bootstrap "
        "intervals",
        fontsize=9,
    )
    write_svg(path, figure, "Retrieval measures")


def cell(value: dict, *, signed: bool = False, strong: bool = False) -> Html:
    """A mean over its interval."""
    sign = "+" if signed else ""
    mean = f"{value['mean']:{sign}.3f}"
    return joined(
        element("strong", mean) if strong else mean,
        element("small", f"{value['low']:{sign}.3f} to {value['high']:{sign}.3f}"),
    )


def tables(part: dict, measures: list[str], about: str) -> list[Html]:
    """The tables of means and of differences of one slice of the queries."""
    titles = [TITLES.get(measure, measure) for measure in measures]
    best = {
        measure: max(
            round(means[measure]["mean"], 3) for means in part["systems"].values()
        )
        for measure in measures
    }
    result = [
        table(
            ["System", *titles],
            [
                [
                    system.replace("_", " "),
                    *(
                        cell(
                            means[measure],
                            strong=round(means[measure]["mean"], 3) == best[measure],
                        )
                        for measure in measures
                    ),
                ]
                for system, means in part["systems"].items()
            ],
            f"Means over {part['queries']:,} {about} (the best of each column in bold)",
        )
    ]
    if part["comparisons"]:
        rows = [
            [
                f"{pair['system']} − {pair['base']}".replace("_", " "),
                *(
                    cell(pair["difference"][measure], signed=True)
                    for measure in measures
                ),
            ]
            for pair in part["comparisons"]
        ]
        result.append(
            table(["Difference", *titles], rows, f"Paired differences, {about}")
        )
    return result


def main(argv: list[str] | None = None) -> None:
    arguments = parser(__doc__)
    arguments.add_argument("--metrics", required=True, metavar="JSON")
    arguments.add_argument("--chart", required=True, metavar="SVG")
    arguments.add_argument("--table", required=True, metavar="HTML")
    arguments = arguments.parse_args(argv)

    metrics = read_json(arguments.metrics)
    if not isinstance(metrics, dict) or not metrics.get("systems"):
        raise InputError(
            "has no measured systems, expected what measure_runs.py writes",
            file=arguments.metrics,
        )
    measures = metrics["measures"]
    level, samples = metrics["bootstrap"]["level"], metrics["bootstrap"]["samples"]
    body = [
        element(
            "p",
            "A passage counts as relevant if the query was made from it. Below each "
            f"mean stands its {level:.0%} interval, from {samples:,} bootstrap samples "
            "of the queries; differences are paired, query by query. An interval that "
            "holds 0 leaves open which system is better.",
        ),
        *tables(metrics, measures, "test queries"),
    ]
    for name, part in metrics["slices"].items():
        body.append(element("h2", f"Queries: {name}"))
        body += tables(part, measures, f"queries: {name}")
    write_page(arguments.table, "Retrieval measures", *body)
    chart(metrics, arguments.chart)


if __name__ == "__main__":
    sys.exit(run(main))
