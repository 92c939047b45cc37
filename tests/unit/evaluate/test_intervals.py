"""Intervals over volumes against a plain loop, scipy and the truth; when there are."""

import numpy as np
import pytest
from scipy import stats

from arkiv.evaluate.intervals import (
    FEWEST_QUERIES,
    FEWEST_VOLUMES,
    bootstrap,
    bootstrap_of_clusters,
    numbered,
)
from arkiv.evaluate.measures import summary

SETTINGS = {"samples": 300, "seed": 0, "measures": ("x",)}


def correlated(generator, volumes, spread=1.0):
    """Values of queries that differ by volume more than within one; their clusters."""
    sizes = generator.integers(4, 15, volumes)
    clusters = np.repeat(np.arange(volumes), sizes)
    effects = generator.normal(0, spread, volumes)
    return (effects[clusters] + generator.normal(0, 0.3, len(clusters))), clusters


def plainly(values, clusters, samples, generator):
    """The cluster bootstrap as it is said: whole volumes drawn, then pooled."""
    by_volume = [values[clusters == one] for one in np.unique(clusters)]
    means = []
    for _ in range(samples):
        drawn = generator.integers(0, len(by_volume), len(by_volume))
        means.append(np.concatenate([by_volume[one] for one in drawn]).mean())
    return np.quantile(means, [0.025, 0.975])


def test_the_interval_over_volumes_is_that_of_a_plain_loop():
    generator = np.random.default_rng(0)
    for seed in range(4):
        values, clusters = correlated(generator, 12)
        ends = bootstrap_of_clusters(values[:, None], clusters, 8000, seed)
        expected = plainly(values, clusters, 8000, generator)
        assert np.ravel(ends) == pytest.approx(expected, abs=0.05)


def test_the_interval_over_volumes_is_that_of_scipy():
    """The ratio of sums over volumes, resampled by another program."""
    values, clusters = correlated(np.random.default_rng(5), 20)
    sums, sizes = np.bincount(clusters, values), np.bincount(clusters)
    found = stats.bootstrap(
        (sums, sizes),
        lambda sums, sizes, axis: sums.sum(axis=axis) / sizes.sum(axis=axis),
        paired=True,
        vectorized=True,
        n_resamples=9999,
        method="percentile",
        rng=np.random.default_rng(1),
    ).confidence_interval
    low, high = bootstrap_of_clusters(values[:, None], clusters, 9999, seed=0)
    assert (low[0], high[0]) == pytest.approx((found.low, found.high), abs=0.03)


def test_a_volume_for_each_query_is_the_interval_over_queries():
    values = np.random.default_rng(0).random((40, 3))
    alone = bootstrap_of_clusters(values, np.arange(40), 500, seed=3)
    assert np.allclose(alone, bootstrap(values, 500, seed=3))
    assert np.array_equal(alone, bootstrap_of_clusters(values, np.arange(40), 500, 3))


def test_where_queries_of_a_volume_are_alike_only_volumes_cover_the_truth():
    simulations, covered = 300, {"queries": 0, "volumes": 0}
    for seed in range(simulations):
        values, clusters = correlated(np.random.default_rng(seed), 40)
        for kind, (low, high) in (
            ("queries", bootstrap(values[:, None], 400, seed)),
            ("volumes", bootstrap_of_clusters(values[:, None], clusters, 400, seed)),
        ):
            covered[kind] += low[0] <= 0 <= high[0]
    # 95 %, up to chance and to what a percentile interval lacks with 40 volumes.
    assert 0.90 <= covered["volumes"] / simulations <= 0.98
    assert covered["queries"] / simulations < 0.65


def test_where_they_are_not_alike_both_cover_it():
    simulations, covered = 300, {"queries": 0, "volumes": 0}
    for seed in range(simulations):
        values, clusters = correlated(np.random.default_rng(seed), 40, spread=0)
        for kind, (low, high) in (
            ("queries", bootstrap(values[:, None], 400, seed)),
            ("volumes", bootstrap_of_clusters(values[:, None], clusters, 400, seed)),
        ):
            covered[kind] += low[0] <= 0 <= high[0]
    assert all(0.90 <= count / simulations <= 0.98 for count in covered.values())


def test_queries_of_no_known_volume_are_drawn_by_themselves():
    assert numbered(["b", None, "a", "b", None]).tolist() == [0, 1, 2, 0, 3]
    assert numbered([("a", 1), ("b", 1), ("a", 1)]).tolist() == [0, 1, 0]


@pytest.mark.parametrize("queries", [1, 9, 10, 11])
def test_below_ten_queries_there_is_no_interval(queries):
    values = np.random.default_rng(0).random((queries, 1))
    volumes = [f"v{n}" for n in range(queries)]
    found = summary(
        {"a": values, "b": values / 2}, [("a", "b")], volumes=volumes, **SETTINGS
    )
    difference = found["comparisons"][0]["difference"]["x"]
    for value in (found["systems"]["a"]["x"], difference):
        enough = queries >= FEWEST_QUERIES == 10
        assert (value["low"] is not None) == (value["high"] is not None) == enough
        assert ("volumes_low" in value) == ("volumes_high" in value) == enough


@pytest.mark.parametrize("volumes", [0, 1, 4, 5, 6])
def test_from_five_volumes_on_there_are_intervals_over_them(volumes):
    values = np.random.default_rng(0).random((60, 1))
    of = [f"v{n % volumes}" if volumes and n < 50 else None for n in range(60)]
    found = summary({"a": values}, [], volumes=of, **SETTINGS)
    assert found["volumes"] == volumes
    assert found["queries_without_volume"] == (10 if volumes else 60)
    value = found["systems"]["a"]["x"]
    assert ("volumes_low" in value) == (volumes >= FEWEST_VOLUMES == 5)
    if volumes >= FEWEST_VOLUMES:
        expected = bootstrap_of_clusters(values, numbered(of), 300, seed=0)
        ends = value["volumes_low"], value["volumes_high"]
        assert ends == pytest.approx(np.ravel(expected), abs=1e-6)


def test_intervals_over_volumes_of_differences_are_paired():
    generator = np.random.default_rng(0)
    values, clusters = correlated(generator, 8)
    base = values[:, None]
    volumes = [f"v{n}" for n in clusters]
    pairs = [("tuned", "base")]
    found = summary(
        {"base": base, "tuned": base + 0.1}, pairs, volumes=volumes, **SETTINGS
    )
    difference = found["comparisons"][0]["difference"]["x"]
    assert difference["volumes_low"] == difference["volumes_high"] == 0.1
