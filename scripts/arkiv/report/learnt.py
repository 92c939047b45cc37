"""By which weights systems add up scores, where dev queries chose them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from arkiv.base.html import Html, table
from arkiv.base.markdown import counted as plural
from arkiv.base.page import paragraph
from arkiv.evaluate.measures import title
from arkiv.retrieve.systems import spaced


def _told(weights: Sequence[float]) -> str:
    """Weights as shares of 1, whatever they add up to."""
    return " : ".join(f"{weight / sum(weights):.2f}" for weight in weights)


def section(learnt: Mapping[str, Mapping[str, Any]]) -> Iterator[Html]:
    """The section.

    Args:
        learnt: by system what fit_weights.py writes.
    """
    first = next(iter(learnt.values()))
    queries = plural(first["queries"], "dev query", "dev queries")
    yield paragraph(
        f"Weights were chosen by {queries} (evaluate.weights, or a fusion's own): of "
        "M3's combined mode for dense : sparse : multi-vector, of a fusion for its "
        "systems in their order. What the best gain is measured on the half of the "
        "queries that did not choose them; without a gain the default stays, and of "
        "what is as good up to a standard error the nearest to it is taken."
    )
    rows = []
    for name, one in learnt.items():
        gain = one["gain"]
        rows.append(
            [
                spaced(name),
                _told(one["weights"]),
                _told(one["default"]),
                "" if gain is None else f"{gain:+.3f}",
                f"default: {one['kept']}" if one["kept"] else "learnt",
            ]
        )
    head = [
        "system",
        "weights",
        "default",
        f"{title(first['measure'])} gained",
        "taken",
    ]
    yield table(head, rows, "Weights, each as a share of 1", words=3)
