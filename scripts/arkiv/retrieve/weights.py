"""Weights of several scores of the same passages, learnt on dev queries.

A grid on the simplex: with so few weights every mixture in steps of a tenth can be
tried, and nothing has to be differentiable (Bruch, Gai and Ingber, An analysis of
fusion functions for hybrid retrieval, 2023, find that a convex combination needs few
queries). The best of many on the queries that chose it flatters itself: what the choice
gains is measured on halves that did not choose, and without a gain the weights stay as
they are. Of those that are as good as the best, up to a standard error of its gain, the
nearest to what they were is taken (the rule of Breiman, Friedman, Olshen and Stone,
Classification and Regression Trees, 1984): dev queries are few and well spelled, and
what makes little difference to them may make much to others.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from arkiv.base.errors import InputError
from arkiv.base.files import read_object
from arkiv.base.hashing import uniform
from arkiv.retrieve.rankings import descending
from arkiv.retrieve.trec import Run

# Mixtures are tried in the smallest of these steps of which there are no more.
STEPS = (10, 5, 4, 3, 2, 1)
MOST_MIXTURES = 300
# Of fewer dev queries chance chooses.
FEWEST_QUERIES = 50


class Scored(NamedTuple):
    """The passages of one query with each score that is weighted.

    Attributes:
        ids: (m) of passages; ties go by their order.
        scores: (m, n) float, a column for each weight.
    """

    ids: Sequence[str]
    scores: np.ndarray


@dataclass(frozen=True)
class Learnt:
    """Weights, and what is known of how good they are.

    Attributes:
        weights: to take.
        default: what they would be without.
        queries: that have chosen.
        best: of the grid on these queries, and what it reached there.
        gain: over the default on the halves of the queries that did not choose.
        kept: why the default stays; None: it does not.
    """

    weights: Sequence[float]
    default: Sequence[float]
    queries: int
    best: tuple[Sequence[float], float] | None = None
    of_default: float | None = None
    gain: float | None = None
    kept: str | None = None


def mixtures(n: int) -> np.ndarray:
    """(k, n) weights from 0 that add up to 1, in steps as small as can be tried."""
    for steps in STEPS:
        found = list(_parts(steps, n))
        if len(found) <= MOST_MIXTURES:
            break
    return np.array(found) / steps


def _parts(whole: int, n: int) -> Iterator[tuple[int, ...]]:
    """The ways to divide a whole number into n that add up to it."""
    if n == 1:
        yield (whole,)
        return
    for first in range(whole + 1):
        for rest in _parts(whole - first, n - 1):
            yield first, *rest


def _nearest_first(grid: np.ndarray, weights: Sequence[float]) -> np.ndarray:
    """Mixtures by their distance to other weights, the nearest first."""
    shares = np.asarray(weights) / sum(weights)
    return grid[np.argsort(np.linalg.norm(grid - shares, axis=1), kind="stable")]


def ranked(
    scored: dict[str, Scored],
    weights: Sequence[float],
    depth: int | None = None,
    relevant: Mapping[str, np.ndarray] | None = None,
) -> Run:
    """The passages of each query by the weighted sum of their scores.

    Args:
        depth: how many of each are wanted; None: all.
        relevant: of each query which passages are, (m) bool; none are wanted behind
            the last of them, where no measure looks.
    """
    shares = np.asarray(weights, np.float32)
    run = {}
    for query, one in scored.items():
        order = descending(one.scores @ shares)[:depth]
        if relevant is not None:
            found = np.flatnonzero(relevant[query][order])
            order = order[: found[-1] + 1 if len(found) else 0]
        run[query] = [one.ids[place] for place in order.tolist()]
    return run


def learn(
    scored: dict[str, Scored],
    default: Sequence[float],
    measured: Callable[[Run], np.ndarray],
    seed: int,
    depth: int | None = None,
    relevant: Mapping[str, Container[str]] | None = None,
) -> Learnt:
    """Choose the weights by which dev queries find their passages best.

    Args:
        scored: by dev query.
        default: the weights that stay without a gain.
        measured: from a run the measure of each query, in the order of `scored`.
        seed: of the halves.
        depth: the passages of each query that the measure looks at; None: all.
        relevant: ids of the passages that are, by query; then the measure is given no
            others behind the last of them.
    """
    queries = len(scored)
    if queries < FEWEST_QUERIES:
        few = f"{queries} dev queries are fewer than {FEWEST_QUERIES}"
        return Learnt(default, default, queries, kept=few)
    grid = _nearest_first(mixtures(len(default)), default)
    wanted = relevant and {
        query: np.array([name in relevant[query] for name in one.ids], bool)
        for query, one in scored.items()
    }
    runs = (ranked(scored, weights, depth, wanted) for weights in (default, *grid))
    before, *each = map(measured, runs)
    values = np.stack(each)
    order = np.argsort([uniform(seed, "weights", query) for query in scored])
    gains = []
    for chosen in (order[::2], order[1::2]):
        best = values[:, chosen].mean(axis=1).argmax()
        others = np.setdiff1d(order, chosen)
        gains.append(values[best, others] - before[others])
    gain = float(np.concatenate(gains).mean())
    means = values.mean(axis=1)
    best = int(means.argmax())
    told = {
        "best": (grid[best].tolist(), float(means[best])),
        "of_default": float(before.mean()),
        "gain": gain,
    }
    if gain <= 0:
        why = "on queries that did not choose them the best weights gain nothing"
        return Learnt(default, default, queries, **told, kept=why)
    more = values[best] - before
    enough = means[best] - more.std(ddof=1) / math.sqrt(queries)
    if before.mean() >= enough:
        why = "the best weights are not a standard error better"
        return Learnt(default, default, queries, **told, kept=why)
    nearest = int((means >= enough).argmax())
    return Learnt(grid[nearest].tolist(), default, queries, **told)


def read_weights(path: str | Path, count: int) -> list[float]:
    """So many weights in a file of fit_weights.py.

    Raises:
        InputError: the file is missing, or another.
    """
    told: dict[str, Any] = read_object(path, "weights of fit_weights.py")
    weights = told.get("weights")
    if not isinstance(weights, list) or not all(
        isinstance(one, (int, float)) and one >= 0 for one in weights
    ):
        raise InputError("has no weights; fit_weights.py makes them", file=path)
    if len(weights) != count or not sum(weights):
        raise InputError(
            f"has the weights {weights}, expected {count} from 0, not all of them 0; "
            "they may be another system's",
            file=path,
        )
    return weights
