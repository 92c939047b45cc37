"""P-values against an exact enumeration and a reference; errors as rare as claimed."""

from itertools import product

import numpy as np
import pytest
from scipy.stats import binom

from arkiv.evaluate.significance import holm, randomisation

ALPHA = 0.05
SIMULATIONS = 1000


def within_chance(errors, share=ALPHA, simulations=SIMULATIONS):
    """Whether so many errors are what a share of the simulations would give."""
    low, high = binom.interval(0.9998, simulations, share)
    return low <= errors <= high


def test_p_is_the_share_of_all_signs_whose_sum_is_as_far_from_zero():
    differences = np.random.default_rng(0).choice([-0.5, 0, 0.25, 1], (9, 3))
    signs = np.array(list(product((-1, 1), repeat=9)))
    exact = np.mean(
        np.abs(signs @ differences) >= np.abs(differences.sum(axis=0)) - 1e-9, axis=0
    )
    found = randomisation(differences, 20_000, seed=1)
    assert found == pytest.approx(exact, abs=0.015)


def test_no_difference_and_a_clear_one():
    steady = np.full(60, 0.01)
    p = randomisation(np.stack([np.zeros(60), steady, -steady], axis=1), 999, seed=0)
    assert p.tolist() == [1, 0.001, 0.001]
    assert randomisation(np.ones((1, 1)), 99, seed=0).tolist() == [1]


def test_the_draws_depend_on_the_seed_but_not_on_the_blocks(monkeypatch):
    differences = np.random.default_rng(0).normal(size=(130, 2))
    whole = randomisation(differences, 500, seed=1)
    assert not np.array_equal(whole, randomisation(differences, 500, seed=2))
    alone = randomisation(differences[:, :1], 500, seed=1)
    assert np.array_equal(whole[:1], alone)
    monkeypatch.setattr("arkiv.evaluate.significance.BLOCK_SIGNS", 130 * 7)
    assert np.array_equal(whole, randomisation(differences, 500, seed=1))


def reciprocal_ranks(generator, systems, queries=50):
    """RR@10 of systems that are alike, on queries of which some are hard for all."""
    chance = generator.beta(1, 2, (queries, 1))
    rank = generator.geometric(chance, (queries, systems))
    return np.where(rank <= 10, 1 / rank, 0.0)


def test_between_systems_that_are_alike_errors_are_as_rare_as_claimed():
    errors = dict.fromkeys(("continuous", "reciprocal ranks"), 0)
    for seed in range(SIMULATIONS):
        generator = np.random.default_rng(seed)
        skewed = generator.exponential(size=(50, 2)) + generator.exponential(50)
        for kind, values in (
            ("continuous", skewed),
            ("reciprocal ranks", reciprocal_ranks(generator, 2)),
        ):
            (p,) = randomisation(values[:, :1] - values[:, 1:], 199, seed)
            errors[kind] += p <= ALPHA
    assert within_chance(errors["continuous"])
    assert within_chance(errors["reciprocal ranks"])


def test_corrected_any_error_among_many_pairs_is_as_rare():
    plain = corrected = 0
    for seed in range(SIMULATIONS):
        values = reciprocal_ranks(np.random.default_rng(seed), 9)
        p = randomisation(values[:, 1:] - values[:, :1], 199, seed)
        plain += (p <= ALPHA).any()
        corrected += (holm(p[:, None]) <= ALPHA).any()
    # At most the level: pairs that share a base hang together.
    assert corrected <= binom.ppf(0.9999, SIMULATIONS, ALPHA)
    assert plain > 3 * SIMULATIONS * ALPHA


def test_a_true_difference_is_found_among_many_pairs():
    generator = np.random.default_rng(3)
    values = generator.normal(size=(200, 9))
    values[:, 1] += 0.5
    corrected = holm(randomisation(values[:, 1:] - values[:, :1], 999, 0)[:, None])
    assert corrected[0, 0] <= 0.01


def test_holm_steps_down_and_never_turns_the_order():
    p = np.array([[0.01, 0.5], [0.04, 0.5], [0.03, 0.5], [0.005, 0.0]])
    # By hand: 4 x 0.005, 3 x 0.01, 2 x 0.03, then 0.04 raised to the one before.
    assert holm(p) == pytest.approx(
        np.array([[0.03, 1], [0.06, 1], [0.06, 1], [0.02, 0]])
    )
    assert holm(np.array([[0.2]])).tolist() == [[0.2]]
