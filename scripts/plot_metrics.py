"""Draw the measures of all systems: a chart with intervals, and a table in HTML."""

from __future__ import annotations

import sys

from arkiv.cli import parser, run
from arkiv.errors import InputError
from arkiv.figures import BLUE, GREY, VERMILLION, subplots, write_svg
from arkiv.files import read_json
from arkiv.gold import explained
from arkiv.measures import title
from arkiv.pages import Html, element, joined, table, write_page
from arkiv.requirements import wish

# Of the measures, the first ones.
CHARTED = 4
# Corrected p-values below which a difference has one star more.
STARS = (0.05, 0.01, 0.001)
# What divides the queries, in words.
DIVIDED = {
    "dataset": "dataset",
    "volume": "volume",
    "type": "type of query",
    "kind": "kind of query",
    "length": "tokens of the longest relevant passage",
    "confidence": "the recogniser's mean confidence in the relevant passages",
}
# Parts side by side; more stand below each other.
COLUMNS = 8
# Before and after training, told apart by shape as well as by colour.
MARKS = {"base": (BLUE, "s"), "tuned": (VERMILLION, "D")}


def mark_of(system: str) -> tuple[str, str]:
    """Colour and shape of a system, by the model that its name begins with."""
    return MARKS.get(system.split("_")[0], (GREY, "o"))


def spaced(system: str) -> str:
    """The name of a system for people."""
    return system.replace("_", " ")


def chart(metrics: dict, path: str) -> None:
    systems = list(metrics["systems"])
    charted = metrics["measures"][:CHARTED]
    figure, axes = subplots(
        1,
        len(charted),
        sharey=True,
        figsize=(10, 1.1 + 0.3 * len(systems)),
    )
    for panel, measure in zip(axes[0], charted, strict=True):
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
        panel.set_title(title(measure))
        # A little room, so that the mark of a perfect mean is whole.
        panel.set_xlim(0, 1.03)
        panel.set_xticks([0, 0.25, 0.5, 0.75, 1], ["0", "", "0.5", "", "1"])
        panel.tick_params(axis="y", length=0)
    axes[0][0].set_yticks(range(len(systems)), map(spaced, systems))
    axes[0][0].set_ylim(len(systems) - 0.5, -0.5)
    level = metrics["bootstrap"]["level"]
    figure.supxlabel(
        f"mean over {metrics['queries']:,} test queries, with {level:.0%} bootstrap "
        "intervals",
        fontsize=9,
    )
    write_svg(path, figure, "Retrieval measures")


def cell(value: dict, *, signed: bool = False, strong: bool = False) -> Html:
    """A mean over its interval, and over its p-value where it has one."""
    sign = "+" if signed else ""
    mean = f"{value['mean']:{sign}.3f}"
    p = value.get("p_holm", 1.0)
    stars = "*" * sum(p < level for level in STARS)
    return joined(
        element("strong", mean) if strong else mean,
        element("sup", stars) if stars else "",
        element("small", f"{value['low']:{sign}.3f} to {value['high']:{sign}.3f}"),
        element("small", probability(p)) if "p_holm" in value else "",
    )


def probability(p: float) -> str:
    """A p-value in words."""
    return "p < 0.001" if p < 0.001 else f"p = {p:.3f}"


def means_of(part: dict, measures: list[str], caption: str) -> Html:
    """A table of the systems' means, the best of each measure in bold."""
    best = {
        measure: max(
            round(means[measure]["mean"], 3) for means in part["systems"].values()
        )
        for measure in measures
    }
    rows = [
        [
            spaced(system),
            *(
                cell(
                    means[measure],
                    strong=round(means[measure]["mean"], 3) == best[measure],
                )
                for measure in measures
            ),
        ]
        for system, means in part["systems"].items()
    ]
    return table(["System", *map(title, measures)], rows, caption)


def differences_of(part: dict, measures: list[str], caption: str) -> Html:
    """A table of the differences between pairs of systems."""
    rows = [
        [
            f"{spaced(pair['system'])} − {spaced(pair['base'])}",
            *(cell(pair["difference"][measure], signed=True) for measure in measures),
        ]
        for pair in part["comparisons"]
    ]
    return table(["Difference", *map(title, measures)], rows, caption)


def requirements_of(results: list[dict]) -> Html:
    """A table of what was required, and whether it was reached."""
    rows = [
        [
            f"{title(result['measure'])} of {spaced(result['system'])}",
            spaced(wish(result)),
            f"{result['value']:.4f}",
            element("span", "met", class_="badge")
            if result["holds"]
            else element("strong", "missed"),
        ]
        for result in results
    ]
    return table(
        ["Required", "is", "measured", "which is"],
        rows,
        "What the configuration requires (evaluate.require)",
    )


def overview(parts: dict, measure: str, by: str) -> Html:
    """One measure of all systems in all parts: a row a system, or a row a part."""
    counts = [f"{part['queries']:,}" for part in parts.values()]
    systems = list(map(spaced, next(iter(parts.values()))["systems"]))
    columns = [
        [cell(means[measure]) for means in part["systems"].values()]
        for part in parts.values()
    ]
    caption = f"{title(measure)} by {by}, of n queries each"
    if len(parts) > COLUMNS:
        rows = [
            [name, count, *cells]
            for name, count, cells in zip(parts, counts, columns, strict=True)
        ]
        return table(["Part", "n", *systems], rows, caption)
    header = [
        f"{name} (n = {count})" for name, count in zip(parts, counts, strict=True)
    ]
    rows = [[name, *cells] for name, *cells in zip(systems, *columns, strict=True)]
    return table(["System", *header], rows, caption)


def divided(key: str, parts: dict, measures: list[str]) -> list[Html]:
    """What is measured by one division of the queries."""
    by = DIVIDED.get(key, key)
    tables = []
    for name, part in parts.items():
        about = f"{part['queries']:,} queries, {by} {name}"
        tables.append(means_of(part, measures, f"Means over {about}"))
        if part["comparisons"]:
            tables.append(
                differences_of(part, measures, f"Paired differences, {about}")
            )
    return [
        element("h2", f"By {by}"),
        overview(parts, measures[0], by),
        element("details", element("summary", "All measures of each"), *tables),
    ]


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
    queries = f"{metrics['queries']:,} test queries"
    body = [
        element(
            "p",
            f"{explained(metrics)} Below each "
            f"mean stands its {level:.0%} interval, from {samples:,} bootstrap samples "
            "of the queries.",
        ),
        means_of(
            metrics,
            measures,
            f"Means over {queries} (the best of each column in bold)",
        ),
    ]
    if metrics["comparisons"]:
        body += [
            differences_of(metrics, measures, f"Paired differences, {queries}"),
            element(
                "p",
                "Differences are paired, query by query; where an interval holds 0, it "
                "is open which system is better. p is the chance of a difference this "
                f"large between systems that are alike: by {samples:,} random signs of "
                "the queries' differences (a paired randomisation test), corrected for "
                f"the {len(metrics['comparisons'])} pairs of the table (Holm). "
                "* p < 0.05, ** p < 0.01, *** p < 0.001.",
                class_="faint",
            ),
        ]
    if metrics["requirements"]:
        body.append(requirements_of(metrics["requirements"]))
    for key, parts in metrics["parts"].items():
        body += divided(key, parts, measures)
    write_page(arguments.table, "Retrieval measures", *body)
    chart(metrics, arguments.chart)


if __name__ == "__main__":
    sys.exit(run(main))
