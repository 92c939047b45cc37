"""What a run's measures must reach, so that a worse model does not pass unseen."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from arkiv.base.errors import InputError
from arkiv.retrieve.systems import check_named

KEY = "evaluate.require"
# By system and measure the `mean`.
Systems = Mapping[str, Mapping[str, Mapping[str, float]]]
# Of measures, fewer than the order of summation changes.
DECIMALS = 6


def check_requirement(
    requirement: Mapping[str, Any],
    systems: Iterable[str],
    measures: Iterable[str],
    sources: Iterable[str],
) -> None:
    """Refuse a requirement that cannot be judged.

    Args:
        requirement: `{"system", "measure"}` with `at_least`, or with `over` (another
            system) and `by` (0 if absent); perhaps with the `source` whose queries
            count.
        sources: datasets with test queries.

    Raises:
        InputError: naming what is wrong with it.
    """
    systems, measures = list(systems), list(measures)
    if ("at_least" in requirement) == ("over" in requirement) or (
        "by" in requirement and "over" not in requirement
    ):
        reason = f"has {dict(requirement)}, expected `at_least`, or `over` and `by`"
        raise InputError(reason, key=KEY)
    check_named(requirement.get("system"), systems, KEY)
    if requirement.get("over") is not None:
        check_named(requirement["over"], systems, KEY)
    if requirement.get("measure") not in measures:
        raise InputError(
            f"names the measure {requirement.get('measure')}, which evaluate.measures "
            "lacks",
            key=KEY,
        )
    source, sources = requirement.get("source"), list(sources)
    if source is not None and source not in sources:
        among = f", expected one of {', '.join(sources)}" if sources else ""
        reason = f"names the source {source}, which has no test queries{among}"
        raise InputError(reason, key=KEY)


def judged(
    requirements: Iterable[Mapping[str, Any]],
    systems: Systems,
    sources: Mapping[str, Systems],
) -> list[dict[str, Any]]:
    """The requirements with what they want, what was measured, and whether it holds.

    Args:
        requirements: that `check_requirement` accepts.
        systems: by name and measure the `mean`, as `arkiv.evaluate.measures.summary`
            gives.
        sources: likewise of the queries of each source by itself.
    """
    results = []
    for requirement in requirements:
        measure, source = requirement["measure"], requirement.get("source")
        means = systems if source is None else sources[source]
        value = means[requirement["system"]][measure]["mean"]
        if "over" in requirement:
            wanted = means[requirement["over"]][measure]["mean"]
            wanted += requirement.get("by", 0)
        else:
            wanted = requirement["at_least"]
        missing = round(wanted - value, DECIMALS)
        results.append(
            {
                **requirement,
                "value": value,
                "wanted": round(wanted, DECIMALS),
                "holds": missing <= 0,
            }
        )
    return results


def wish(result: Mapping[str, Any]) -> str:
    """What a judged requirement wants, in words."""
    if "over" not in result:
        return f"at least {result['at_least']:g}"
    by = result.get("by", 0)
    sign = "−" if by < 0 else "+"
    shift = f" {sign} {abs(by):g}" if by else ""
    return f"at least {result['over']}{shift} = {result['wanted']:.4f}"


def on_source(result: Mapping[str, Any]) -> str:
    """By whose queries a requirement is judged, in words; nothing: by all."""
    source = result.get("source")
    return "" if source is None else f" on queries of {source}"


def sentence(result: Mapping[str, Any]) -> str:
    """A judged requirement with its figures, as part of a sentence."""
    return (
        f"{result['measure']} of {result['system']}{on_source(result)} is "
        f"{result['value']:.4f}, required "
        f"is {wish(result)}"
    )
