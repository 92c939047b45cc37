"""M3's scores, against one pair after the other in float64."""

import numpy as np
import pytest
from test_rankings import normalised

from arkiv.retrieve import modes
from arkiv.retrieve.modes import multi_vector_scores, sparse_scores


def test_sparse_scores_of_candidates_are_those_of_the_whole():
    from scipy.sparse import random_array

    options = {"format": "csr", "dtype": np.float32, "rng": np.random.default_rng(0)}
    queries = random_array((6, 50), density=0.1, **options)
    passages = random_array((30, 50), density=0.1, **options)
    exact = queries.toarray().astype(float) @ passages.toarray().astype(float).T
    candidates = [np.array([n, 3, 29]) for n in range(6)]
    for row, scores in enumerate(sparse_scores(queries, passages, candidates)):
        assert np.allclose(scores, exact[row, candidates[row]], atol=1e-6)


def late_interaction(query, passage):
    """Mean over the query's tokens of the highest dot product, one by one."""
    highest = [max(float(q @ p) for p in passage) for q in query]
    return sum(highest) / len(highest)


@pytest.mark.parametrize("characters", [1, 5, 1000])
def test_multi_vector_scores_encode_each_passage_once(monkeypatch, characters):
    monkeypatch.setattr(modes, "BLOCK_CHARACTERS", characters)
    generator = np.random.default_rng(0)
    queries = [normalised(generator, n, 8).astype(np.float32) for n in (3, 1, 5, 2)]
    vectors = [normalised(generator, n, 8).astype(np.float32) for n in (4, 1, 2, 6, 3)]
    texts = [str(row) * len(passage) for row, passage in enumerate(vectors)]
    asked = []

    def encode(block):
        asked.extend(block)
        assert len(block) == 1 or sum(map(len, block)) <= characters
        return [vectors[int(text[0])] for text in block]

    candidates = [np.array(rows, int) for rows in ([4, 0, 2], [], [0, 1], [2])]
    found = multi_vector_scores(queries, texts, candidates, encode)
    assert asked == [texts[row] for row in (0, 1, 2, 4)]
    for query, rows, scores in zip(queries, candidates, found, strict=True):
        exact = [late_interaction(query, vectors[row]) for row in rows]
        assert np.allclose(scores, exact, atol=1e-6)
        assert len(scores) == len(rows)


def test_no_candidates_need_no_encoding():
    none = np.zeros(0, np.int64)
    found = multi_vector_scores([np.ones((1, 2))] * 2, [], [none, none], None)
    assert [len(scores) for scores in found] == [0, 0]
