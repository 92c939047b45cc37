"""What smaller forms of dense vectors cost, and how much smaller they are."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from arkiv.base.html import Html, table
from arkiv.base.markdown import counted as plural
from arkiv.base.page import folded, paragraph
from arkiv.evaluate.intervals import FEWEST_QUERIES
from arkiv.evaluate.measures import title
from arkiv.evaluate.verdicts import LEGEND, Value, leaves_out_0, verdict
from arkiv.report.results import cell
from arkiv.report.sure import apart
from arkiv.retrieve.systems import spaced

Compressed = Mapping[str, Any]

WHOLE = "as they are (float16)"
# Beside the measure that decides: what a first stage must not lose.
RECALL = "R@100"
UNITS = ("bytes", "kB", "MB", "GB", "TB")


def sized(size: float) -> str:
    """Bytes in the unit that leaves a number below 1,000."""
    unit = 0
    while size >= 1000 and unit < len(UNITS) - 1:
        size, unit = size / 1000, unit + 1
    return f"{size:,.3g} {UNITS[unit]}"


def of_system(
    name: str, found: Mapping[str, Any], measures: Sequence[str], queries: int
) -> Html:
    """Forms by row: bytes, and of each measure the mean and the paired change."""
    whole = found["whole"]
    rows = [[WHOLE, *_sizes(whole)]]
    for measure in measures:
        rows[0] += [cell(whole["measures"][measure], queries), ""]
    for form in found["forms"]:
        row = [spaced(form["form"]), *_sizes(form)]
        for measure in measures:
            change = form["difference"][measure]
            row += [
                cell(form["measures"][measure], queries),
                cell(change, queries, difference=True),
            ]
        rows.append(row)
    header = ["vectors", "bytes of a passage", "of all passages"]
    for measure in measures:
        header += [title(measure), "change"]
    return table(
        header, rows, f"{spaced(name)}, vectors of {found['dimensions']:,} dimensions"
    )


def _sizes(form: Mapping[str, Any]) -> list[str]:
    kept, searched = form["bytes"], form["searched"]
    more = "" if kept == searched else f" ({searched:,} searched)"
    return [f"{kept:,}{more}", sized(form["collection"])]


def differences(
    found: Compressed, measures: Sequence[str]
) -> Iterator[tuple[str, Value]]:
    """Every change of some measures, by what it is called."""
    for system, of in found["systems"].items():
        for form in of["forms"]:
            for measure in measures:
                name = f"{title(measure)} of {spaced(system)}, {spaced(form['form'])}"
                yield name, form["difference"][measure]


def _lost(value: Value) -> bool:
    """Whether a change may well be a loss, by its p-value or by its interval alone."""
    below = value["mean"] < 0 and leaves_out_0(value)
    return verdict(value) == "worse" or bool(below)


def choice(system: str, found: Mapping[str, Any], measures: Sequence[str]) -> str:
    """Which of the forms are not seen to lose, and the smallest of them."""
    forms = found["forms"]
    kept = [
        form
        for form in forms
        if not any(_lost(form["difference"][measure]) for measure in measures)
    ]
    names = " or ".join(map(title, measures))
    said = f"Of {plural(len(forms), 'smaller form')} of {spaced(system)} "
    if not kept:
        return f"{said}none is without a loss of {names} by p or interval."
    least = min(kept, key=lambda form: form["searched"])
    share = found["whole"]["searched"] / least["searched"]
    lose = "loses" if len(kept) == 1 else "lose"
    return (
        f"{said}{len(kept):,} {lose} nothing of {names} by p or interval; of these "
        f"{spaced(least['form'])} is the smallest to search, by {share:.3g} times."
    )


def section(found: Compressed) -> Iterator[Html]:
    """The section, from what measure_compressed.py writes."""
    queries, systems = found["queries"], found["systems"]
    first, *rest = found["measures"]
    shown = [first] + [RECALL] * (RECALL in rest)
    yield paragraph(
        f"The vectors of {plural(found['passages'], 'passage')} and of the queries in "
        "smaller forms, each searched whole: the first dimensions alone, brought to "
        "length 1 again; int8, each vector scaled by its largest component; binary, "
        "its signs by Hamming distance. “Rescored” ranks the first "
        f"{found['rescored']:,} passages that binary vectors find by int8 vectors, "
        "which are kept beside them. Bytes are those of the vectors alone, without "
        "what an index adds; as 32-bit floats, which many databases keep, whole ones "
        "take twice as many."
    )
    for name, of in systems.items():
        yield of_system(name, of, shown, queries)
    for name, of in systems.items():
        yield paragraph(choice(name, of, shown))
    pairs = sum(len(of["forms"]) for of in systems.values())
    said = f"p as under Results, corrected for the {pairs:,} changes: {LEGEND}."
    if queries < FEWEST_QUERIES:
        few = f" Of fewer than {FEWEST_QUERIES} queries (n) there are no intervals."
        said += few
    if found["passages"] <= found["rescored"]:
        said += " Rescored were all passages, so that binary vectors chose none."
    yield paragraph(said, faint=True)
    yield from map(paragraph, apart(differences(found, shown)))
    others = [measure for measure in found["measures"] if measure not in shown]
    if others:
        yield folded(
            "The other measures",
            *(of_system(name, of, others, queries) for name, of in systems.items()),
        )
