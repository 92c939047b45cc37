"""The systems under test: what each type takes, and what it builds on.

Read while the Snakefile is parsed: nothing heavy here.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from arkiv.base.errors import InputError

KEY = "evaluate.systems"

# By type: the keys that it needs, and those that it may have.
TAKES = {
    "bm25": ((), ("tokens", "stemming", "k1", "b")),
    "m3": (("model", "mode"), ()),
    "embedder": (
        ("source",),
        ("revision", "pooling", "query_prompt", "passage_prompt", "similarity"),
    ),
    "fusion": (("systems",), ("method", "weights", "k")),
    "reranker": (("system",), ("depth", "source", "revision")),
}


def spaced(system: str) -> str:
    """The name of a system for people."""
    return system.replace("_", " ")


def builds_on(system: Mapping[str, Any]) -> list[str]:
    """The systems whose runs a system reads."""
    if system["type"] == "reranker":
        return [system["system"]]
    return list(system["systems"]) if system["type"] == "fusion" else []


def with_those_below(
    systems: Mapping[str, Mapping[str, Any]], names: Iterable[str]
) -> list[str]:
    """Systems and all that they build on, each once."""
    found: dict[str, None] = {}
    left = list(names)
    while left:
        name = left.pop(0)
        found[name] = None
        left += [one for one in builds_on(systems[name]) if one not in found]
    return list(found)


def check_systems(evaluate: Mapping[str, Any], rounds: int) -> None:
    """Refuse systems that cannot be.

    Args:
        evaluate: the section of the configuration.
        rounds: of training.

    Raises:
        InputError: naming the system and what is wrong with it.
    """
    systems = evaluate["systems"]
    for name, system in systems.items():
        for key, reason in _faults(system, systems, evaluate["depth"], rounds):
            raise InputError(reason, key=".".join(filter(None, (KEY, name, key))))
    _check_order(systems)


def _faults(
    system: Mapping[str, Any], systems: Mapping[str, Any], depth: int, rounds: int
) -> Iterator[tuple[str, str]]:
    """The key and the reason of each fault of one system by itself."""
    kind = system["type"]
    needed, allowed = TAKES[kind]
    for key in needed:
        if key not in system:
            yield key, f"is missing, a system of type {kind} needs it"
    for key in system:
        if key not in ("type", *needed, *allowed):
            takes = ", ".join((*needed, *allowed))
            yield key, f"is not for a system of type {kind}, which takes {takes}"
    for other in builds_on(system):
        if other not in systems:
            key = "system" if kind == "reranker" else "systems"
            yield key, f"names the system {other}, which evaluate.systems lacks"
    model = system.get("model", "base")
    if model.startswith("round_") and int(model.removeprefix("round_")) > rounds:
        yield "model", f"is {model}, but `rounds` is {rounds}"
    if "stemming" in system and system.get("tokens") != "words":
        yield "stemming", "is for words; set `tokens: words`"
    if system.get("depth", 1) > depth:
        yield "depth", f"is {system['depth']}, more than evaluate.depth ({depth})"
    if kind == "fusion":
        weights = system.get("weights")
        if weights is not None and len(weights) != len(system["systems"]):
            counts = f"{len(weights)} numbers for {len(system['systems'])} systems"
            yield "weights", f"has {counts}"
        if weights is not None and not sum(weights):
            yield "weights", "is all 0, expected at least one more than 0"
        if "k" in system and system.get("method") == "weighted":
            yield "k", "is for the method reciprocal_rank"


def _check_order(systems: Mapping[str, Any]) -> None:
    """Refuse systems that build on themselves, by whatever way."""
    done: set[str] = set()

    def visit(name: str, path: tuple[str, ...]) -> None:
        if name in path:
            circle = " -> ".join((*path[path.index(name) :], name))
            raise InputError(f"builds on itself: {circle}", key=f"{KEY}.{name}")
        if name not in done:
            for other in builds_on(systems[name]):
                visit(other, (*path, name))
            done.add(name)

    for name in systems:
        visit(name, ())
