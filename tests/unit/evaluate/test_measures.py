"""The measures against a reference written out by hand, and against pytrec_eval."""

import math

import numpy as np
import pytest

from arkiv.base.errors import InputError
from arkiv.evaluate import measures
from arkiv.evaluate.intervals import bootstrap
from arkiv.evaluate.measures import (
    MEASURES,
    by_query,
    check_measures,
    parts_of,
    summary,
    title,
)
from arkiv.retrieve.trec import read_run


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


def test_ties_missing_queries_and_grades_count_as_in_trec_eval(tmp_path, monkeypatch):
    """Runs from elsewhere, whose scores tie, read from their files."""
    import pytrec_eval

    monkeypatch.setattr(measures, "BLOCK_QUERIES", 5)  # of twelve

    names = {
        "ndcg_cut_10": "nDCG@10",
        "ndcg_cut_100": "nDCG@100",
        "map": "AP",
        "recip_rank": "RR",
        "recall_5": "R@5",
        "recall_100": "R@100",
        "P_5": "P@5",
        "P_20": "P@20",
        "success_1": "Success@1",
        "success_10": "Success@10",
    }
    for seed in range(20):
        generator = np.random.default_rng(seed)
        documents = [f"d{n}" for n in range(60)]
        qrels, scores = {}, {}
        for number in range(12):
            query = f"q{number:02}"
            judged = generator.choice(documents, 10, replace=False)
            grades = generator.integers(0, 4, 10)
            qrels[query] = {str(k): int(g) for k, g in zip(judged, grades, strict=True)}
            if number % 4:  # the run lacks the others
                found = generator.choice(documents, generator.integers(1, 60), False)
                values = generator.integers(0, 6, len(found)) / 8
                scores[query] = {
                    str(k): float(v) for k, v in zip(found, values, strict=True)
                }
        lines = [
            f"{query} Q0 {key} 0 {value} x\n"
            for query, found in scores.items()
            for key, value in found.items()
        ]
        (tmp_path / "run").write_text("".join(lines))
        exact = pytrec_eval.RelevanceEvaluator(qrels, set(names)).evaluate(scores)
        ours = by_query(
            read_run(tmp_path / "run"), qrels, sorted(qrels), list(names.values())
        )
        for row, query in enumerate(sorted(qrels)):
            # As `trec_eval -c` has it, a query that is missing counts as 0.
            wanted = exact.get(query, dict.fromkeys(names, 0.0))
            assert ours[row].tolist() == [wanted[name] for name in names]


def test_measures_are_called_as_in_papers():
    names = ["AP", "RR@10", "R@100", "P@1", "nDCG@10", "Success@5"]
    check_measures(names)
    titles = ["MAP", "MRR@10", "Recall@100", "Precision@1", "nDCG@10", "Success@5"]
    assert list(map(title, names)) == titles


@pytest.mark.parametrize("name", ["ndcg@10", "P", "R@0", "MAP", "nDCG@ten", ""])
def test_what_is_no_measure_is_refused(name):
    with pytest.raises(InputError, match=f"`measures`: is {name}, expected measures"):
        check_measures(["nDCG@10", name])


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
    monkeypatch.setattr("arkiv.evaluate.intervals.BLOCK_COUNTS", 30 * 70)
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


def test_pairs_are_tested_and_corrected_measure_by_measure():
    generator = np.random.default_rng(0)
    base = generator.random((80, 2))
    values = {"base": base, "same": generator.random((80, 2))}
    values["good"] = base + generator.random((80, 2)) - [0.2, 0.5]
    pairs = [("same", "base"), ("good", "base")]
    settings = {"samples": 999, "seed": 0, "measures": ("x", "y")}
    found = summary(values, pairs, **settings, tested=True)["comparisons"]
    by_name = {pair["system"]: pair["difference"] for pair in found}
    # Of two pairs: 2,000 signs each, of which no sum is as far.
    assert by_name["good"]["x"]["p"] == pytest.approx(1 / 4001, rel=1e-5)
    assert by_name["good"]["x"]["p_holm"] == pytest.approx(2 / 4001, rel=1e-5)
    assert by_name["good"]["x"]["at_most"]
    assert by_name["good"]["y"]["p"] > 0.05
    assert not by_name["good"]["y"]["at_most"]
    for difference in by_name["same"].values():
        assert difference["p_holm"] >= difference["p"] > 0.05
    untested = summary(values, pairs, **settings)["comparisons"]
    assert "p" not in untested[0]["difference"]["x"]
    assert summary(values, [], **settings, tested=True)["comparisons"] == []


@pytest.mark.parametrize("more", [1, 2, 30])
def test_further_pairs_change_no_p_of_the_others(more):
    """However many there are; among themselves they are corrected as any pairs are."""
    generator = np.random.default_rng(more)
    base = generator.random((40, 2))
    values = {"base": base, "good": base + generator.normal(0.03, 0.1, (40, 2))}
    values |= {f"s{n}": base + generator.normal(0, 0.1, (40, 2)) for n in range(more)}
    pairs, others = [("good", "base")], [(f"s{n}", "base") for n in range(more)]
    settings = {"samples": 500, "seed": 3, "measures": ("x", "y"), "tested": True}
    alone = summary(values, pairs, **settings)
    found = summary(values, pairs, **settings, further=others)
    assert found["comparisons"] == alone["comparisons"]
    assert "further" not in alone
    # The two families are what each would be by itself.
    assert found["further"] == summary(values, others, **settings)["comparisons"]
    among = summary(values, [*pairs, *others], **settings)["comparisons"]
    p_holm = [
        pair[0]["difference"]["x"]["p_holm"] for pair in (among, alone["comparisons"])
    ]
    assert p_holm[0] > p_holm[1]


def test_parts_are_by_whatever_is_known_of_a_query():
    queries = [
        {"dataset": "b", "tokens": 499, "volume": "v", "confidence": 0.9},
        {"dataset": "a", "tokens": 500, "volume": "w", "confidence": 0.89},
        {"dataset": "b", "tokens": 2000, "volume": "v", "type": "topic"},
        {"dataset": "b", "confidence": 1.0, "query_type": "entity"},
    ]
    parts = {
        key: {name: rows.tolist() for name, rows in named.items()}
        for key, named in parts_of(queries, [0, 500], [0, 0.9]).items()
    }
    assert parts == {
        "dataset": {"a": [1], "b": [0, 2, 3]},
        "volume": {"v": [0, 2], "w": [1]},
        "type": {"topic": [2]},
        "query_type": {"entity": [3]},
        "length": {"0 to 499": [0], "500 or more": [1, 2]},
        "confidence": {"0 to 0.9": [1], "0.9 to 1": [0, 3]},
    }
    assert parts_of(queries[:1], [0, 500], [0]) == {}


def test_decades_are_parts_and_so_is_what_has_no_year():
    queries = [{"year": year} for year in (1889, 1880, None, 1890)] + [{}]
    (named,) = parts_of(queries, [0], [0]).values()
    assert {name: rows.tolist() for name, rows in named.items()} == {
        "1880s": [0, 1],
        "1890s": [3],
        "undated": [2, 4],
    }
    assert parts_of([{"year": None}, {}], [0], [0]) == {}
    assert parts_of(queries[:2], [0], [0]) == {}
