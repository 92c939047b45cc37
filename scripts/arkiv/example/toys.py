"""That a run is one of tiny models, said before any of its numbers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

# As `models.*.source` names what `arkiv.example.tiny` builds.
TINY = "tiny"


def toys(models: Mapping[str, Any]) -> list[str]:
    """Which models of a run are tiny: `embedder`, `reranker`.

    Args:
        models: that section of the configuration.
    """
    return [
        model
        for model in ("embedder", "reranker")
        if (models.get(model) or {}).get("source") == TINY
    ]


def warning(tiny: Iterable[str]) -> str:
    """What is to be said of a run with tiny models, first of all; nothing without.

    Args:
        tiny: which are: `embedder`, `reranker`.
    """
    names = list(tiny)
    if not names:
        return ""
    several = len(names) > 1
    if "embedder" in names:
        means = "The numbers say nothing about BGE-M3."
    else:
        means = "The numbers say nothing about BGE-M3 with a reranker that can read."
    return (
        f"Toy model{'s' if several else ''}: {' and '.join(names)} "
        f"{'are' if several else 'is'} tiny, built on the spot to try out the "
        f"pipeline. {means}"
    )
