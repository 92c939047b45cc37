"""The settings of a system under test, of whatever type.

Read while the Snakefile is parsed: nothing heavy here.
"""

from __future__ import annotations

from dataclasses import dataclass

from arkiv.base.declared import setting
from arkiv.encode.settings import MODES, POOLINGS, SIMILARITIES


@dataclass(frozen=True)
class System:
    """One of `evaluate.systems`; which keys a type takes, `systems.TAKES` says."""

    type: str = setting(
        help="of system", choices=("bm25", "m3", "embedder", "fusion", "reranker")
    )
    model: str = setting(None, pattern="^(base|tuned|round_[1-9][0-9]*)$")
    mode: str = setting(None, choices=MODES)
    tokens: str = setting(None, choices=("model", "words"))
    stemming: str = setting(None, pattern="^[a-z]+$")
    k1: float = setting(None, at_least=0)
    b: float = setting(None, at_least=0, at_most=1)
    source: str = setting(None)
    revision: str | None = setting(None, empty=True, optional=True)
    pooling: str = setting(None, choices=POOLINGS)
    query_prompt: str = setting(None, empty=True)
    passage_prompt: str = setting(None, empty=True)
    similarity: str = setting(None, choices=SIMILARITIES)
    systems: tuple[str, ...] = setting(None, fewest=2, unique=True)
    method: str = setting(None, choices=("reciprocal_rank", "weighted"))
    weights: tuple[float, ...] = setting(None, at_least=0)
    k: float = setting(None, at_least=0)
    system: str = setting(None)
    depth: int = setting(None, at_least=1)
