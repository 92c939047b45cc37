"""What training has forgotten: which systems are compared on the general set.

Read while the Snakefile is parsed: nothing heavy here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from arkiv.retrieve.systems.system import System

# The types that search by what a model of the run makes of texts.
EMBEDDING = ("m3", "embedder")


def compared_on_general(systems: Mapping[str, System]) -> Iterator[tuple[str, str]]:
    """Each system that searches by a trained model, with the base model's of its mode.

    Where the base model has no such, for want of heads, with its dense one. An embedder
    searches by dense vectors.

    Args:
        systems: those of `evaluate.systems` by name.
    """
    modes = {
        name: getattr(system, "mode", "dense")
        for name, system in systems.items()
        if system.type in EMBEDDING
    }
    bases: dict[str, str] = {}
    for name, mode in modes.items():
        if systems[name].model_of_run == "base":
            bases.setdefault(mode, name)
    for name, mode in modes.items():
        base = bases.get(mode, bases.get("dense"))
        if systems[name].is_trained and base is not None:
            yield name, base
