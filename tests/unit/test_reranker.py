"""Scores equal those of FlagEmbedding's FlagReranker."""

import numpy as np
import pytest

from arkiv.example import case_pairs, cases
from arkiv.reranker import Reranker

PAIRS = [
    *((q, p) for q, p in case_pairs(8, seed=3)),
    *((q, p) for (q, _), p in zip(case_pairs(4, seed=3), cases(4, 5), strict=True)),
    ("kort", "§"),
    ("Vad hände?", " ".join(cases(5, seed=6))),
]


@pytest.mark.parametrize(("max_length", "query_max_length"), [(512, 256), (96, 12)])
def test_scores_equal_upstream(tiny_reranker, max_length, query_max_length):
    from FlagEmbedding import FlagReranker

    limits = {"max_length": max_length, "query_max_length": query_max_length}
    upstream = FlagReranker(
        str(tiny_reranker), use_fp16=False, devices="cpu", batch_size=3, **limits
    )
    ours = Reranker(tiny_reranker, batch_size=4, **limits).scores(PAIRS)
    theirs = upstream.compute_score([list(pair) for pair in PAIRS])
    np.testing.assert_allclose(ours, theirs, atol=1e-4)
    assert ours.std() > 0.1


def test_a_query_that_fills_the_length_is_cut_so_that_a_passage_token_fits(
    tiny_reranker,
):
    reranker = Reranker(tiny_reranker, max_length=32, query_max_length=32)
    long = " ".join(cases(3, seed=1))
    ids = reranker._token_ids([(long, long)])[0]
    assert len(ids) == 32
    assert ids.index(2) == 28
    assert np.isfinite(reranker.scores([(long, long)])).all()


def test_equal_pairs_score_equally_and_order_is_kept(tiny_reranker):
    reranker = Reranker(tiny_reranker, batch_size=2)
    scores = reranker.scores([*PAIRS, *reversed(PAIRS)])
    assert scores.tolist() == [*scores[: len(PAIRS)], *scores[: len(PAIRS)][::-1]]
    assert reranker.scores([]).shape == (0,)
