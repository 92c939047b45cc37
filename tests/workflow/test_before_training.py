"""A baseline before any training, and the whole run after it."""

import pytest
from project import ONE_PART, Project, job_counts, small

from arkiv.base.files import read_json
from benchmarks.harness import Run
from benchmarks.quality.pipeline import outcome
from benchmarks.quality.results import by_query

TRAINING = {
    "embed_corpus",
    "embed_queries",
    "search_corpus",
    "pick_negatives",
    "score_pairs",
    "split_by_length",
    "train_model",
}


# The models of the run, as embedders.
ALONE = {
    f"{model}_alone": {"type": "embedder", "model": model}
    for model in ("base", "tuned")
}


@pytest.fixture(scope="module")
def measured(models, tmp_path_factory):
    """A project in which the baseline has run, its configuration and what was said."""
    project = Project(tmp_path_factory.mktemp("project"))
    evaluate = small(models)["evaluate"]
    config = project.configure(
        **small(
            models,
            datasets={"court": {"example": {"cases": 80, "volumes": 10}}},
            parts=ONE_PART,
            evaluate=evaluate
            | {
                "systems": evaluate["systems"] | ALONE,
                "require": [
                    {"system": "bm25", "measure": "AP", "at_least": 0.01},
                    {"system": "tuned_dense", "measure": "AP", "at_least": 2},
                ],
                "spelling": {"queries": 10},
            },
        )
    )
    done = project.snakemake("baseline", "--configfile", config)
    assert done.returncode == 0, done.stdout[-5000:]
    return project, config, done.stdout


def test_a_baseline_is_measured_before_anything_is_mined(measured):
    project, _, said = measured
    assert not TRAINING & job_counts(said).keys()
    run = project.folder / "results/small"
    for name in ("mining", "negatives", "scores", "shards", "model", "report.html"):
        assert not (run / name).exists()
    metrics = read_json(run / "baseline/metrics/metrics.json")
    assert set(metrics["systems"]) == {"bm25", "base_dense", "base_alone"}
    # In place of the tuned one, which the configuration compares with both.
    (pair,) = metrics["comparisons"]
    assert (pair["system"], pair["base"]) == ("base_dense", "bm25")
    # What is required of a tuned system is not looked at.
    assert [one["system"] for one in metrics["requirements"]] == ["bm25"]
    assert {path.stem for path in (run / "runs").iterdir()} == set(metrics["systems"])
    report = (run / "baseline/report.html").read_text(encoding="utf-8")
    assert "A baseline, before any training." in report
    for title in ("Training", "Negatives", "Lengths"):
        assert f">{title}</h" not in report
    assert "the model was trained" not in report


def test_the_whole_run_takes_what_the_baseline_has_made(measured):
    project, config, _ = measured
    run = project.folder / "results/small"
    before = {
        path: path.stat().st_mtime_ns
        for path in run.rglob("*")
        if path.is_file() and "logs" not in path.parts
    }
    counts = project.planned("evaluate", "--configfile", config)
    assert counts.keys() >= TRAINING
    assert "build_collection" not in counts
    assert "retrieve_bm25" not in counts
    # Of the tuned model alone, and its respelled queries.
    assert counts["encode_collection"] == 2
    done = project.snakemake("evaluate", "--configfile", config)
    assert done.returncode == 0, done.stdout[-5000:]
    whole, alone = (
        read_json(run / f"{measured}metrics/metrics.json")
        for measured in ("", "baseline/")
    )
    for system, of in alone["systems"].items():
        assert {name: value["mean"] for name, value in of.items()} == {
            name: value["mean"] for name, value in whole["systems"][system].items()
        }
    for model in ("base", "tuned"):
        for name, value in whole["systems"][f"{model}_dense"].items():
            as_embedder = whole["systems"][f"{model}_alone"][name]["mean"]
            assert as_embedder == pytest.approx(value["mean"], abs=0.02)
    kept = [path for path, time in before.items() if path.stat().st_mtime_ns == time]
    assert {run / "baseline/report.html", run / "runs/bm25.trec"} <= set(kept)
    assert run / "baseline/metrics/metrics.json" in kept
    # And the baseline stands as it is.
    assert project.planned("baseline", "--configfile", config) == {}
    # The run has all that `python -m benchmarks quality` keeps of its own.
    kept = outcome(run, Run(wall=1, cpu=2, memory=3))
    assert kept["training"]["steps"] == kept["settings"]["train.args.max_steps"] == 4
    assert kept["pairs"]["searched"] == kept["pairs"]["passages"]
    assert kept["metrics"]["systems"] == whole["systems"]
    assert {job["stage"] for job in kept["jobs"]} >= {"mining", "train", "retrieve"}
    assert by_query(run).keys() == whole["systems"].keys()
