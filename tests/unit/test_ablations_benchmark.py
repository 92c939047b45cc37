"""`python -m benchmarks ablations`: its sides, its variants, its table."""

from dataclasses import asdict

import numpy as np
import pytest
from bodies import build_body
from project import ROOT

from arkiv.base.files import read_json, write_json, write_records
from arkiv.settings.config import read_config
from benchmarks.__main__ import main
from benchmarks.harness import Run
from benchmarks.quality import ablations, run
from benchmarks.quality.ablation_results import (
    SYSTEMS,
    altogether_better,
    averaged,
    compared,
    listed,
    losses,
)
from benchmarks.quality.pipeline import configuration

ROWS = [{"query": f"q{n}", "pos": [f"passage {n // 2}"]} for n in range(600)]


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    folder = tmp_path_factory.mktemp("model") / "body"
    build_body(folder, "bert")
    return folder


def test_rows_of_a_passage_have_one_side_whatever_their_order():
    rows = ablations.sided(ROWS)
    sides = {row["query"]: row["split"] for row in rows}
    by_passage = {}
    for row in rows:
        by_passage.setdefault(row["pos"][0], set()).add(row["split"])
    assert all(len(found) == 1 for found in by_passage.values())
    again = ablations.sided(ROWS[::-1])
    assert {row["query"]: row["split"] for row in again} == sides
    counts = {side: list(sides.values()).count(side) / 600 for side in sides.values()}
    assert counts == {
        "test": pytest.approx(0.3, abs=0.06),
        "dev": pytest.approx(0.084, abs=0.04),
        "train": pytest.approx(0.616, abs=0.08),
    }


def test_test_rows_that_are_given_stay_test_rows():
    given = [
        row | {"split": "test" if n % 3 else "train"} for n, row in enumerate(ROWS)
    ]
    tested = {row["query"] for row in given if row["split"] == "test"}
    found = ablations.sided(given)
    assert {row["query"] for row in found if row["split"] == "test"} == tested
    assert {row["split"] for row in found} == {"train", "dev", "test"}


@pytest.mark.parametrize("language", ["swedish", "english"])
def test_every_variant_is_a_valid_run_and_differs_in_its_means_alone(
    language, model, tmp_path
):
    pairs = tmp_path / "pairs.jsonl"
    write_records(pairs, ROWS[:1])
    given = tmp_path / "given.yaml"
    configs = {}
    for name, means in ablations.variants(language).items():
        write_json(given, configuration("own", pairs, model, language, quick=True))
        own = ablations.laid_over(ablations.common(name, language, pairs), means)
        write_json(tmp_path / "own.yaml", own)
        configs[name] = read_config([given, tmp_path / "own.yaml"])
    plain = configs["plain"]["train"]
    assert plain["mask"] == {"near": False, "guide": "none", "margin": 0.0}
    assert plain["augment"]["noise"] == 0
    assert configs["guide"]["train"] == plain | {
        "mask": plain["mask"] | {"guide": "base"},
        "evaluation": configs["guide"]["train"]["evaluation"],
    }
    assert configs["together"]["merge"]["with"] == "base"
    assert configs["round_trip"]["pairs"]["round_trip"]["by"] == "either"
    spelling = configs["together"]["train"]["augment"]["spelling"]
    assert list(spelling) == (["old", "modern"] if language == "swedish" else [])


def run_of(variant, seed, first, noise, cpu=10.0, systems=SYSTEMS[:3]):
    """What is kept of a run, in which all systems find alike."""
    return {
        "variant": variant,
        "seed": seed,
        "first": dict.fromkeys(systems, listed(first)),
        "lost": {name: dict.fromkeys(systems, noise) for name in ("old", "noise 10%")},
        "cpu": cpu,
        "training": {"seconds": 3.0},
    }


def test_a_variant_is_set_beside_the_plain_one_query_by_query():
    draw = np.random.default_rng(3)
    plain = draw.random((2, 40)) / 2
    gain = draw.random((2, 40)) / 4
    runs = {
        "plain": [run_of("plain", s, list(plain[s]), -0.4) for s in (0, 1)],
        "noise": [run_of("noise", s, list(plain[s] + gain[s]), -0.1) for s in (0, 1)],
    }
    assert averaged(runs["plain"], "tuned_dense")[:, 0] == pytest.approx(
        plain.mean(0), abs=1e-4
    )
    of = compared(runs, "nDCG@10")
    change = of["comparisons"][0]["difference"]["nDCG@10"]
    assert of["comparisons"][0]["base"] == "plain tuned_dense"
    assert change["mean"] == pytest.approx(gain.mean(), abs=1e-4)
    assert 0 < change["low"] < change["mean"] < change["high"]
    table = list(losses(runs, "nDCG@10", "english"))
    assert table[-2] == "| noise | -0.100 (0.25) | -0.100 (0.25) | -0.100 (0.25) |"
    assert "old" in next(iter(losses(runs, "nDCG@10", "swedish")))


def test_all_together_is_set_beside_each_search_of_the_plain_model():
    found, more = [0.5, 0.25, 0.0, 0.25], [0.5, 0.75, 0.5, 0.75]
    runs = {
        "plain": [run_of("plain", 1, found, -0.4, systems=SYSTEMS)],
        "near": [run_of("near", 1, found, -0.4)],
        "together": [run_of("together", 1, more, -0.1, systems=SYSTEMS)],
    }
    lines = list(altogether_better(runs, "nDCG@10", "swedish"))
    assert len(lines) == 3
    assert lines[0].startswith(
        "- together tuned_hybrid over plain tuned_dense: nDCG@10"
    )
    assert "+0.375" in lines[0]
    assert lines[0].endswith("lost by old -0.100 (0.25), noise 10% -0.100 (0.25).")
    # What ran before there was such a system has nothing to say of it.
    rows = [line for line in losses(runs, "nDCG@10", "english") if "near" in line]
    assert rows == [f"| near |{' -0.400 (1.00) |' * 3}  |"]
    del runs["together"]
    assert not list(altogether_better(runs, "nDCG@10", "swedish"))


def test_runs_that_are_done_are_not_done_again(model, tmp_path, monkeypatch, capsys):
    write_records(tmp_path / "letters.jsonl", ROWS)
    ran = []

    cost = {"difference": {"tuned_dense": {"nDCG@10": {"mean": -0.2}}}}
    left = {
        "metrics": {"measures": ["nDCG@10"], "queries": 3},
        "pairs": {"train": 5, "searched": 8, "set_aside": {}},
        "training": {"rows": 5, "steps": 2, "epochs": 1.0, "seconds": 3.0},
        "spelling": {"variants": [{"name": "noise 10%", **cost}]},
        "settings": {"train.processes": 1},
        "general": {},
        "merge": {},
    }

    def outcome(places, taken):
        return asdict(taken) | left

    def pipeline(folder, config, own):
        ran.append(config["run"])
        (folder / "results" / config["run"] / "cache").mkdir(
            parents=True, exist_ok=True
        )
        return folder / "results" / config["run"], Run(3.0, 2.0, 1.0)

    systems = ("tuned_dense", "tuned_combined", "tuned_fusion")
    found = {system: {q: [0.5, 1.0] for q in "abc"} for system in systems}
    monkeypatch.setattr(ablations, "run_pipeline", pipeline)
    monkeypatch.setattr(ablations, "outcome", outcome)
    monkeypatch.setattr(ablations, "by_query", lambda places: found)
    monkeypatch.setattr(run, "HERE", tmp_path)
    words = ["--model", model, "--pairs", tmp_path / "letters.jsonl"]
    words += ["--folder", tmp_path / "runs", "--variant", "plain", "noise"]
    assert main(["ablations", *map(str, words), "--seeds", "1"]) == 0
    assert ran == ["plain-42", "noise-42"]
    assert main(["ablations", *map(str, words), "--seeds", "2"]) == 0
    assert ran == ["plain-42", "noise-42", "plain-43", "noise-43"]
    held = read_json(tmp_path / "results/ablations-letters.json")
    assert [run["seed"] for run in held["runs"]] == [42, 42, 43, 43]
    assert str(tmp_path) not in str(held)
    assert str(ROOT) not in str(held)
    assert main(["ablations", *map(str, words[:-1]), "--seeds", "1"]) == 0
    assert len(ran) == 4
    again = read_json(tmp_path / "results/ablations-letters.json")
    assert sorted(run["key"] for run in again["runs"]) == sorted(
        run["key"] for run in held["runs"]
    )
    said = capsys.readouterr().out
    assert "| noise | 0.500 +0.000" in said
    assert "- noise is `train.augment.noise: 0.1`." in said
