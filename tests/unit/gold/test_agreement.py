"""Agreement against scikit-learn, and by hand where it has no value."""

import warnings

import numpy as np
import pytest

from arkiv.gold.agreement import (
    ALL_ALIKE,
    agreement,
    kappa,
    with_interval,
)
from arkiv.gold.sheet import Judged


def table_of(first, second, size):
    table = np.zeros((size, size))
    np.add.at(table, (first, second), 1)
    return table


@pytest.mark.parametrize("size", [2, 4])
@pytest.mark.parametrize("seed", range(5))
def test_kappa_is_that_of_scikit_learn(size, seed):
    from sklearn.metrics import cohen_kappa_score

    draw = np.random.default_rng(seed)
    first = draw.integers(0, size, 80)
    second = np.where(draw.random(80) < 0.6, first, draw.integers(0, size, 80))
    expected = cohen_kappa_score(first, second, labels=range(size), weights="quadratic")
    found = kappa(table_of(first, second, size))
    assert found == pytest.approx(expected, abs=1e-12)
    # Many at once are what each is alone.
    both = np.stack([table_of(first, second, size), table_of(second, first, size)])
    assert kappa(both) == pytest.approx([expected, expected])


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        ([1, 1, 1], [1, 1, 1], None),
        ([0], [0], None),
        ([1, 1, 1], [0, 0, 0], 0.0),
        ([1, 1, 1], [0, 1, 0], 0.0),
        ([0, 1, 0, 1], [1, 0, 1, 0], -1.0),
        ([0, 1], [0, 1], 1.0),
    ],
)
def test_kappa_where_a_judge_knows_one_grade(first, second, expected):
    from sklearn.metrics import cohen_kappa_score

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        reference = cohen_kappa_score(first, second, labels=[0, 1])
    found = kappa(table_of(first, second, 2))
    if expected is None:
        assert np.isnan(reference)
        assert np.isnan(found)
    else:
        assert found == pytest.approx(reference) == pytest.approx(expected)


def test_the_interval_covers_the_truth_as_often_as_it_says():
    """Judges who agree in truth as much, in queries that differ in difficulty."""
    draw = np.random.default_rng(0)

    def sample(queries):
        tables = np.zeros((queries, 2, 2))
        for table in tables:
            sure = draw.beta(4, 2)
            first = (draw.random(8) < 0.4).astype(int)
            other = (draw.random(8) < 0.4).astype(int)
            second = np.where(draw.random(8) < sure, first, other)
            np.add.at(table, (first, second), 1)
        return tables

    truth = float(kappa(sample(20_000).sum(axis=0)))
    covered = 0
    for seed in range(300):
        found = with_interval(sample(40), 300, seed)
        covered += found["low"] <= truth <= found["high"]
    # 95 % up to chance, and up to what a percentile interval lacks with 40 queries.
    assert 0.9 <= covered / 300 <= 0.985


def judged(**grades):
    """Grades by judge of the pairs `q1p1`, `q1p2` ..."""
    pairs = {}
    for judge, given in grades.items():
        for number, grade in enumerate(given):
            if grade is not None:
                pair = f"q{number // 2}", f"p{number % 2}"
                pairs.setdefault(pair, {})[judge] = grade
    return Judged(pairs, {("q9", "p1")})


SETTINGS = {"samples": 200, "seed": 1}


def test_agreement_of_two_judges_and_a_graded_machine():
    people = judged(anna=[3, 0, 2, 0, 1, 0], bo=[1, 0, None, 1, None, None])
    qrels = {"q0": {"p0": 3}, "q1": {"p0": 1, "p1": 0}, "q2": {"p1": 2}}
    found = agreement(people, qrels, "llm_judge", **SETTINGS)
    assert {key: found[key] for key in ("machine", "pairs", "queries", "unjudged")} == {
        "machine": "llm_judge",
        "pairs": 6,
        "queries": 3,
        "unjudged": 1,
    }
    assert found["judges"] == [
        {"judge": "anna", "pairs": 6},
        {"judge": "bo", "pairs": 3},
    ]
    # The lower of two grades: 1 0 2 0 1 0 against 3 0 1 0 0 2.
    assert found["grades"] == [0, 1, 2, 3]
    assert found["table"] == [[2, 0, 1, 0], [1, 0, 0, 1], [0, 1, 0, 0], [0, 0, 0, 0]]
    assert found["binary"]["agreement"] == pytest.approx(4 / 6, abs=1e-6)
    assert found["binary"]["kappa"] == pytest.approx(1 / 3, abs=1e-6)
    # Of three queries: too few for an interval.
    assert found["binary"]["low"] is found["binary"]["high"] is None
    from sklearn.metrics import cohen_kappa_score

    expected = cohen_kappa_score(
        [1, 0, 2, 0, 1, 0], [3, 0, 1, 0, 0, 2], weights="quadratic", labels=range(4)
    )
    assert found["weighted"]["kappa"] == pytest.approx(expected, abs=1e-6)
    # Of the three pairs of both, 3 0 0 and 1 0 1.
    assert found["between"] == [
        {"judges": ["anna", "bo"], "pairs": 3, "kappa": pytest.approx(0.4)}
    ]
    again = agreement(people, qrels, "llm_judge", **SETTINGS)
    assert again == found


def test_binary_grades_have_no_weighted_kappa():
    qrels = {"q0": {"p0": 1}, "q1": {"p1": 1}}
    scale = agreement(judged(a=[3, 0, 2, 0]), qrels, "x", **SETTINGS)
    assert scale["weighted"] is None
    assert scale["table"] == [[1, 1, 0, 0], [0] * 4, [1, 0, 0, 0], [0, 1, 0, 0]]
    found = agreement(judged(a=[1, 0, 1, 0]), qrels, "x", **SETTINGS)
    assert found["weighted"] is None
    assert found["grades"] == [0, 1]
    assert found["table"] == [[1, 1], [1, 1]]
    assert found["binary"]["kappa"] == 0.0
    assert found["between"] == []


def test_where_all_are_alike_kappa_is_nothing_with_a_reason():
    people = judged(a=[1, 1], b=[1, 1])
    found = agreement(people, {"q0": {"p0": 1, "p1": 1}}, "x", **SETTINGS)
    assert found["binary"] == {
        "agreement": 1.0,
        "kappa": None,
        "low": None,
        "high": None,
        "reason": ALL_ALIKE,
    }
    (between,) = found["between"]
    assert between["kappa"] is None
    assert between["reason"] == ALL_ALIKE


@pytest.mark.parametrize(
    ("machine", "grades", "said"),
    [
        # The known item has 1, which is not the little that a judge means by 1.
        ("known_item", [1, 0, 1, 0], [3, 0, 2, 0]),
        # Verdicts of the search page: 1 is no less than 3.
        ("llm_judge", [3, 0, 2, 0], [1, 0, 1, 0]),
        # The third of three ranks.
        ("embedder", [3, 0, 1, 0], [1, 0, 3, 0]),
    ],
)
def test_grades_on_two_scales_are_not_weighed(machine, grades, said):
    qrels = {
        query: {"p0": grade, "p1": other}
        for query, grade, other in (("q0", *grades[:2]), ("q1", *grades[2:]))
    }
    found = agreement(judged(a=said), qrels, machine, **SETTINGS)
    assert found["weighted"] is None
    assert found["binary"]["kappa"] == 1.0
    assert found["grades"] == [0, 1, 2, 3]


def test_ranks_are_told_from_grades_where_only_low_ones_were_judged():
    qrels = {"q0": {"p0": 2, "p1": 1}, "q7": {"p0": 10}}
    found = agreement(judged(a=[1, 3]), qrels, "file", **SETTINGS)
    assert found["weighted"] is None
    assert found["grades"] == [0, 1]
