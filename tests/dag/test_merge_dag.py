"""A merged model is the tuned one of all that follows; without it nothing changes."""

from __future__ import annotations

import json
import re

import pytest
from hollow import build_hollow
from project import Project


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    project = Project(tmp_path_factory.mktemp("project"))
    for name in ("pairs", "people", "general"):
        row = {"query": f"{name} q", "pos": ["p"]}
        (project.folder / f"{name}.jsonl").write_text(json.dumps(row) + "\n")
    build_hollow(project.folder / "bare")
    build_hollow(project.folder / "other run")
    build_hollow(project.folder / "results/main/model")
    return project


def planned(project, *words, **settings):
    """What a dry run prints."""
    given = {"d": {"pairs": "pairs.jsonl"}, **settings.pop("datasets", {})}
    config = project.configure(
        datasets=given,
        models={
            "embedder": {"source": "bare", "revision": None},
            "reranker": {"source": "tiny", "revision": None},
        },
        **settings,
    )
    return project.dry_run("-p", *words, "--configfile", config)


def commands(project, **settings):
    done = planned(project, **settings)
    assert done.returncode == 0, done.stdout
    return re.findall(r"python .*/(\w+)\.py (.*)", done.stdout)


def test_the_merged_model_is_the_tuned_one_of_all_that_follows(project):
    watch = {"evaluation": {"general": "general.jsonl"}}
    found = commands(project, merge={"with": "base"}, rounds=2, train=watch, run="one")
    (merge,) = (words for name, words in found if name == "merge_models")
    assert "--model results/one/rounds/2/model --other bare --name base" in merge
    assert "--base --merge-weights auto" in merge
    assert "--dev results/one/pairs/d/dev.jsonl" in merge
    assert "--evaluation-general general.jsonl" in merge
    for program, folder in (
        ("encode_collection", "encodings/tuned"),
        ("export_model", "export"),
        ("write_report", "report.html"),
    ):
        (words,) = (
            words
            for name, words in found
            if name == program and f"--output results/one/{folder}" in words
        )
        assert "--model results/one/merged/model" in words, program
    # The next round goes on from what was learnt, not from the average.
    trained = [words for name, words in found if name == "train_model"]
    assert ["merged/model" in words for words in trained] == [False, False]


def test_test_queries_of_other_sources_choose_nothing(project):
    """As they are not watched in training either."""
    people = {"pairs": "people.jsonl", "role": "test"}
    found = dict(commands(project, merge={"with": "base"}, datasets={"people": people}))
    for program in ("train_model", "merge_models"):
        assert "--dev results/main/pairs/d/dev.jsonl --" in found[program]
        assert "--corpus results/main/pairs/d/corpus.jsonl --" in found[program]


def test_without_it_no_command_has_anything_of_it(project):
    found = commands(project)
    assert found
    for name, words in found:
        assert name != "merge_models"
        assert "merged" not in words


def test_another_model_and_a_weight_need_no_dev_queries(project):
    shares = {"shares": {"train": 0.7, "dev": 0, "test": 0.3}}
    given = {"with": "other run", "weights": 0.6}
    found = commands(project, merge=given, pairs=shares)
    (merge,) = (words for name, words in found if name == "merge_models")
    assert "--other 'other run' --name 'other run' --merge-weights 0.6" in merge
    assert "--dev" not in merge
    assert "--base" not in merge


@pytest.mark.parametrize(
    ("merge", "said"),
    [
        (
            {"with": "gone", "weights": 1},
            "`merge.with`: is gone, expected base, or a model directory",
        ),
        ({"with": "results/main/model", "weights": 0}, "which this run makes itself"),
        (
            {"with": "base", "weights": 1.2},
            "`merge.weights`: is 1.2, expected auto or a number from 0 to 1",
        ),
        ({"width": "base"}, "`merge.width`: is not a configuration key; did you mean"),
        ({"with": "base"}, "`merge.weights`: is auto, which dev queries decide"),
    ],
)
def test_what_will_not_do_is_said_before_any_job(project, merge, said):
    shares = {"shares": {"train": 0.7, "dev": 0, "test": 0.3}}
    done = planned(project, merge=merge, pairs=shares)
    assert done.returncode != 0
    assert said in done.stdout
    assert "Traceback" not in done.stdout


def test_the_general_set_is_searched_and_measured_as_the_test_set_is(project):
    watch = {"evaluation": {"general": "general.jsonl"}}
    found = commands(project, train=watch)
    within = "results/main/general"
    (built,) = (words for name, words in found if name == "build_general")
    assert f"--general general.jsonl --corpus {within}/collection/corpus.jsonl" in built
    searched = [
        words
        for name, words in found
        if name in ("encode_collection", "retrieve") and f"--output {within}" in words
    ]
    # Two models, and each of them by its modes: the base has no heads.
    assert len(searched) == 2 + 1 + 4
    for words in searched:
        assert "results/main/collection" not in words
        assert " results/main/encodings" not in words
        assert f"--queries {within}/collection/queries.jsonl" in words
        assert f"--corpus {within}/collection/corpus.jsonl" in words
    (measured,) = (
        words
        for name, words in found
        if name == "measure_runs" and f"--output {within}/metrics/metrics.json" in words
    )
    assert f"--qrels {within}/collection/qrels.txt" in measured
    assert f"tuned_dense={within}/runs/tuned_dense.trec" in measured
    assert "tuned_dense=base_dense tuned_sparse=base_dense" in measured


def test_where_no_general_set_is_given_none_is_searched(project):
    for name, words in commands(project):
        assert name != "build_general"
        assert "/general/" not in words
