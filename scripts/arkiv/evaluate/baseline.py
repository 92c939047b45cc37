"""What can be measured before any training: the systems that need none.

Read while the Snakefile is parsed: nothing heavy here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from arkiv.evaluate.settings import COMPARISONS, compared
from arkiv.retrieve.forms import compressible
from arkiv.retrieve.systems import systems_of, with_those_below


def needing_training(systems: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Which systems take a model that the run trains, or build on one that does.

    Args:
        systems: `evaluate.systems` of a configuration that is in order.
    """
    known = systems_of(systems)
    return [
        name
        for name in known
        if any(known[below].is_trained for below in with_those_below(known, [name]))
    ]


def without_training(config: Mapping[str, Any]) -> dict[str, Any]:
    """A configuration with those systems alone that need no training.

    What names others goes too: comparisons, requirements, systems that are asked in
    other spellings, that the report shows, and whose passages are pooled; and what is
    measured of vectors, where none are left.
    """
    evaluate, gold, report = config["evaluate"], config["gold"], config["report"]
    trained = set(needing_training(evaluate["systems"]))
    systems = {
        name: system
        for name, system in evaluate["systems"].items()
        if name not in trained
    }

    def those(names: Iterable[str]) -> list[str]:
        return [name for name in names if name in systems]

    main, further = (_comparisons(evaluate[key], systems) for key in COMPARISONS)
    # A further pair whose trained system is gone may come to be a main one.
    known = set(compared(main))
    spelling = evaluate["spelling"]
    respelled = those(spelling["systems"])
    return {
        **config,
        "evaluate": {
            **evaluate,
            "systems": systems,
            "compare": main,
            "compare_further": {
                system: left
                for system, bases in further.items()
                if (left := [base for base in bases if (system, base) not in known])
            },
            "require": [
                one
                for one in evaluate["require"]
                if {one["system"], one.get("over", one["system"])} <= systems.keys()
            ],
            "spelling": {
                **spelling,
                "systems": respelled,
                "queries": spelling["queries"] if respelled else 0,
            },
            "compress": (
                evaluate["compress"] if compressible(systems_of(systems)) else []
            ),
        },
        # No name stands for all systems.
        "gold": {**gold, "systems": those(gold["systems"] or ()) or None},
        "report": {
            **report,
            "systems": those(report["systems"]) or list(systems)[:1],
        },
    }


def _comparisons(
    compare: Mapping[str, Any], systems: Iterable[str]
) -> dict[str, list[str]]:
    """The comparisons among these systems.

    Of several that a trained one is compared with, the first is compared with the
    others in its place: the base model with BM25.
    """
    systems, found = set(systems), dict[str, list[str]]()
    for system in compare:
        bases = [base for _, base in compared({system: compare[system]})]
        named = [name for name in (system, *bases) if name in systems]
        if len(named) > 1:
            others = found.setdefault(named[0], [])
            others += [name for name in named[1:] if name not in others]
    return found
