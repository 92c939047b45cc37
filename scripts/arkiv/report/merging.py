"""How much of the tuned model a merged one has, and what other weights reached."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from arkiv.base.html import Html, table
from arkiv.base.markdown import counted as plural
from arkiv.evaluate.measures import title
from arkiv.report.page import paragraph

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
    mode, measure, curve = merge["mode"], merge["measure"], merge["curve"]
    words = mode.replace("_", "-")
    if "general" in merge["collections"]:
        yield paragraph(
            f"Of the weights that are no more than {merge['tolerance']:g} below the "
            f"other model on the general set, by {words} {title(measure)}, it is the "
            "best on the dev queries."
        )
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
    yield table(["share", *header], rows, caption)
