"""The four environments, made from their files, and the pipeline in them.

A stand-in for conda makes a virtual environment of each (see stand-in/bin/conda).
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
import yaml
from project import ARCHIVE, small

from arkiv.files import read_json
from slurm.conftest import ClusterProject, last_job

STAND_IN = Path(__file__).parent / "stand-in" / "bin"
ENVIRONMENTS = ("data", "evaluate", "llm", "m3")


class CondaProject(ClusterProject):
    @property
    def environment(self) -> dict[str, str]:
        given = super().environment
        return given | {"PATH": f"{STAND_IN}{os.pathsep}{given['PATH']}"}


@pytest.fixture(scope="module")
def made(cluster, tmp_path_factory) -> CondaProject:
    """A project whose environments have been made, as on a login node, by conda."""
    project = CondaProject(tmp_path_factory.mktemp("conda") / "project", cluster)
    train = {"processes": 2, "args": {"max_steps": 2, "save_strategy": "no"}}
    config = small(
        "models",
        datasets=ARCHIVE,
        parts={"queries": 1, "corpus": 1, "pairs": 1},
        train=train,
    )
    config["evaluate"]["systems"] |= {"base_dense": None}
    config["evaluate"]["compare"] = dict.fromkeys(
        f"tuned_{mode}" for mode in ("dense", "sparse", "multi_vector", "combined")
    )
    config["report"] = {"systems": ["bm25", "tuned_dense"]}
    project.configure(**config)
    done = project.snakemake(
        *("--sdm", "conda", "--conda-create-envs-only", "--cores", 1),
        *("--configfile", "test.yaml"),
    )
    assert done.returncode == 0, done.stdout[-5000:]
    return project


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
