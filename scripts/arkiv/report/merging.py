"""How much of the tuned model a merged one has, and what other weights reached."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import chain
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from arkiv.base.html import Html, table
from arkiv.base.markdown import counted as plural
from arkiv.base.page import paragraph
from arkiv.evaluate.measures import title
from arkiv.report.drawing import figure
from arkiv.report.figures import (
    GREY,
    LEAST_SPAN,
    around,
    curves,
    subplots,
    write_svg,
)

Merge = Mapping[str, Any]

BASE = "base"
# Fewer dev queries tell weights apart by chance.
FEW = 50


def sentence(merge: Merge) -> str:
    """What was merged, and by which weight."""
    weight = merge["weight"]
    other = "the base model" if merge["with"] == BASE else f"the model {merge['with']}"
    said = {
        0: f"The tuned model is {other}: nothing of what was trained is in it.",
        1: f"The tuned model is what was trained, with nothing of {other} in it.",
    }.get(
        weight,
        f"The tuned model is an average, weight by weight: {weight:g} of what was "
        f"trained and {1 - weight:.4g} of {other}.",
    )
    if not merge["chosen"]:
        return said
    sizes = merge["collections"]
    by = " and ".join(
        plural(size["queries"], f"{name} query", f"{name} queries")
        for name, size in sizes.items()
    )
    said += f" The share was chosen by {by}"
    if "general" not in sizes:
        said += ", without a general set: what it forgets did not count"
    said += "."
    if (few := sizes["dev"]["queries"]) < FEW:
        said += f" {plural(few, 'dev query is', 'dev queries are')} few to choose by."
    return said


def section(merge: Merge) -> Iterator[Html]:
    """The section: what every weight reached, where one was chosen."""
    yield paragraph(sentence(merge))
    if not merge["chosen"]:
        return
    measure, words = merge["measure"], merge["mode"].replace("_", "-")
    if "general" in merge["collections"]:
        yield paragraph(
            f"Of the weights that are no more than {merge['tolerance']:g} below the "
            f"other model on the general set, by {words} {title(measure)}, it is the "
            "best on the dev queries."
        )
    yield _chart(merge, _numbers(merge))


def _chart(merge: Merge, numbers: Html) -> Html:
    """What every weight reached on each set of queries, a curve for each mode."""
    names = list(merge["collections"])
    size = 8, 0.9 + 2.6 * len(names)
    plot, axes = subplots(len(names), 1, figsize=size, sharex=True)
    for panel, name in zip(axes[:, 0], names, strict=True):
        _draw(panel, merge, name)
    below = {"bbox_to_anchor": (0.5, -0.22), "ncols": 6, "columnspacing": 1.5}
    panel.legend(loc="upper center", **below)
    panel.set_xlabel("share of the tuned model")
    said = f"{title(merge['measure'])} by how much of the tuned model there is"
    with TemporaryDirectory() as folder:
        path = Path(folder, "merging.svg")
        write_svg(path, plot, said)
        shown = f"{said}, of {merge['weight']:g} as was taken; a table has the numbers."
        return figure(path, "merging", said, shown, numbers)


def _draw(panel: Any, merge: Merge, name: str) -> None:
    """A panel: one set of queries, the weight taken, and how much may be forgotten."""
    curve, measure = merge["curve"], merge["measure"]
    scores = [entry["scores"][name] for entry in curve]
    values = {mode: [one[mode][measure] for one in scores] for mode in scores[0]}
    curves(panel, [entry["weight"] for entry in curve], values)
    shown = list(chain(*values.values()))
    line = {"color": GREY, "linewidth": 1}
    if name == "general":
        (other,) = (one for one in curve if one["weight"] == 0)
        least = other["scores"][name][merge["mode"]][measure] - merge["tolerance"]
        words = f"{merge['mode'].replace('_', '-')}, least allowed"
        panel.axhline(least, **line, linestyle=":", label=words)
        shown.append(least)
    taken = f"taken: {merge['weight']:g}"
    panel.axvline(merge["weight"], **line, linestyle="--", label=taken)
    queries = merge["collections"][name]["queries"]
    counted = plural(queries, f"{name} query", f"{name} queries")
    panel.set_title(f"{title(measure)}: {counted}")
    panel.set_ylim(*around(shown, LEAST_SPAN))


def _numbers(merge: Merge) -> Html:
    """What every weight reached, as a table."""
    measure, curve = merge["measure"], merge["curve"]
    columns = [
        (name, one) for name, modes in curve[0]["scores"].items() for one in modes
    ]
    rows = [
        [
            f"{entry['weight']:g}"
            + (" (taken)" if entry["weight"] == merge["weight"] else ""),
            *(f"{entry['scores'][name][one][measure]:.3f}" for name, one in columns),
        ]
        for entry in curve
    ]
    header = [f"{name}, {one.replace('_', '-')}" for name, one in columns]
    caption = f"Mean {title(measure)} by how much of the tuned model there is"
    return table(["share", *header], rows, caption)
