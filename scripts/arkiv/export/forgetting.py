"""What the model was averaged with, and what it has forgotten."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from arkiv.base.markdown import blocks, counted, escaped, table
from arkiv.evaluate.measures import title
from arkiv.evaluate.verdicts import Value
from arkiv.export.evidence import difference, interval
from arkiv.report.forgetting import learnt
from arkiv.report.merging import sentence
from arkiv.report.sure import apart, differences
from arkiv.retrieve.systems import spaced

Metrics = Mapping[str, Any]

UNMEASURED = (
    "What the model has forgotten of what it could do before was not measured on a "
    "general set (train.evaluation.general)."
)


def merged(merge: Mapping[str, Any] | None) -> Iterator[str]:
    """What the trained model was averaged with and by which weight, if it was.

    Args:
        merge: what merge_models.py tells.
    """
    if merge:
        yield escaped(sentence(merge))


def forgotten(general: Metrics | None, metrics: Metrics) -> str:
    """What is left, on the general set, of what the model could do before, beside what
    was learnt.

    Args:
        general: what measure_runs.py tells of the general set; None: there is none.
        metrics: and of the test queries.
    """
    heading = "## Learnt and forgotten"
    if general is None:
        return blocks(heading, UNMEASURED)
    measure, rows = general["measures"][0], []
    measured = ((metrics, metrics["systems"]), (general, general["systems"]))
    for pair in general["comparisons"]:
        found = learnt(pair, metrics), pair
        rows += [
            [
                spaced(pair["system"]),
                *(
                    _told(systems.get(pair["system"]), measure, of, interval)
                    for of, systems in measured
                ),
            ],
            [
                f"− {spaced(pair['base'])}",
                *(
                    _told(one and one["difference"], measure, of, difference)
                    for (of, _), one in zip(measured, found, strict=True)
                ),
            ],
        ]
    queries = counted(general["queries"], "query", "queries")
    return blocks(
        heading,
        f"{title(measure)} on the test queries, and on {queries} of another kind, "
        "searched among passages of their own. A line that begins with − is what "
        "training has changed.",
        table(["System", "Test queries", "General queries"], rows),
        *apart(differences(general["comparisons"], [measure])),
    )


def _told(
    values: Mapping[str, Value] | None,
    measure: str,
    of: Metrics,
    write: Callable[[Value, int], str],
) -> str:
    """A mean or a difference by a measure; a dash where it was not measured."""
    known = values is not None and measure in values
    return write(values[measure], of["queries"]) if known else "–"
