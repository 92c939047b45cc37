"""How sure means over queries are: bootstrap intervals, over queries and over volumes.

An interval over queries takes each query for one by itself. Queries of one volume are
more alike than those of two (one hand, one place, one recogniser's faults), so that it
is too narrow for what other volumes would give. The interval over volumes draws whole
volumes, each with all its queries (the cluster bootstrap: Davison and Hinkley,
Bootstrap Methods and their Application, 1997, section 3.8).
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence

import numpy as np

from arkiv.base.hashing import rng

LEVEL = 0.95
# Of fewer the resampled means say little of the mean: no interval is given.
FEWEST_QUERIES = 10
FEWEST_VOLUMES = 5
# Resampled query counts held at once: 32 MiB.
BLOCK_COUNTS = 1 << 22


def resampled(n: int, samples: int, seed: int) -> Iterator[np.ndarray]:
    """How often each sample holds each of n queries or volumes, `samples` rows in all.

    Yields:
        Blocks of rows, (n_rows, n) int64.
    """
    generator = np.random.default_rng(rng(seed, "bootstrap").getrandbits(128))
    step = max(1, BLOCK_COUNTS // n)
    for start in range(0, samples, step):
        size = min(step, samples - start)
        drawn = generator.integers(0, n, (size, n))
        drawn += np.arange(size)[:, None] * n
        counts = np.bincount(drawn.ravel(), minlength=size * n)
        yield counts.reshape(size, n)


def bootstrap(
    values: np.ndarray, samples: int, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Percentile intervals of the means over queries, which hold LEVEL of them.

    Every column is resampled with the same queries, so columns of differences give
    paired intervals.

    Args:
        values: (n_queries, n_columns), rows in the order of the query ids.
        samples: how many times to draw n_queries queries with replacement.
        seed: of the draws, which depend on nothing else but n_queries.

    Returns:
        Lower and upper ends, (n_columns,) each.
    """
    n_queries = len(values)
    sums = [counts @ values for counts in resampled(n_queries, samples, seed)]
    return _ends(np.concatenate(sums) / n_queries)


def bootstrap_of_clusters(
    values: np.ndarray, clusters: np.ndarray, samples: int, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Likewise with whole clusters drawn, with replacement, each with all its queries.

    A sample's mean is over the queries that it holds: a ratio of sums, for clusters
    differ in size.

    Args:
        values: (n_queries, n_columns).
        clusters: of each query the number of its cluster, (n_queries,) from 0, none
            left out.
        samples: how many times to draw as many clusters as there are.
        seed: of the draws, which depend on nothing else but the number of clusters.
    """
    sizes = np.bincount(clusters)
    sums = np.zeros((len(sizes), values.shape[1]))
    np.add.at(sums, clusters, values)
    means = [
        (counts @ sums) / (counts @ sizes)[:, None]
        for counts in resampled(len(sizes), samples, seed)
    ]
    return _ends(np.concatenate(means))


def _ends(means: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The quantiles between which LEVEL of the means lie, column by column."""
    tail = (1 - LEVEL) / 2
    low, high = np.quantile(means, [tail, 1 - tail], axis=0)
    return low, high


def numbered(clusters: Sequence[Hashable | None]) -> np.ndarray:
    """The clusters by numbers from 0 in the order of their first queries.

    A query of which none is known is a cluster by itself.
    """
    numbers: dict[Hashable, int] = {}
    return np.array(
        [
            numbers.setdefault(("row", row) if of is None else ("of", of), len(numbers))
            for row, of in enumerate(clusters)
        ]
    )
