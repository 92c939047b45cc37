"""Weights of scores, against trying every mixture one by one."""

import itertools
import math

import numpy as np
import pytest

from arkiv.base.errors import InputError
from arkiv.base.files import read_yaml
from arkiv.evaluate.measures import by_query
from arkiv.evaluate.settings import check_evaluate
from arkiv.retrieve import weights
from arkiv.retrieve.fusion import by_rank, by_score, worths
from arkiv.retrieve.weights import Scored, learn, mixtures
from arkiv.settings.config import DEFAULTS


def ndcg(ranking, relevant):
    """With one relevant passage: the discount of its rank, of the first ten."""
    rank = ranking.index(relevant)
    return 1 / math.log2(rank + 2) if rank < 10 else 0.0


@pytest.fixture
def drawn():
    """80 queries with three scores of 15 passages: one tells, one a little, one not."""
    generator = np.random.default_rng(5)
    scored, relevant = {}, {}
    for number in range(80):
        ids = [f"p{row:02}" for row in range(15)]
        scores = generator.normal(size=(15, 3)).astype(np.float32)
        right = int(generator.integers(15))
        scores[right] += [1.5, 0.7, 0]
        scored[f"q{number:02}"] = Scored(ids, scores)
        relevant[f"q{number:02}"] = ids[right]
    return scored, relevant


def measured_by(relevant):
    return lambda run: np.array([ndcg(run[query], relevant[query]) for query in run])


def naive(scored, relevant, mixture):
    found = []
    for query, one in scored.items():
        total = {
            name: sum(w * float(s) for w, s in zip(mixture, row, strict=True))
            for name, row in zip(one.ids, one.scores, strict=True)
        }
        ranking = sorted(one.ids, key=lambda name: (-total[name], name))
        found.append(ndcg(ranking, relevant[query]))
    return np.array(found)


def test_the_best_of_all_mixtures_is_chosen(drawn):
    scored, relevant = drawn
    tenths = [n / 10 for n in range(11)]
    values = {
        mixture: naive(scored, relevant, mixture).mean()
        for mixture in itertools.product(tenths, repeat=3)
        if abs(sum(mixture) - 1) < 1e-9
    }
    learnt = learn(scored, (1, 0.3, 1), measured_by(relevant), seed=3)
    assert len(values) == len(mixtures(3)) == 66
    assert learnt.best[1] == pytest.approx(max(values.values()), abs=1e-9)
    more = naive(scored, relevant, learnt.best[0])
    more -= naive(scored, relevant, (1, 0.3, 1))
    enough = max(values.values()) - more.std(ddof=1) / math.sqrt(len(more))
    alike = [mixture for mixture, value in values.items() if value >= enough]
    shares = np.array([1, 0.3, 1]) / 2.3
    far = {one: np.linalg.norm(np.array(one) - shares) for one in alike}
    assert 1 < len(alike) < len(values)
    assert far[tuple(learnt.weights)] == pytest.approx(min(far.values()))
    before = naive(scored, relevant, (1, 0.3, 1)).mean()
    assert learnt.of_default == pytest.approx(before)
    # On queries that did not choose, less than on those that did.
    assert 0 < learnt.gain <= learnt.best[1] - before
    assert learnt.kept is None
    assert learnt == learn(scored, (1, 0.3, 1), measured_by(relevant), seed=3)


def test_no_more_is_ranked_than_the_measure_looks_at(drawn):
    scored, relevant = drawn
    lengths = set()

    def measured(run):
        lengths.update(map(len, run.values()))
        values = [ndcg([*run[one], relevant[one]], relevant[one]) for one in run]
        return np.array(values)

    whole = learn(scored, (1, 0.3, 1), measured, seed=3)
    assert lengths == {15}
    lengths.clear()
    assert learn(scored, (1, 0.3, 1), measured, seed=3, depth=10) == whole
    assert lengths == {10}


@pytest.mark.parametrize("measure", ["AP", "nDCG", "RR", "nDCG@5", "R@8"])
def test_behind_the_last_relevant_passage_nothing_is_ranked(drawn, measure):
    """Of one or more that are relevant, or none that is there; by every measure."""
    scored, relevant = drawn
    generator = np.random.default_rng(2)
    qrels = {
        query: {relevant[query]: 2, f"p{generator.integers(15):02}": 1, "gone": 1}
        for query in scored
    }
    qrels["q07"] = {"gone": 1}
    lengths = []

    def measured(run):
        lengths.append(sum(map(len, run.values())))
        return by_query(run, qrels, list(scored), [measure])[:, 0]

    whole = learn(scored, (1, 0.3, 1), measured, seed=3)
    before = lengths.copy()
    lengths.clear()
    assert learn(scored, (1, 0.3, 1), measured, seed=3, relevant=qrels) == whole
    assert all(now < then for now, then in zip(lengths, before, strict=True))


def test_of_mixtures_that_are_as_good_the_nearest_to_the_default_is_taken(drawn):
    """Two of the scores are one and the same: how they share does not matter."""
    scored, relevant = drawn
    generator = np.random.default_rng(9)
    for query, one in scored.items():
        right = one.ids.index(relevant[query])
        one.scores[:, 0] = one.scores[:, 1] = np.arange(15) == right
        one.scores[:, 2] = generator.permutation(15)
    learnt = learn(scored, (2, 2, 1), measured_by(relevant), seed=3)
    assert learnt.weights == [0.5, 0.5, 0]
    assert learnt.best[1] == 1


def test_without_a_gain_or_with_few_queries_the_default_stays(drawn):
    scored, _ = drawn
    nothing = learn(scored, (1, 1, 1), lambda run: np.ones(len(run)), seed=3)
    assert nothing.weights == (1, 1, 1)
    assert nothing.gain == 0
    assert "gain nothing" in nothing.kept
    few = dict(list(scored.items())[: weights.FEWEST_QUERIES - 1])
    untried = learn(few, (1, 1, 1), lambda run: pytest.fail("measured"), seed=3)
    assert untried.weights == (1, 1, 1)
    assert untried.kept == "49 dev queries are fewer than 50"


def test_no_mixture_is_taken_that_is_worse_than_the_default():
    """However unsteady it is: no bar is lower for it."""
    draw = np.random.default_rng(1)
    steady = dict(zip(range(100), 0.5 + draw.normal(0, 0.002, 100), strict=True))
    scored = {f"q{n}": Scored(["p"], np.ones((1, 2), np.float32)) for n in steady}
    grid = weights._nearest_first(mixtures(2), (1, 1))
    asked = iter([(1, 1), *grid.tolist()])

    def measured(run):
        shares = tuple(next(asked))
        if shares == (0.6, 0.4):
            return np.array([value + 0.01 for value in steady.values()])
        if shares == (0.4, 0.6):
            return 0.49 + np.resize([0.3, -0.3], 100)
        return np.array([*steady.values()])

    learnt = learn(scored, (1, 1), measured, seed=5)
    assert learnt.weights == [0.6, 0.4]


def test_what_is_no_standard_error_better_is_left(drawn):
    """That the third score is nothing is sure, and how the other two share is not."""
    scored, relevant = drawn
    learnt = learn(scored, (1, 0.5, 0), measured_by(relevant), seed=3)
    assert learnt.gain > 0
    assert learnt.weights == (1, 0.5, 0)
    assert learnt.kept == "the best weights are not a standard error better"


@pytest.mark.parametrize("n", range(1, 9))
def test_mixtures_add_up_to_1_and_are_few_enough_to_try(n):
    found = mixtures(n)
    assert found.shape[1] == n
    assert len(found) <= weights.MOST_MIXTURES
    np.testing.assert_allclose(found.sum(axis=1), 1)
    assert {tuple(row) for row in np.eye(n)} <= {tuple(row) for row in found}


def test_worths_of_rankings_are_those_of_each_by_itself():
    first, second = {"b": 9.0, "a": 5.0, "c": 1.0}, {"c": 3.0}
    ids, values = worths([first, second, {}], by_rank(60))
    assert ids == ["a", "b", "c"]
    np.testing.assert_allclose(
        values, [[1 / 62, 0, 0], [1 / 61, 0, 0], [1 / 63, 1 / 61, 0]]
    )
    _, values = worths([first, second], by_score)
    np.testing.assert_allclose(values, [[0.5, 0], [1, 0], [0, 1]])


def test_weights_that_are_all_0_are_refused_before_any_job():
    evaluate = read_yaml(DEFAULTS)["evaluate"]
    for given in (evaluate["weights"], [0, 0, 2], "auto"):
        check_evaluate(evaluate | {"weights": given}, [])
    with pytest.raises(InputError, match=r"`evaluate.weights`: is all 0"):
        check_evaluate(evaluate | {"weights": [0, 0, 0]}, [])
