"""Which jobs judge the pairs before training, and set those aside that none finds."""

import json
import re

import pytest
from project import Project

TINY = {
    "embedder": {"source": "tiny", "revision": None},
    "reranker": {"source": "tiny", "revision": None},
}
SOURCES = {"p": "pairs", "n": "negatives", "s": "scores"}


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    project = Project(tmp_path_factory.mktemp("project"))
    row = {"query": "q", "pos": ["p"], "neg": ["n"]}
    for name in SOURCES:
        (project.folder / f"{name}.jsonl").write_text(json.dumps(row) + "\n")
    return project


def commands(project, target, **settings):
    """The commands of each program that a target would run."""
    datasets = {name: {kind: f"{name}.jsonl"} for name, kind in SOURCES.items()}
    config = project.configure(datasets=datasets, models=TINY, **settings)
    return project.commands(target, config)


def test_every_dataset_is_judged_for_the_audit_and_none_for_training(project):
    assert not {"judge_pairs", "embed_given", "filter_pairs"} & set(
        commands(project, "train")
    )
    found = commands(project, "audit")
    judged = sorted(found["judge_pairs"])
    assert ["--given" in words for words in judged] == [True, False, True]
    embedded = {
        "p": "mining/p/embeddings/1-of-1.npy",
        "n": "given/n/corpus.npy",
        "s": "given/s/corpus.npy",
    }
    for name, words in zip("nps", judged, strict=True):
        assert f"results/main/{embedded[name]} " in words
    assert len(found["embed_given"]) == 2
    assert "--searches n,p,s=results/main/pairs/{}/judged.json" in (
        found["plot_negatives"][0].replace("'", "").replace("p,n,s", "n,p,s")
    )


def test_later_rounds_are_not_judged_again(project):
    found = commands(project, "report", rounds=2)
    assert len(found["judge_pairs"]) == 3
    assert sorted("--searches" in words for words in found["plot_negatives"]) == [
        False,
        True,
    ]


@pytest.mark.parametrize("by", ["bm25", "either"])
def test_what_no_search_finds_is_trained_on_nowhere(project, by):
    """Dev, test and the passages that are searched stay those of the division."""
    round_trip = {"by": by, "top": 50}
    found = commands(project, "report", pairs={"round_trip": round_trip})
    assert len(found["filter_pairs"]) == 3
    for words in found["filter_pairs"]:
        assert f"--round-trip-by {by} --round-trip-top 50" in words
        assert ("--cache" in words) == (by != "bm25")
    kept = {name: f"results/main/pairs/{name}/filtered.jsonl" for name in SOURCES}
    for program in ("embed_queries", "pick_negatives"):
        assert all(f"--pairs {kept['p']} " in words for words in found[program])
    scored = {re.search(r"--pairs (\S+)", one)[1] for one in found["score_pairs"]}
    assert scored == {kept["n"], "results/main/negatives/p.jsonl"}
    splits = " ".join(found["split_by_length"])
    assert kept["s"] in splits
    for program in ("filter_pairs", "build_gold"):
        # What tests know of training is what was divided.
        assert all("/train.jsonl" in words for words in found[program])
    assert "pairs/{}/filtered.stats.json" in found["write_report"][0]
    assert "--filtered" in found["export_model"][0]


def test_switched_off_it_is_not_there(project):
    found = commands(project, "report")
    assert "filter_pairs" not in found
    for words in [words for each in found.values() for words in each]:
        assert "filtered" not in words
    config = {"round_trip": {"by": "dense"}}
    found = commands(project, "baseline", pairs=config)
    assert "filter_pairs" not in found
    assert "judge_pairs" not in found
