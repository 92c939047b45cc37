"""The measures against a reference written out by hand, and against pytrec_eval."""

import math

import numpy as np
import pytest

from arkiv.measures import MEASURES, bootstrap, by_query, slices_of, summary


def reference(ranked, judged):
    """Every measure of one query, from its definition, in float64."""

    def dcg(gains, cutoff):
        return sum(g / math.log2(n + 1) for n, g in enumerate(gains[:cutoff], start=1))

    gains = [judged.get(key, 0) for key in ranked]
    ideal = sorted((gain for gain in judged.values() if gain > 0), reverse=True)
    relevant = [gain > 0 for gain in gains]
    precisions = [
        sum(relevant[:n]) / n for n, hit in enumerate(relevant, start=1) if hit
    ]
    first = next((n for n, hit in enumerate(relevant, start=1) if hit), math.inf)
    return {
        "nDCG@10": dcg(gains, 10) / dcg(ideal, 10),
        "nDCG@100": dcg(gains, 100) / dcg(ideal, 100),
        "AP": sum(precisions) / len(ideal),
        "R@100": sum(relevant[:100]) / len(ideal),
        "RR@10": 1 / first if first <= 10 else 0.0,
        "P@10": sum(relevant[:10]) / 10,
        "Success@10": float(any(relevant[:10])),
    }


@pytest.fixture(scope="module")
def searched():
    """Runs of 40 queries, and judgements of grades 0 to 3."""
    generator = np.random.default_rng(0)
    run, qrels = {}, {}
    for number in range(40):
        query = f"q{number:02}"
        documents = [f"d{n}" for n in range(300)]
        grades = generator.integers(0, 4, 12)
        grades[0] = 1
        chosen = generator.choice(documents, 12, replace=False)
        qrels[query] = {str(k): int(g) for k, g in zip(chosen, grades, strict=True)}
        length = int(generator.integers(1, 200))
        run[query] = [str(k) for k in generator.permutation(documents)[:length]]
        if number % 3 == 0:  # some good runs among the random ones
            run[query] = [*qrels[query], *(set(documents) - set(chosen))][:length]
    return run, qrels


def test_each_measure_is_its_definition(searched):
    run, qrels = searched
    query_ids = sorted(qrels)
    values = by_query(run, qrels, query_ids)
    for row, query_id in enumerate(query_ids):
        exact = reference(run[query_id], qrels[query_id])
        for column, measure in enumerate(MEASURES):
            assert values[row, column] == pytest.approx(exact[measure], abs=1e-6), (
                measure
            )
    assert np.all(values.std(axis=0) > 0)


def test_the_measures_are_those_of_trec_eval(searched):
    import pytrec_eval

    run, qrels = searched
    names = {
        "ndcg_cut_10": "nDCG@10",
        "ndcg_cut_100": "nDCG@100",
        "map": "AP",
        "recall_100": "R@100",
        "P_10": "P@10",
        "success_10": "Success@10",
    }
    scores = {
        query_id: {key: 1 / (60 + rank) for rank, key in enumerate(ranked)}
        for query_id, ranked in run.items()
    }
    exact = pytrec_eval.RelevanceEvaluator(qrels, set(names)).evaluate(scores)
    query_ids = sorted(qrels)
    values = by_query(run, qrels, query_ids)
    for theirs, ours in names.items():
        column = values[:, MEASURES.index(ours)]
        assert column.tolist() == [exact[query_id][theirs] for query_id in query_ids]


def test_a_query_without_results_scores_zero():
    qrels = {"a": {"d": 1}, "b": {"d": 1}, "c": {"d": 2}}
    values = by_query({"a": ["d"], "c": []}, qrels, ["a", "b", "c"])
    assert values[0].tolist() == [1, 1, 1, 1, 1, 0.1, 1]
    assert not values[1:].any()


def test_the_interval_is_that_of_a_plain_bootstrap():
    generator = np.random.default_rng(5)
    values = np.stack([generator.normal(size=80), generator.random(80)], axis=1)
    low, high = bootstrap(values, 4000, seed=1)
    means = [values[generator.integers(0, 80, 80)].mean(axis=0) for _ in range(4000)]
    assert np.allclose(low, np.quantile(means, 0.025, axis=0), atol=0.02)
    assert np.allclose(high, np.quantile(means, 0.975, axis=0), atol=0.02)
    # As many samples as the textbook asks for: 1.96 standard errors to each side.
    error = values.std(axis=0) / np.sqrt(80)
    assert np.allclose(high - low, 2 * 1.96 * error, rtol=0.06)


def test_the_interval_does_not_depend_on_the_blocks_or_other_columns(monkeypatch):
    values = np.random.default_rng(0).random((30, 3))
    whole = bootstrap(values, 500, seed=1)
    assert np.array_equal(whole, bootstrap(values, 500, seed=1))
    assert np.allclose(np.array(whole)[:, :1], bootstrap(values[:, :1], 500, seed=1))
    assert not np.allclose(whole, bootstrap(values, 500, seed=2))
    monkeypatch.setattr("arkiv.measures.BLOCK_COUNTS", 30 * 70)
    assert np.allclose(whole, bootstrap(values, 500, seed=1))


def test_differences_are_paired():
    """A system that is better by a constant has an interval without width."""
    base = np.random.default_rng(0).random((50, 2))
    found = summary(
        {"base": base, "tuned": base + 0.1},
        [("tuned", "base")],
        samples=200,
        seed=0,
        measures=("x", "y"),
    )
    assert found["queries"] == 50
    spread = found["systems"]["tuned"]["x"]
    assert spread["low"] < spread["mean"] - 0.05 < spread["high"] - 0.05
    assert found["comparisons"] == [
        {
            "system": "tuned",
            "base": "base",
            "difference": {m: {"mean": 0.1, "low": 0.1, "high": 0.1} for m in "xy"},
        }
    ]


def test_slices_are_by_dataset_and_by_length():
    queries = [
        {"dataset": "b", "tokens": 499},
        {"dataset": "a", "tokens": 500},
        {"dataset": "b", "tokens": 2000},
        {"dataset": "b"},
    ]
    slices = {n: rows.tolist() for n, rows in slices_of(queries, [0, 500]).items()}
    assert slices == {
        "dataset a": [1],
        "dataset b": [0, 2, 3],
        "relevant passages of 0 to 499 tokens": [0],
        "relevant passages of 500 or more tokens": [1, 2],
    }
    assert slices_of(queries[:1], [0, 500]) == {}
