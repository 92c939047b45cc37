"""Fusion against its definition, one passage at a time."""

import numpy as np
import pytest

from arkiv.retrieve.fusion import by_rank, by_score, fused


@pytest.fixture(scope="module")
def rankings():
    """Three rankings of some of 40 passages, one of them empty."""
    generator = np.random.default_rng(0)
    made = []
    for count in (25, 30, 0):
        chosen = generator.choice(40, count, replace=False)
        scores = np.sort(generator.normal(size=count))[::-1]
        made.append({f"p{n:02}": float(s) for n, s in zip(chosen, scores, strict=True)})
    return made


def reference(rankings, weights, worth):
    total = {}
    for ranking, weight in zip(rankings, weights, strict=True):
        for rank, (key, score) in enumerate(ranking.items(), start=1):
            value = weight * worth(rank, score, list(ranking.values()))
            total[key] = total.get(key, 0) + value / sum(weights)
    return sorted(total.items(), key=lambda item: (-item[1], item[0]))


@pytest.mark.parametrize("weights", [[1, 1, 1], [1, 0.25, 3]])
@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (by_rank(), lambda rank, score, all_: 1 / (60 + rank)),
        (by_rank(5), lambda rank, score, all_: 1 / (5 + rank)),
        (
            by_score,
            lambda rank, score, all_: (score - min(all_)) / (max(all_) - min(all_)),
        ),
    ],
)
def test_fusion_is_its_definition(rankings, weights, ours, theirs):
    wanted = reference(rankings, weights, theirs)
    passage_ids, scores = fused(rankings, weights, ours, 1000)
    assert passage_ids == [key for key, _ in wanted]
    assert scores == pytest.approx([value for _, value in wanted])
    assert fused(rankings, weights, ours, 7)[0] == passage_ids[:7]


def test_a_ranking_of_equal_scores_counts_and_ties_go_by_id():
    passage_ids, scores = fused([{"b": 2.0, "a": 2.0}, {}], [1, 1], by_score, 9)
    assert (passage_ids, scores.tolist()) == (["a", "b"], [0.5, 0.5])
    assert fused([{}, {}], [1, 1], by_rank(), 9)[0] == []
