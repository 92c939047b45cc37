"""The scores that programs with a reranker have it give."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import TYPE_CHECKING

from arkiv.cli import run_options

if TYPE_CHECKING:
    import numpy as np


def scores_by(
    arguments: argparse.Namespace, pairs: Sequence[tuple[str, str]]
) -> np.ndarray:
    """(n,) float64: raw logits of (query, passage) pairs, see `arkiv.reranker`.

    Args:
        arguments: with what `arkiv.cli.add_reranker` adds, and the `output`, after
            which the job is named.
        pairs: each distinct one is scored once.

    Raises:
        InputError: the model directory will not do, or gives no numbers.
    """
    from arkiv.reranker import Reranker

    with Reranker(
        arguments.model,
        max_length=arguments.max_length,
        query_max_length=arguments.query_max_length,
        options=run_options(arguments),
    ) as reranker:
        return reranker.scores(pairs, arguments.cache, job=arguments.output)
