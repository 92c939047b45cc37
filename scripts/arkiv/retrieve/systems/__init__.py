"""The systems under test: a class for each type, in a module of its own beside this.

Read while the Snakefile is parsed: nothing heavy here, nor at the top of those modules.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from graphlib import CycleError, TopologicalSorter
from importlib import import_module
from pkgutil import iter_modules
from typing import Any

from arkiv.base.errors import InputError
from arkiv.retrieve.systems.system import OWN_SEARCHES, Depths, System

KEY = "evaluate.systems"

for _module in iter_modules(__path__):
    import_module(f"{__name__}.{_module.name}")

# Each class by its `type` in the configuration.
TYPES = {one.type: one for one in System.__subclasses__()}


def spaced(system: str) -> str:
    """The name of a system for people."""
    return system.replace("_", " ")


def system_of(settings: Mapping[str, Any]) -> System:
    """The system that an entry of the configuration describes."""
    return TYPES[settings["type"]].of(settings)


def systems_of(settings: Mapping[str, Mapping[str, Any]]) -> dict[str, System]:
    """The systems under test by name; `check_systems` has found nothing wrong."""
    return {name: system_of(one) for name, one in settings.items()}


def reordering(evaluate: Mapping[str, Any]) -> dict[str, tuple[str, int]]:
    """The systems that put into another order what another search has found.

    Args:
        evaluate: that section of the configuration.

    Returns:
        By name what the other search is called, and how many of its passages.
    """
    depth = evaluate.get("rerank_depth", Depths.rerank_depth)
    candidates = evaluate.get("candidates", OWN_SEARCHES)
    found = {
        name: system.reorders(depth, candidates)
        for name, system in systems_of(evaluate["systems"]).items()
    }
    return {name: below for name, below in found.items() if below}


def reranking(systems: Mapping[str, System]) -> dict[str, str | None]:
    """The systems that put in order what others have found, one for each set of
    candidates: the model of the run whose encodings count these, None of a reranker."""
    found: dict[str, str | None] = {}
    for name, system in systems.items():
        late = "multi_vector" in system.encodings
        if late and system.model_of_run not in found.values():
            found[name] = system.model_of_run
        elif not late and system.reorders(Depths.rerank_depth, OWN_SEARCHES):
            found[name] = None
    return found


def encodings_of(
    systems: Mapping[str, System], candidates: Iterable[str] = ()
) -> dict[str, set[str]]:
    """The models whose encodings systems read, each with the kinds that are needed.

    Args:
        systems: by name.
        candidates: what finds passages to re-rank, needed wherever some are re-ranked.
    """
    found: dict[str, set[str]] = {}
    for system in systems.values():
        if system.encodings:
            found.setdefault(system.model_of_run, set()).update(system.encodings)
    for kinds in found.values():
        if "multi_vector" in kinds:
            kinds.update(set(OWN_SEARCHES).intersection(candidates))
    return found


def with_those_below(systems: Mapping[str, System], names: Iterable[str]) -> list[str]:
    """Systems and all that they build on, each once."""
    found: dict[str, None] = {}
    left = list(names)
    while left:
        name = left.pop(0)
        found[name] = None
        left += [one for one in systems[name].builds_on if one not in found]
    return list(found)


def check_named(name: str, systems: Iterable[str], key: str) -> None:
    """Refuse, by an InputError with the key, a name that no system under test has."""
    if name not in systems:
        raise InputError(f"names the system {name}, which {KEY} lacks", key=key)


def check_candidates(evaluate: Mapping[str, Any]) -> None:
    """Refuse, by an InputError with the key, candidates that nothing finds."""
    for name in set(evaluate["candidates"]).difference(OWN_SEARCHES):
        key = "evaluate.candidates"
        check_named(name, evaluate["systems"], key)
        kind = evaluate["systems"][name]["type"]
        if kind != "bm25":
            raise InputError(
                f"names {name}, of type {kind}; expected {', '.join(OWN_SEARCHES)} and "
                "systems of type bm25",
                key=key,
            )


def check_learning(evaluate: Mapping[str, Any], dev: float) -> None:
    """Refuse weights to be learnt where a share of 0 of the pairs is dev's.

    Raises:
        InputError: naming the key.
    """
    for name, system in systems_of(evaluate["systems"]).items():
        if not dev and system.learns(evaluate["weights"]):
            key = f"{KEY}.{name}.weights" if system.below else "evaluate.weights"
            raise InputError(
                "is auto, which dev queries decide, but `pairs.shares.dev` is 0; give "
                "weights, or raise it",
                key=key,
            )


def check_systems(evaluate: Mapping[str, Any], rounds: int) -> None:
    """Refuse systems that cannot be, of that section and so many rounds of training.

    Raises:
        InputError: naming the system and what is wrong with it.
    """
    for name, settings in evaluate["systems"].items():
        for key, reason in _faults(settings, evaluate, rounds):
            raise InputError(reason, key=f"{KEY}.{name}.{key}")
    below = {
        name: system.builds_on
        for name, system in systems_of(evaluate["systems"]).items()
    }
    try:
        TopologicalSorter(below).prepare()
    except CycleError as error:
        circle = error.args[1][::-1]
        reason = f"builds on itself: {' -> '.join(circle)}"
        raise InputError(reason, key=f"{KEY}.{circle[0]}") from None


def _faults(
    settings: Mapping[str, Any], evaluate: Mapping[str, Any], rounds: int
) -> Iterator[tuple[str, str]]:
    """The key and the reason of each fault of one system by itself."""
    kind = TYPES[settings["type"]]
    for key in kind.needs():
        if key not in settings:
            yield key, f"is missing, a system of type {kind.type} needs it"
    for key in settings:
        if key not in ("type", *kind.takes()):
            takes = ", ".join(kind.takes())
            yield key, f"is not for a system of type {kind.type}, which takes {takes}"
    system = kind.of(settings)
    for other in system.builds_on:
        if other not in evaluate["systems"]:
            yield kind.below, f"names the system {other}, which {KEY} lacks"
    yield from system.misnamed(rounds)
    yield from system.faults(evaluate["depth"], rounds)
