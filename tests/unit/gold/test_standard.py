"""The gold standard: pools, grades, near-duplicates, judgements from elsewhere."""

import json
from copy import deepcopy

import pytest
import yaml
from project import ROOT
from snakemake.utils import update_config

from arkiv.base.errors import InputError
from arkiv.base.quantiles import quantiles
from arkiv.gold.file import finder, queries_of, read_judgements
from arkiv.gold.standard import (
    MEANINGS,
    METHODS,
    by_rank,
    check_graded,
    counts,
    explained,
    grade_of,
    holds_rankings,
    pool,
    relevant,
    with_known_items,
    with_near_duplicates,
)
from arkiv.settings.config import check_config

DEFAULTS = yaml.safe_load((ROOT / "config/config.yaml").read_text())
EMBEDDER = DEFAULTS["gold"]["embedder"]


def laid_over(below, above):
    """As Snakemake lays a configuration over another."""
    merged = deepcopy(below)
    update_config(merged, above)
    return merged


def test_a_pool_is_the_union_of_the_first_passages_and_the_known_items():
    runs = [{"q2": ["c", "a", "x"], "q1": ["b"]}, {"q2": ["a", "d", "y"], "q9": ["z"]}]
    known = {"q2": {"k": 1}, "q3": {"a": 1}}
    assert list(pool(runs, known, ["q2", "q3", "q1"], 2)) == [
        ("q1", "b"),
        *(("q2", key) for key in ("a", "c", "d", "k")),
        ("q3", "a"),
    ]


@pytest.mark.parametrize(
    ("score", "grade"),
    [(-9.0, 0), (-0.1, 0), (0.0, 1), (1.99, 1), (2.0, 2), (4.0, 3), (99.0, 3)],
)
def test_a_grade_is_how_many_thresholds_a_score_reaches(score, grade):
    assert grade_of(score, [0, 2, 4]) == grade
    assert grade_of(score, [0]) == min(grade, 1)


def test_of_ranked_passages_the_last_is_still_relevant():
    assert by_rank(["c", "a", "b"]) == {"c": 3, "a": 2, "b": 1}


@pytest.mark.parametrize("grade", [4, -1, 1.0, True, None, "2"])
def test_a_grade_of_a_pool_is_a_whole_number(grade):
    row = {"query_id": "q", "passage_id": "p", "grade": 3, "score": 0.1, "why": "x"}
    check_graded(row)
    with pytest.raises(InputError, match=r"`grade`: is .*, expected a whole number"):
        check_graded(row | {"grade": grade})


def test_known_items_rise_to_a_grade_and_nothing_falls():
    qrels = {"q": {"a": 0, "b": 3}, "r": {"c": 1}}
    known = {"q": {"a": 1, "b": 1}, "s": {"d": 1}}
    assert with_known_items(qrels, known, 2) == {
        "q": {"a": 2, "b": 3},
        "r": {"c": 1},
        "s": {"d": 2},
    }
    assert qrels["q"]["a"] == 0


def test_near_duplicates_count_as_the_best_passage_that_they_repeat():
    qrels = {"q": {"a": 2, "b": 0, "c": 1}, "r": {"a": 0}}
    near = {"a": ["b", "c", "d"], "c": ["d", "a"], "d": ["e"]}
    judged, changed = with_near_duplicates(qrels, near)
    # b and c are raised, d is new; e is near to d alone, which is not judged itself.
    assert judged == {"q": {"a": 2, "b": 2, "c": 2, "d": 2}, "r": {"a": 0}}
    assert changed == 3


def test_what_judgements_hold_as_numbers():
    qrels = {"q": {"a": 2, "b": 0}, "r": {"c": 0}}
    assert counts(qrels, ["q", "r", "s"]) == {
        "queries": 3,
        "queries_without_relevant": 2,
        "pairs": 3,
        "relevant": 1,
        "grades": {"0": 2, "2": 1},
    }
    assert relevant(qrels) == {"q": {"a": 2}}
    assert quantiles([]) == {}
    assert quantiles([3.0, 1.0, 2.0], [0, 0.6, 1]) == {"0": 1.0, "0.6": 2.0, "1": 3.0}


def test_every_method_is_explained():
    assert set(MEANINGS) == set(METHODS)
    text = explained({"gold": "file", "queries_left_out": 1})
    assert text.endswith("left out for want of a relevant passage: 1.")


@pytest.mark.parametrize(
    ("gold", "said"),
    [
        ({"method": "guess"}, "`gold.method`: is 'guess', expected one of known_item"),
        ({"method": "file"}, "`gold.file`: is None, expected a file of judgements"),
        (
            {"method": "file", "file": "gone.txt"},
            "`gold.file`: is gone.txt, expected a file of judgements",
        ),
        (
            {"method": "embedder"},
            "`gold.embedder.source`: is null, but the method is embedder",
        ),
        (
            {"embedder": EMBEDDER | {"source": "results/main/export"}},
            "`gold.embedder.source`: is results/main/export, whose card tells of",
        ),
        (
            {"method": "teacher_pool", "systems": ["x"]},
            "`gold.systems`: names the system x, which evaluate.systems lacks",
        ),
        ({"thresholds": [2, 1]}, "`gold.thresholds`: is [2, 1], expected ascending"),
        ({"depth": 2000}, "`gold.depth`: is 2000, more than evaluate.depth (1000)"),
        (
            {"method": "llm_judge"},
            "`gold.judge.backend`: is null, but queries.backend is extractive, which",
        ),
        (
            {"sheet": {"judged": ["none.csv"]}},
            "`gold.sheet.judged`: names none.csv, which is no file",
        ),
        (
            {"sheet": {"judged": "./results/main/gold/sheet.csv"}},
            "`gold.sheet.judged`: names ./results/main/gold/sheet.csv, which is made ",
        ),
        ({"sheet": {"judged": []}}, "`gold.sheet.judged`: is [], expected at least 1"),
        ({"sheet": {"separator": "|"}}, "`gold.sheet.separator`: is '|', expected one"),
    ],
)
def test_a_gold_standard_that_cannot_be_is_refused(gold, said):
    config = DEFAULTS | {"datasets": {"d": {"example": {"cases": 9, "volumes": 3}}}}
    with pytest.raises(InputError) as caught:
        check_config(config | {"gold": laid_over(DEFAULTS["gold"], gold)})
    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("judge", "backend", "said"),
    [
        ({"prompt": "no.txt"}, "openai", "`gold.judge.prompt`: names no.txt, which is"),
        (
            {"model": "gpt"},
            "local",
            "`gold.judge.model`: is gpt, expected the directory of a causal model",
        ),
        (
            {"budget": {"money": 1}},
            "openai",
            "`gold.judge.budget.money`: is given, but all prices are 0; set gold.judge",
        ),
        (
            {"backend": "local"},
            "openai",
            "`gold.judge.model`: is None, expected the directory of a causal model",
        ),
        ({"tries": 0}, "openai", "`gold.judge.tries`: is 0, expected at least 1"),
    ],
)
def test_a_language_model_that_cannot_judge_is_refused(
    tmp_path, monkeypatch, judge, backend, said
):
    monkeypatch.chdir(ROOT)
    gold = {"method": "llm_judge", "judge": judge}
    local = str(tmp_path) if backend == "local" else None
    queries = {"backend": backend, "local": {"model": local}}
    config = DEFAULTS | {
        "datasets": {"d": {"example": {"cases": 9, "volumes": 3}}},
        "gold": laid_over(DEFAULTS["gold"], gold),
        "queries": laid_over(DEFAULTS["queries"], queries),
    }
    with pytest.raises(InputError) as caught:
        check_config(config)
    assert said in str(caught.value)


def test_a_window_is_no_near_duplicate_of_the_next():
    config = DEFAULTS | {"datasets": {"d": {"example": {"cases": 9, "volumes": 3}}}}
    windows = {"method": "windows", "window_overlap": 200}
    with pytest.raises(InputError, match=r"`gold\.duplicate_jaccard`: is 0\.4, exp"):
        check_config(config | {"documents": DEFAULTS["documents"] | windows})


QUERIES = finder("query", [("q1", "Vem ägde  kvarnen?"), ("q2", "Arv")])
PASSAGES = finder(
    "passage", [("a", "Kvarnen är\nJons"), ("b", "KVARNEN är Jons"), ("c", "Arvet")]
)


def written(path, *lines):
    lines = [line if isinstance(line, str) else json.dumps(line) for line in lines]
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return path


def test_qrels_are_read_as_they_stand(tmp_path):
    path = written(tmp_path / "qrels", "q1 0 c 2", "q1 0 a 0", "q2 0 b -2")
    assert not holds_rankings(path)
    judged = read_judgements(path, QUERIES, PASSAGES)
    assert judged == {"q1": {"c": 2, "a": 0}, "q2": {"b": 0}}


def test_ranked_documents_are_known_by_text_or_id(tmp_path):
    path = written(
        tmp_path / "ranked",
        {
            "query": "vem ägde kvarnen?",
            "documents": [
                {"id": "c", "score": 0.9},
                # Two passages have this text: the first by id is meant.
                {"text": "Kvarnen  är Jons", "score": 0.9},
                "a",
            ],
        },
        {"query": "q2", "documents": ["Arvet"], "more": 1},
    )
    assert holds_rankings(path)
    assert list(queries_of(path, None)) == ["vem ägde kvarnen?", "q2"]
    judged = read_judgements(path, QUERIES, PASSAGES)
    assert judged == {"q1": {"c": 3, "a": 2}, "q2": {"c": 1}}


BAD = [
    ("q1 0 z 1", "names the passage 'z', which the collection lacks"),
    ("q9 0 a 1", "names the query 'q9', which the collection lacks"),
    ("q1 0 a 1", "judges the passage a again for its query"),
]
BAD_RANKINGS = [
    ({"query": "q9", "documents": ["a"]}, "names the query 'q9', which the coll"),
    ({"query": "q2", "documents": ["z" * 99]}, f"passage '{'z' * 60}…', which the"),
    ({"query": "q2", "documents": []}, "`documents`: is not a list of documents"),
    ({"query": "q2", "documents": [7]}, "`documents`: has an entry that is neither"),
    ({"query": "q2"}, "`documents`: is not a list of documents"),
    ({"documents": ["a"]}, "`query`: is missing, expected a text"),
    (
        {
            "query": "q2",
            "documents": [{"id": "a", "score": 1}, {"id": "c", "score": 2}],
        },
        "`documents`: has scores that are not descending",
    ),
    ("[]", "the line is a JSON list"),
]


@pytest.mark.parametrize(
    ("first", "line", "reason"),
    [
        *(("q1 0 a 3", line, reason) for line, reason in BAD),
        *(
            ({"query": "q1", "documents": ["a"]}, line, reason)
            for line, reason in BAD_RANKINGS
        ),
    ],
)
def test_what_the_collection_lacks_stops_or_is_set_aside(tmp_path, first, line, reason):
    path = written(tmp_path / "judged", first, line)
    with pytest.raises(InputError) as caught:
        read_judgements(path, QUERIES, PASSAGES)
    assert caught.value.line == 2
    assert reason in str(caught.value)
    rejected = []
    judged = read_judgements(path, QUERIES, PASSAGES, rejected)
    assert judged["q1"] == {"a": 3 if isinstance(first, str) else 1}
    (one,) = rejected
    assert one["line"] == 2
    assert reason in one["reason"]


def test_a_file_about_something_else_is_refused(tmp_path):
    path = written(tmp_path / "judged", "x 0 y 1")
    with pytest.raises(InputError, match="holds no judgement of this collection"):
        read_judgements(path, QUERIES, PASSAGES, [])
