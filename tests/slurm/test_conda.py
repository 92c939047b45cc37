"""The four environments, made from their files, and the pipeline in them."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from arkiv.base.files import read_json
from slurm.conftest import CondaProject, last_job

ENVIRONMENTS = ("data", "evaluate", "llm", "m3")


@pytest.fixture(scope="module")
def made(begun_environments) -> CondaProject:
    """A project whose environments have been made."""
    status = begun_environments.making.wait(900)
    said = (begun_environments.folder / "conda.out").read_text(encoding="utf-8")
    assert status == 0, said
    return begun_environments


def prefixes(project: CondaProject) -> dict[str, Path]:
    """Where each environment was made."""
    found = {}
    for copy in (project.folder / ".snakemake/conda").glob("*.yaml"):
        for name in ENVIRONMENTS:
            file = project.folder / "envs" / f"{name}.yaml"
            if file.read_bytes() == copy.read_bytes():
                found[name] = copy.with_suffix("")
    return found


def test_each_environment_has_its_pins_and_only_models_have_torch(made):
    there = prefixes(made)
    assert there.keys() == set(ENVIRONMENTS)
    for name, prefix in there.items():
        file = made.folder / "envs" / f"{name}.yaml"
        wanted = yaml.safe_load(file.read_text())["dependencies"][-1]["pip"]
        frozen = subprocess.run(
            [prefix / "bin/pip", "freeze"], capture_output=True, text=True, check=True
        ).stdout
        has = {line.lower().replace("+cpu", "") for line in frozen.splitlines()}
        assert {one.lower() for one in wanted} <= has, name
        assert any(one.startswith("torch==") for one in has) == (name == "m3")


def test_the_pipeline_runs_in_its_environments_on_offline_nodes(made):
    last = last_job(made.cluster)
    process = made.begin("--sdm", "conda")
    made.finish(process)
    states = {job["State"] for job in made.jobs_after(last) if job["Comment"]}
    assert states == {"COMPLETED"}
    # One node: torchrun stands alone there.
    history = read_json(made.folder / "results/small/training/history.json")
    assert (history["nodes"], history["world_size"]) == (1, 2)
    assert history["versions"]["deepspeed"]
    said = (made.results / "logs/train_model.log").read_text(encoding="utf-8")
    assert f"{prefixes(made)['m3']}/bin/python" in said
    metrics = read_json(made.results / "metrics/metrics.json")
    assert set(metrics["systems"]) == {"bm25", "tuned_dense"}


def test_the_doctor_finds_them_made_and_has_them_import(made):
    words = "scripts/check_machine.py --configfile test.yaml --json".split()
    done = subprocess.run(
        [sys.executable, *words],
        cwd=made.folder,
        env=made.environment,
        capture_output=True,
        text=True,
    )
    checks = {one["name"]: one for one in json.loads(done.stdout)["checks"]}
    for name in ENVIRONMENTS:
        assert checks[f"envs/{name}"]["status"] == "ok", checks[f"envs/{name}"]
