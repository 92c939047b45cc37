"""Each job that runs a model leaves what the next would otherwise compute again."""

from __future__ import annotations

import json
import re

import pytest
from project import Project

TINY = {
    "embedder": {"source": "tiny", "revision": None},
    "reranker": {"source": "tiny", "revision": None},
}


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    project = Project(tmp_path_factory.mktemp("project"))
    (project.folder / "volumes" / "v1").mkdir(parents=True)
    row = {"query": "q", "pos": ["p"]}
    (project.folder / "pairs.jsonl").write_text(json.dumps(row) + "\n")
    return project


def jobs(project, **settings):
    """By the output of each job what other jobs make for it, and its command."""
    config = project.configure(
        datasets={"d": {"pairs": "pairs.jsonl"}, "v": {"pages": "volumes"}},
        models=TINY,
        queries={"round_trip": {"by": "dense"}},
        **settings,
    )
    done = project.dry_run("-p", "--configfile", config)
    assert done.returncode == 0, done.stdout
    found = {}
    for block in done.stdout.replace("results/main/", "").split("\n\n"):
        inputs = re.search("Input files updated by another job: (.*)", block)
        command = re.search(r"python .* --output (\S+).*", block)
        if command:
            names = inputs[1].split(", ") if inputs else []
            found[command[1]] = names, command[0]
    return found


def systems_of(asked):
    """Systems of type m3 in the words MODEL-MODE, instead of those of the defaults."""
    modes = "dense", "sparse", "multi_vector", "combined"
    systems = {f"{model}_{mode}": None for model in ("base", "tuned") for mode in modes}
    for model, mode in (name.split("-") for name in asked.split()):
        systems[f"{model}_{mode}"] = {"type": "m3", "model": model, "mode": mode}
    return {
        "evaluate": {
            "systems": systems,
            "compare": dict.fromkeys(f"tuned_{mode}" for mode in modes),
            "spelling": {"queries": 0},
        },
        "report": {"systems": ["bm25"]},
    }


@pytest.mark.parametrize(
    ("asked", "kept"),
    [
        ("base-dense tuned-sparse round_2-dense", set()),
        ("base-multi_vector tuned-dense", {"queries/v.jsonl", "mining/"}),
        ("base-sparse", {"queries/v.jsonl", "mining/"}),
        ("base-combined round_2-combined", {"queries/v.jsonl", "mining/", "rounds/3/"}),
        ("round_1-sparse tuned-dense", {"rounds/2/"}),
    ],
)
def test_token_weights_are_kept_of_the_models_that_are_asked_for_them(
    project, asked, kept
):
    found = jobs(project, rounds=3, **systems_of(asked))
    told = {output for output, (_, said) in found.items() if "--keep-weights" in said}
    assert told == {
        output
        for output in found
        if (output.startswith(tuple(kept)) and "/embeddings/" in output)
        or output in kept
    }
    assert bool(told) == bool(kept)
    scored = [said for _, said in found.values() if "--multi-vector" in said]
    assert bool(scored) == ("multi_vector" in asked or "combined" in asked)
    assert "weights/" not in " ".join(said for _, said in found.values())


def test_candidates_are_scored_where_a_model_encodes_if_a_system_reranks(project):
    """By what the configuration names, with the runs of what the model cannot search.

    Queries that no respelling changed are encoded with the others.
    """
    candidates = ["dense", "bm25"]
    found = jobs(
        project,
        evaluate={
            "candidates": candidates,
            "rerank_depth": 7,
            "spelling": {"systems": ["tuned_combined"]},
        },
    )
    scored = "--multi-vector --rerank-depth 7 --candidates dense bm25"
    for where, model in (("", "base"), ("", "tuned"), ("spelling/", "tuned")):
        before, command = found[f"{where}encodings/{model}"]
        assert scored in command
        assert f"--runs bm25={where}runs/bm25.trec" in command
        assert f"{where}runs/bm25.trec" in before
        assert ("encodings/tuned" in before) == bool(where)
    # Ranking by a mode runs no model.
    commands = [said for _, said in found.values() if "retrieve.py m3" in said]
    assert len(commands) == 8 + 1
    assert not [said for said in commands if "--model" in said or "--cache" in said]


def test_weights_are_learnt_by_dev_queries_in_what_is_encoded(project):
    """Of the systems that say so, and of what these build on."""
    mixed = {"type": "fusion", "systems": ["bm25", "tuned_combined"], "weights": "auto"}
    again = {"type": "m3", "model": "tuned", "mode": "combined"}
    found = jobs(
        project,
        evaluate={
            "weights": "auto",
            # As the defaults have one of the tuned model, by another name.
            "systems": {"mixed": mixed, "again": again},
            "spelling": {"queries": 0},
        },
    )
    learnt = {
        f"weights/{name}.json"
        for name in ("again", "base_combined", "mixed", "tuned_combined")
    }
    assert {name for name in found if name.startswith("weights/")} == learnt
    for name in learnt:
        run = f"runs/{name[8:-5]}.trec"
        assert f"--weights-of {name}" in found[run][1]
        assert "--weights " not in found[run][1]
    for model in ("base", "tuned"):
        command = found[f"dev/encodings/{model}"][1]
        assert f"--encodings encodings/{model}" in command
        assert "--queries dev/collection/queries.jsonl" in command
        assert "--multi-vector" in command
    assert (
        "--runs dev/runs/bm25.trec dev/runs/tuned_combined.trec"
        in (found["weights/mixed.json"][1])
    )
    assert "weights/tuned_combined.json" in found["dev/runs/tuned_combined.trec"][0]
    assert "dev/runs/base_combined.trec" not in found
    plain = jobs(project)
    assert "weights/" not in " ".join(said for _, said in plain.values())
    # In training dev queries are measured by the weights of the defaults.
    assert found["model"][1] == plain["model"][1]
    # Nor is ranked anew what adds up nothing.
    weighed = {name for name, (_, said) in plain.items() if "--weights " in said}
    assert {name for name in weighed if "runs/" in name} == {
        *(f"runs/{model}_combined.trec" for model in ("base", "tuned")),
        "spelling/runs/tuned_combined.trec",
    }
    assert "--weights-of weights/tuned_combined.json --" in found["export"][1]


def test_weights_without_dev_queries_are_refused(project):
    pairs = {"shares": {"train": 0.8, "dev": 0, "test": 0.2}}
    config = project.configure(
        datasets={"d": {"pairs": "pairs.jsonl"}},
        pairs=pairs,
        evaluate={"weights": "auto"},
    )
    done = project.dry_run("--configfile", config)
    assert done.returncode != 0
    assert "`evaluate.weights`: is auto, which dev queries decide, but" in done.stdout
