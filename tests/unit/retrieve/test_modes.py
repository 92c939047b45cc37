"""M3's scores, against one pair after the other in float64."""

import numpy as np

from arkiv.retrieve.modes import sparse_scores


def test_sparse_scores_of_candidates_are_those_of_the_whole():
    from scipy.sparse import random_array

    options = {"format": "csr", "dtype": np.float32, "rng": np.random.default_rng(0)}
    queries = random_array((6, 50), density=0.1, **options)
    passages = random_array((30, 50), density=0.1, **options)
    exact = queries.toarray().astype(float) @ passages.toarray().astype(float).T
    candidates = [np.array([n, 3, 29]) for n in range(6)]
    for row, scores in enumerate(sparse_scores(queries, passages, candidates)):
        assert np.allclose(scores, exact[row, candidates[row]], atol=1e-6)
