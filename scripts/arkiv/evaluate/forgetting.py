"""What training has forgotten: which systems are compared on the general set.

Read while the Snakefile is parsed: nothing heavy here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from arkiv.retrieve.systems.system import System


def compared_on_general(systems: Mapping[str, System]) -> Iterator[tuple[str, str]]:
    """Each system that searches by a trained model, with the base model's of its mode.

    Where the base model has no such, for want of heads, with its dense one.

    Args:
        systems: those of `evaluate.systems` by name.
    """
    modes = {
        system.mode: name
        for name, system in systems.items()
        if system.type == "m3" and system.model_of_run == "base"
    }
    for name, system in systems.items():
        if system.type == "m3" and system.is_trained:
            base = modes.get(system.mode, modes.get("dense"))
            if base is not None:
                yield name, base
