"""Where verdicts on another run come from, and what is made of them."""

import json
import re

import pytest
from project import Project

from arkiv.base.errors import InputError
from arkiv.settings.config import check_config, completed
from arkiv.settings.datasets import following

TINY = {
    "embedder": {"source": "tiny", "revision": None},
    "reranker": {"source": "tiny", "revision": None},
}
JUDGED = "results/judged run/judgements.jsonl"


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    project = Project(tmp_path_factory.mktemp("project"))
    row = {"query": "q", "pos": ["p"]}
    (project.folder / "p.jsonl").write_text(json.dumps(row) + "\n")
    judged = (project.folder / JUDGED).parent
    (judged / "collection").mkdir(parents=True)
    for name in ("judgements", "collection/corpus", "collection/queries"):
        (judged / f"{name}.jsonl").touch()
    return project


def commands(project, target, datasets, **settings):
    """The commands of each program that a target would run, by what they write."""
    config = project.configure(datasets=datasets, models=TINY, **settings)
    return project.commands(target, config)


def test_verdicts_are_learnt_from_beside_what_is_divided(project):
    """Their negatives are kept and filled up; nothing of them is searched or watched,
    and no search has a say in whether they are learnt from."""
    found = commands(
        project,
        "report",
        {
            "p": {"pairs": "p.jsonl"},
            "people": {"pairs": "p.jsonl", "role": "test"},
            "clicks": {"judgements": JUDGED},
        },
        pairs={"round_trip": {"by": "bm25"}},
        evaluate={"weights": "auto"},
    )
    (words,) = found["pair_verdicts"]
    held_out = [
        f"results/main/pairs/{name}/{side}.jsonl"
        for name in ("p", "people")
        for side in ("dev", "test")
    ]
    assert f"--held-out {' '.join(held_out)} " in words
    assert f"--judgements '{JUDGED}' --corpus 'results/judged run/collection/" in words
    division = {
        re.search(r"--corpus \S*/pairs/(\w+)/", one)[1]: one
        for one in found["split_pairs"]
    }
    mining = "results/main/pairs/p/mining.jsonl"
    clicks = division["clicks"]
    assert f"--input results/main/verdicts/clicks.jsonl --pool {mining} " in clicks
    assert "--role train" in clicks
    assert "clicks" not in division["p"]
    (filtered,) = found["filter_pairs"]
    assert "pairs/p/train.jsonl" in filtered
    kept = [words for words in found["pick_negatives"] if "--keep-given" in words]
    assert ["pairs/clicks/train.jsonl" in words for words in kept] == [True]
    for name in ("build_collection", "train_model", "fit_weights"):
        assert all("pairs/clicks" not in words for words in found[name])
    assert all("shards/clicks_len" in words for words in found["train_model"])
    (page,) = found["write_report"]
    assert "--verdicts clicks=results/main/verdicts/clicks.stats.json" in page


def test_verdicts_may_be_all_there_is_or_test_queries(project):
    found = commands(project, "queries", {"clicks": {"judgements": JUDGED}})
    (words,) = found["split_pairs"]
    assert "--pool 'results/judged run/collection/corpus.jsonl' " in words
    assert "--role" not in words
    people = {"judgements": JUDGED, "role": "test"}
    found = commands(project, "queries", {"p": {"pairs": "p.jsonl"}, "people": people})
    (words,) = found["pair_verdicts"]
    assert "--role test" in words
    assert "--corpora" not in words
    of_p, of_people = sorted(found["split_pairs"], key=lambda one: "--role" in one)
    assert "--held-out results/main/verdicts/people.jsonl " in of_p
    assert "--role test" in of_people
    # Without another, the first is divided, and the next goes by it.
    assert following(
        {"a": people, "b": {"judgements": "x"}, "c": {"judgements": "y"}}
    ) == ["c"]


@pytest.mark.parametrize(
    ("path", "run", "why"),
    [
        ("judged/collection", "main", "is a directory, expected the file"),
        ("judged/judgements.jsonl", "main", r"there is no .*collection/queries\.jsonl"),
        ("results/main/judgements.jsonl", "main", "of this very run"),
    ],
)
def test_verdicts_without_what_was_judged_are_refused(
    tmp_path, monkeypatch, path, run, why
):
    monkeypatch.chdir(tmp_path)
    for name in ("judged", "results/main"):
        (tmp_path / name / "collection").mkdir(parents=True)
        (tmp_path / name / "judgements.jsonl").touch()
    (tmp_path / "judged/collection/corpus.jsonl").touch()
    config = {"run": run, "datasets": {"clicks": {"judgements": path}}}
    with pytest.raises(InputError, match=rf"`datasets\.clicks\.judgements`: .*{why}"):
        check_config(completed(config | {"models": TINY}))
