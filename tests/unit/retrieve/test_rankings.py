"""Exact retrieval and re-ranking, against brute force in float64."""

import numpy as np
import pytest

from arkiv.retrieve import rankings
from arkiv.retrieve.rankings import (
    Ranking,
    best,
    descending,
    reranked,
    search_dense,
    search_sparse,
)


def brute(scores, depth, *, matching=False):
    """Rows by score descending, then row."""
    rows = [n for n, score in enumerate(scores) if score > 0 or not matching]
    return sorted(rows, key=lambda n: (-scores[n], n))[:depth]


def normalised(generator, *shape):
    vectors = generator.normal(size=shape)
    return vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)


@pytest.mark.parametrize("depth", [1, 3, 10, 50])
@pytest.mark.parametrize("matching", [False, True])
def test_the_best_are_exact_with_ties_by_row(depth, matching):
    generator = np.random.default_rng(depth)
    for _ in range(50):
        scores = generator.integers(-1, 4, 30).astype(np.float32)
        found = best(scores, depth, matching=matching)
        assert found.rows.tolist() == brute(scores, depth, matching=matching)
        assert np.array_equal(found.scores, scores[found.rows])


@pytest.mark.parametrize("matching", [False, True])
@pytest.mark.parametrize("levels", [3, 40, 1 << 20])
def test_the_best_of_very_many_are_exact(levels, matching):
    draw = np.random.default_rng(levels)
    for depth in (1, 3, 10):
        count = depth * rankings.GROUPS * rankings.FEWEST + 7
        # Many ties, passages that match nothing, fewer that match than are kept.
        scores = (draw.integers(-levels // 3, levels, count) / levels).astype(
            np.float32
        )
        for some in (scores, np.where(draw.random(count) < 2 / count, scores, -1)):
            some = some.astype(np.float32)
            found = best(some, depth, matching=matching)
            assert found.rows.tolist() == brute(some, depth, matching=matching)
            assert np.array_equal(found.scores, some[found.rows])


@pytest.mark.parametrize("small", [False, True])
def test_dense_search_is_brute_force(monkeypatch, small):
    if small:  # many blocks of queries and of passages
        monkeypatch.setattr(rankings, "BLOCK_SCORES", 100)
        monkeypatch.setattr(rankings, "BLOCK_PASSAGES", 7)
    generator = np.random.default_rng(0)
    queries = normalised(generator, 9, 16).astype(np.float16)
    passages = normalised(generator, 40, 16).astype(np.float16)
    passages[11] = passages[30] = passages[4]  # ties
    sides = [rows.astype(np.float64) for rows in (queries, passages)]
    sides = [rows / np.linalg.norm(rows, axis=1, keepdims=True) for rows in sides]
    exact = np.round(sides[0] @ sides[1].T, 6)
    found = list(search_dense(queries, passages, 12))
    assert [ranking.rows.tolist() for ranking in found] == [
        brute(row, 12) for row in exact
    ]
    for ranking, row in zip(found, exact, strict=True):
        assert np.allclose(ranking.scores, row[ranking.rows], atol=1e-5)


def test_lengths_that_half_precision_rounded_off_do_not_count():
    generator = np.random.default_rng(0)
    middle = normalised(generator, 256)
    passages = normalised(generator, 50, 256) * 0.02 + middle  # much alike
    passages /= np.linalg.norm(passages, axis=1, keepdims=True)
    exact = passages @ middle
    [found] = search_dense(
        middle[None].astype(np.float16), passages.astype(np.float16), 50
    )
    assert np.abs(found.scores - exact[found.rows]).max() < 1e-5
    assert np.corrcoef(found.scores, exact[found.rows])[0, 1] > 0.9


def test_sparse_search_is_brute_force_and_leaves_out_what_shares_no_token(monkeypatch):
    from scipy.sparse import random_array

    monkeypatch.setattr(rankings, "BLOCK_SCORES", 60)
    generator = np.random.default_rng(0)
    options = {"format": "csr", "dtype": np.float32, "rng": generator}
    queries = random_array((6, 50), density=0.1, **options)
    passages = random_array((30, 50), density=0.1, **options)
    exact = queries.toarray().astype(float) @ passages.toarray().astype(float).T
    assert (exact == 0).any()
    found = list(search_sparse(queries, passages.T.tocsr(), 20))
    assert [ranking.rows.tolist() for ranking in found] == [
        brute(row, 20, matching=True) for row in exact
    ]


def test_what_is_not_reranked_follows_below_in_its_order():
    first = Ranking(
        np.array([5, 2, 9, 1, 7]), np.array([0.9, 0.8, 0.7, 0.6, 0.5], np.float32)
    )
    scores = np.array([0.1, 0.3, 0.1], np.float32)
    found = reranked(first, first.rows[:3], scores)
    assert found.rows.tolist() == [2, 5, 9, 1, 7]  # 5 and 9 tie: by row
    assert np.allclose(found.scores, [0.3, 0.1, 0.1, 0.1, 0.0], atol=1e-6)
    # In any order, and one that was not found before.
    found = reranked(first, np.array([9, 4, 2]), scores)
    assert found.rows.tolist() == [4, 2, 9, 5, 1, 7]
    assert found.scores[3] == found.scores[2] > found.scores[4]
    assert reranked(first, np.array([9, 4, 2]), scores, 2).rows.tolist() == [4, 2]
    everything = reranked(first, first.rows, np.array([1, 2, 3, 4, 5], np.float32))
    assert everything.rows.tolist() == [7, 1, 9, 2, 5]
    nothing = reranked(first, first.rows[:0], np.zeros(0, np.float32))
    assert np.array_equal(nothing.rows, first.rows)
    assert np.array_equal(nothing.scores, first.scores)


@pytest.mark.parametrize("digits", [0, 1, 9])
def test_descending_is_a_stable_sort(digits):
    scores = np.random.default_rng(digits).normal(size=500).round(digits)
    scores = scores.astype(np.float32)
    scores[::7], scores[3::11], scores[5] = -0.0, 0.0, np.inf
    wanted = np.argsort(-scores, kind="stable")
    assert descending(scores).tolist() == wanted.tolist()
    assert descending(scores[:0]).tolist() == []
