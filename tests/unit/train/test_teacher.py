"""Targets for training made of the teacher's scores."""

import math
import random

import pytest

from arkiv.train.teacher import normalized, softened, without_near


def softmax(scores):
    powers = [math.exp(score - max(scores)) for score in scores]
    return [power / sum(powers) for power in powers]


def test_normalisations_by_hand():
    scores = [3.0, 1.0, -1.0]
    assert normalized(scores, "none") == scores
    assert normalized(scores, "minmax") == [1.0, 0.5, 0.0]
    unit = math.sqrt(8 / 3)
    assert normalized(scores, "zscore") == pytest.approx([2 / unit, 0, -2 / unit])
    logistic = [1 / (1 + math.exp(-score)) for score in scores]
    assert normalized(scores, "sigmoid") == pytest.approx(logistic)
    assert normalized([-5000, 5000], "sigmoid") == [0, 1]
    for method in ("minmax", "zscore"):
        assert normalized([2.5] * 3, method) == [0.0] * 3


@pytest.mark.parametrize("method", ["none", "sigmoid", "minmax", "zscore"])
def test_the_order_of_the_passages_stays(method):
    draw = random.Random(0)
    scores = [draw.gauss(0, 3) for _ in range(8)]
    found = normalized(scores, method)
    order = sorted(range(8), key=scores.__getitem__)
    assert sorted(range(8), key=found.__getitem__) == order


def test_a_temperature_is_that_of_the_softmax_in_training():
    row = {"id": "a", "pos_scores": [4], "neg_scores": [1, -2.5]}
    made = softened(row, "none", 2.0)
    assert made == {"id": "a", "pos_scores": [2.0], "neg_scores": [0.5, -1.25]}
    powers = [math.exp(score / 2) for score in (4, 1, -2.5)]
    targets = softmax(made["pos_scores"] + made["neg_scores"])
    assert targets == pytest.approx([power / sum(powers) for power in powers])


def test_the_margin_is_from_the_lowest_positive_and_the_bound_stays():
    row = {
        "pos_scores": [2.0, 1.0],
        "neg_scores": [1.0, 0.5, 0.75, 3.0],
        "neg": ["a", "b", "c", "d"],
        "neg_ids": ["1", "2", "3", "4"],
    }
    kept = {margin: without_near(row, margin) for margin in (-2, 0.0, 0.25, 0.5, 1)}
    assert [found["neg_ids"] for found in kept.values()] == [
        *(["1", "2", "3", "4"], ["1", "2", "3"], ["2", "3"], ["2"], [])
    ]
    assert kept[0.25]["neg"] == ["b", "c"]
    assert kept[0.25]["neg_scores"] == [0.5, 0.75]
    assert row["neg"] == ["a", "b", "c", "d"]
