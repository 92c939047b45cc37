"""Test queries of several sources side by side: what was gained with whom.

A model learns how its training queries ask as well as what they ask of, and the
ordinary test queries are of the same hand. Queries of another source (people, another
prompt, a later period) tell the two apart. The smallest difference is named. That each
of several is other than 0 is shown if each is by itself, without a correction for how
many there are (an intersection-union test: Berger, Multiparameter hypothesis testing
and acceptance sampling, Technometrics 24, 1982); of few queries a larger one may not
be.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from arkiv.base.markdown import counted as plural
from arkiv.evaluate.measures import title
from arkiv.evaluate.verdicts import Value, verdict
from arkiv.retrieve.systems import spaced

Metrics = Mapping[str, Any]


class Gain(NamedTuple):
    """How the system that is compared first differs from what it is compared with."""

    source: str
    queries: int
    value: Value


def gains(metrics: Metrics) -> list[Gain]:
    """The gain on the queries of each source; none where nothing is compared."""
    measure = metrics["measures"][0]
    return [
        Gain(name, part["queries"], part["comparisons"][0]["difference"][measure])
        for name, part in metrics.get("sources", {}).items()
        if part["comparisons"]
    ]


def smallest(found: list[Gain]) -> Gain:
    """The least gain, or the largest loss; of equal ones the first."""
    return min(found, key=lambda gain: gain.value["mean"])


def in_a_sentence(metrics: Metrics, figures: Callable[[Value], str]) -> str:
    """The gain of each source, which is the smallest, and whether that is more than
    chance; nothing where there are no several sources.

    Args:
        figures: a difference in words.
    """
    found = gains(metrics)
    if len(found) < 2:
        return ""
    pair = metrics["comparisons"][0]
    both = f"{spaced(pair['system'])} − {spaced(pair['base'])}"
    each = "; ".join(
        f"{one.source} {figures(one.value)}, {plural(one.queries, 'query', 'queries')}"
        for one in found
    )
    least = smallest(found)
    unsure = [one.source for one in found if verdict(one.value) == "open"]
    said = {
        "better": (
            f"which is significant; with {' and '.join(unsure)} more was gained, but "
            "that is not"
            if unsure
            else "which is significant: what was gained is gained with each of them"
        ),
        "worse": "which is a loss, and significant",
        "open": "which is not significant",
    }[verdict(least.value)]
    alone = ""
    if verdict(least.value) != "better" and any(
        verdict(one.value) == "better" for one in found
    ):
        alone = (
            " What is gained with others alone may be their way of asking, and not "
            "the archive."
        )
    measure = title(metrics["measures"][0])
    return (
        f"By where the queries come from, {measure} of {both}: {each}. The smallest is "
        f"that of {least.source}, {said}.{alone}"
    )
