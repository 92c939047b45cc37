"""The models that parts work with, each made once for all parts.

In the shape of BGE-M3 and its reranker with random weights, float16; at small sizes the
tiny ones of the demo, float32.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from arkiv.example import tiny
from benchmarks import large
from benchmarks.gpu.part import Given

# Tokens of the longest text that BGE-M3 takes.
LONGEST = 8192


def embedder(given: Given, seed: int = 0) -> Path:
    """The directory of an M3."""
    return _made(given, "embedder", seed, tiny.build_embedder, large.build_embedder)


def reranker(given: Given, seed: int = 0) -> Path:
    """The directory of a cross-encoder."""
    return _made(given, "reranker", seed, tiny.build_reranker, large.build_reranker)


def _made(
    given: Given,
    name: str,
    seed: int,
    small: Callable[..., Any],
    full: Callable[..., Any],
) -> Path:
    path = given.shared / f"{name}-{seed}"
    if not path.exists():
        if given.small:
            small(path, seed)
        else:
            full(path, seed, given.device)
    return path
