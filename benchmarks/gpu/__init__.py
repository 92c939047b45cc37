"""Does what needs a GPU work on one, and how fast?

A part is a function in a module of this package that takes `Given` and `Found`
(benchmarks.gpu.part), entered below. Each runs in a process of its own, in this order:
checks first, cheap and telling ones before the others, then measures.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Planned:
    """A part, not imported yet: what one cannot import hides no other.

    Attributes:
        module: in this package.
        function: in the module.
        seconds: that it may take, its process's start included.
    """

    module: str
    function: str
    seconds: float


PARTS: dict[str, Planned] = {
    "ceilings": Planned("ceilings", "ceilings", 40),
    "encoding": Planned("encoding", "encoding", 90),
    "cross_encoder": Planned("encoding", "cross_encoder", 60),
    "two_models": Planned("encoding", "two_models", 60),
    "budgets": Planned("memory", "budgets", 60),
    "halving": Planned("memory", "halving", 60),
    "search": Planned("search", "search", 45),
    "steps": Planned("training_checks", "steps", 60),
    "loss": Planned("training_sizes", "loss", 45),
    "two_processes": Planned("training_checks", "two_processes", 60),
    "resumed": Planned("training_checks", "resumed", 90),
    "dev": Planned("training_checks", "dev", 60),
    "large": Planned("training_sizes", "large", 45),
    "encoding_speed": Planned("speed", "encoding_speed", 100),
    "cross_encoder_speed": Planned("speed", "cross_encoder_speed", 60),
    "search_speed": Planned("search", "search_speed", 75),
    "training_speed": Planned("training_sizes", "training_speed", 45),
    "longest": Planned("training_sizes", "longest", 75),
}
