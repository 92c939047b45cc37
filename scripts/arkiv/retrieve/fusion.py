"""Several rankings of the same queries made one.

Reciprocal rank fusion: the sum of 1 / (k + rank) over the rankings that have a passage
(Cormack, Clarke and Büttcher, Reciprocal rank fusion outperforms Condorcet and
individual rank learning methods, 2009; k = 60). Weighted scores: the weighted mean of
the scores, brought to 0 to 1 ranking by ranking. A passage that a ranking lacks has
nothing from it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

import numpy as np

K = 60

# A passage's id, or its row among those that stand by their ids.
Passage = TypeVar("Passage", str, int)

# From the scores of one query's passages, best first, to what each is worth.
Worth = Callable[[np.ndarray], np.ndarray]


def by_rank(k: float = K) -> Worth:
    """1 / (k + rank), ranks from 1."""
    return lambda scores: 1 / (k + np.arange(1, len(scores) + 1))


def by_score(scores: np.ndarray) -> np.ndarray:
    """From the lowest score, 0, to the highest, 1; scores that are all equal are 1."""
    low, high = scores.min(), scores.max()
    if low == high:
        return np.ones(len(scores))
    return (scores - low) / (high - low)


def worth_of(method: str, k: float | None) -> Worth:
    """By what a fusion's settings say; k is added to each rank, None: K is."""
    return by_score if method == "weighted" else by_rank(K if k is None else k)


def worths(
    rankings: Sequence[Mapping[Passage, float]], worth: Worth
) -> tuple[list[Passage], np.ndarray]:
    """The passages of one query by id, and what each ranking makes them worth.

    Args:
        rankings: of each system the scores by passage, best first; may be empty.
        worth: of the passages of a ranking.

    Returns:
        m ids, ascending, and (m, n_rankings) float64; 0 where a ranking lacks one.
    """
    ids = sorted(set().union(*rankings))
    place_of = {passage_id: place for place, passage_id in enumerate(ids)}
    values = np.zeros((len(ids), len(rankings)))
    for column, ranking in enumerate(rankings):
        if ranking:
            places = [place_of[passage_id] for passage_id in ranking]
            scores = np.fromiter(ranking.values(), np.float64, len(ranking))
            values[places, column] = worth(scores)
    return ids, values


def fused(
    rankings: Sequence[Mapping[Passage, float]],
    weights: Sequence[float],
    worth: Worth,
    depth: int,
) -> tuple[list[Passage], np.ndarray]:
    """The passages of one query by the weighted mean of what they are worth.

    Args:
        rankings: of each system the scores by passage, best first; may be empty.
        weights: of the systems, not all 0.
        worth: of the passages of a ranking.
        depth: passages to keep.

    Returns:
        Passages, best first and ties by id, and (n,) float64 scores.
    """
    ids, values = worths(rankings, worth)
    scores = values @ np.asarray(weights, np.float64) / sum(weights)
    order = np.argsort(-scores, kind="stable")[:depth]
    return [ids[place] for place in order], scores[order]
