"""How the model was trained: curves, what was watched, warnings."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from arkiv.base.html import Html, element, number, table
from arkiv.base.page import paragraph
from arkiv.evaluate.measures import title
from arkiv.report.drawing import figure
from arkiv.train.watched import falls, in_a_sentence

History = Mapping[str, Any]
Entry = TypeVar("Entry")

# Of a curve, as rows of a table; warnings of a training.
MOST_STEPS = 40
MOST_WARNINGS = 20


def thinned(entries: Sequence[Entry], most: int) -> list[Entry]:
    """At most so many entries, evenly apart, the first and the last among them."""
    if len(entries) <= most:
        return list(entries)
    last = len(entries) - 1
    places = dict.fromkeys(round(n * last / (most - 1)) for n in range(most))
    return [entries[place] for place in places]


def facts(history: History) -> Html:
    """What training used."""
    left_out = history.get("rows_left_out") or {}
    seconds, epochs = history.get("seconds"), history.get("epochs")
    drawn = []
    if history.get("weights"):
        said = "rows drawn for an epoch by the weights of datasets"
        drawn = [(said, number(history.get("rows_drawn")))]
    rows = [
        ("rows of all datasets", number(history.get("rows"))),
        *drawn,
        ("rows used in an epoch", number(history.get("rows_used"))),
        ("rows left out, for they fill no batch", number(sum(left_out.values()))),
        ("epochs", "–" if epochs is None else f"{epochs:g}"),
        ("steps", number(history.get("steps"))),
        ("processes", number(history.get("world_size"))),
        ("minutes", "–" if seconds is None else f"{seconds / 60:,.1f}"),
    ]
    return table(["count", "value"], rows, "What training used")


# What `arkiv.train.false_negatives` counts, as a sentence says it.
MASKED = {
    "same_query": "positives of the same query",
    "near": "near to a positive by their words",
    "guide": "nearer to the query than its positive, by the guide",
}


def masked(history: History) -> Iterator[Html]:
    """How many false negatives batches had, if they were sought."""
    counts = history.get("masked")
    if not counts:
        return
    every = sum(counts[reason] for reason in MASKED)
    share = every / max(1, counts["negatives"])
    reasons = ", ".join(
        f"{counts[reason]:,} {title}"
        for reason, title in MASKED.items()
        if counts[reason]
    )
    said = (
        f"Of {counts['negatives']:,} passages that queries were to be told from in "
        f"their batches {every:,} ({share:.2%}) were masked, for they may answer the "
        "query"
    )
    yield paragraph(f"{said}: {reasons}." if reasons else f"{said}.")


def watched(evaluation: Mapping[str, Any]) -> Html:
    """The measures of the base model and of the one that was kept."""
    measure, best = evaluation["measure"], evaluation["best_step"]
    scores = {entry["step"]: entry["scores"] for entry in evaluation["entries"]}
    steps = [step for step in dict.fromkeys((0, best)) if step in scores]
    fallen = {(fall.collection, fall.mode) for fall in falls(evaluation)}
    rows = [
        [
            f"{name} queries, {mode.replace('_', '-')}",
            *(f"{scores[step][name][mode][measure]:.3f}" for step in steps),
            *(["below the base" * ((name, mode) in fallen)] if fallen else []),
        ]
        for name in evaluation["collections"]
        for mode in scores[best][name]
    ]
    header = [f"step {step:,}" + (" (kept)" if step == best else "") for step in steps]
    header = [f"mean {title(measure)}", *header, *(["which is"] if fallen else [])]
    return table(header, rows, "Measured while the model was trained")


def curves(history: History) -> Iterator[Html]:
    """The numbers of the figure, thinned out."""
    log = [entry for entry in history.get("log") or () if entry.get("loss") is not None]
    rows = []
    for entry in thinned(log, MOST_STEPS):
        rate = entry.get("learning_rate")
        shown_rate = "–" if rate is None else f"{rate:.3g}"
        rows.append([number(entry.get("step")), f"{entry['loss']:.4f}", shown_rate])
    caption = "Loss and learning rate"
    if len(rows) < len(log):
        caption += f", {len(rows)} of {len(log):,} steps; training/history.json has all"
    yield table(["step", "loss", "learning rate"], rows, caption)
    if evaluation := history.get("evaluation"):
        measure, entries = evaluation["measure"], evaluation["entries"]
        columns = [
            (name, mode)
            for name in evaluation["collections"]
            for mode in entries[0]["scores"][name]
        ]
        header = [f"{name}, {mode.replace('_', '-')}" for name, mode in columns]
        rows = [
            [
                number(entry["step"]),
                *(
                    f"{entry['scores'][name][mode][measure]:.3f}"
                    for name, mode in columns
                ),
            ]
            for entry in thinned(entries, MOST_STEPS)
        ]
        caption = f"Mean {title(measure)} by step"
        yield table(["step", *header], rows, caption)


def warnings(history: History) -> Iterator[Html]:
    """What the guards warned of."""
    entries = history.get("warnings") or ()
    if not entries:
        yield paragraph("Nothing was warned of.")
        return
    items = [
        element("li", f"Step {number(entry['step'])}: {entry['warning']}.")
        for entry in entries[:MOST_WARNINGS]
    ]
    if more := len(entries) - len(items):
        items.append(element("li", f"And {more:,} more in training/history.json."))
    yield paragraph("Warnings:")
    yield element("ul", *items)


def alternative(history: History) -> str:
    """What the curves show, in a sentence."""
    losses = [
        entry["loss"]
        for entry in history.get("log") or ()
        if entry.get("loss") is not None and math.isfinite(entry["loss"])
    ]
    tenth = max(1, len(losses) // 10)
    sentence = "Curves by step of the training loss"
    if losses:
        first, last = (
            sum(part) / len(part) for part in (losses[:tenth], losses[-tenth:])
        )
        sentence += f" (mean of the first tenth {first:.3f}, of the last {last:.3f})"
    if evaluation := history.get("evaluation"):
        sentence += f", of {title(evaluation['measure'])} on held-out queries"
    return f"{sentence} and of the learning rate."


def section(trainings: Mapping[str, tuple[History, str | Path]]) -> Iterator[Html]:
    """The section.

    Args:
        trainings: history and figure of each, by its heading.
    """
    if len(trainings) > 1:
        yield paragraph(
            f"The model was trained {len(trainings)} times, each time from the model "
            "of the time before."
        )
    for place, (heading, (history, drawn)) in enumerate(trainings.items(), start=1):
        if heading:
            yield element("h3", heading)
        yield facts(history)
        yield from masked(history)
        if evaluation := history.get("evaluation"):
            mode = evaluation["mode"].replace("_", "-")
            yield paragraph(
                f"The model of step {evaluation['best_step']:,} was kept, the best by "
                f"{mode} {title(evaluation['measure'])} on the dev queries."
            )
            yield watched(evaluation)
            if fell := in_a_sentence(evaluation):
                yield paragraph(fell)
        else:
            yield paragraph("It was not measured meanwhile; the last step was kept.")
        yield from warnings(history)
        yield figure(
            drawn,
            f"training-{place}",
            "Training loss, measures on held-out queries and learning rate by "
            "step. Step 0 is the model before; the broken line marks the step "
            "whose model was kept.",
            alternative(history),
            *curves(history),
        )
