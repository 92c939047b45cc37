"""What the doctor learns of Snakemake's plan, and all it finds at fault in one run."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest
from faked import NODES, fake, fake_scontrol, fake_slurm
from project import Project, small

from arkiv.doctor.plan import Plan
from arkiv.settings.command_line import Given

TINY = {"source": "tiny", "revision": None}


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """A project that names a cluster's account and partitions."""
    project = Project(tmp_path_factory.mktemp("doctor"))
    file = project.folder / "profiles/slurm/config.yaml"
    text = file.read_text(encoding="utf-8")
    for name, value in (("account", "archive"), ("gpu_partition", "gpu")):
        assert f"{name}: null" in text
        text = text.replace(f"{name}: null", f"{name}: {value}")
    file.write_text(text.replace("longest: 4320", "longest: 2880"), encoding="utf-8")
    return project


def test_jobs_ask_for_what_rules_and_profile_say_at_both_ends(project, monkeypatch):
    monkeypatch.chdir(project.folder)
    archive = {"court": {"example": {"cases": 60, "volumes": 6}}}
    project.configure(**small("models", datasets=archive))
    plan = Plan(Given(["test.yaml"]), "slurm")
    asked = {one.rule: one for one in plan.submitted}
    training = asked["train_model"]
    assert (training.first["mem_mb"], training.last["mem_mb"]) == (16000, 48000)
    assert (training.first["runtime"], training.last["runtime"]) == (1440, 2880)
    assert training.first["gres"] == "gpu:1"
    assert training.first["slurm_partition"] == "gpu"
    assert asked["merge_documents"].first["slurm_account"] == "archive"
    assert "slurm_partition" not in asked["merge_documents"].first
    # What runs on the login node asks a cluster for nothing; nothing was made.
    assert {"prepare_model", "all"}.isdisjoint(asked)
    assert {"prepare_model", "all"} <= {one.rule for one in plan.asked}
    assert plan.jobs > len(plan.asked)
    assert not (project.folder / "results").exists()


def test_every_fault_of_a_cluster_is_named_with_its_cure(project, tmp_path):
    programs = tmp_path / "bin"
    fake_slurm(programs, gpu=NODES["gpu"].replace("gpu", "gpus"))
    fake(programs, "sacctmgr", "museum")
    fake_scontrol(programs, age=30)
    fake(programs, "sbatch", "sbatch: error: Invalid partition", status=1)
    project.configure(
        "faulty.yaml",
        datasets={"court": {"example": {"cases": 10**10, "volumes": 6}}},
        models={"embedder": TINY, "reranker": TINY},
        queries={"backend": "openai", "openai": {"base_url": "http://127.0.0.1:1/v1"}},
    )
    path = f"{programs}{os.pathsep}{os.environ['PATH']}"
    words = "--profile slurm --json --no-jobs --configfile faulty.yaml".split()
    done = subprocess.run(
        [sys.executable, "scripts/check_machine.py", *words],
        cwd=project.folder,
        env=os.environ | {"PATH": path, "OPENAI_API_KEY": "none"},
        capture_output=True,
        text=True,
    )
    checks = json.loads(done.stdout)["checks"]
    found = {one["name"]: one for one in checks if one["status"] == "fault"}
    said = {
        "room": "free at",
        "language model": "refused",
        "partitions": "no gpu",
        "account": "archive is no account",
        "MinJobAge": "after 30 s",
        "sbatch": "Invalid partition",
    }
    assert (done.returncode, done.stderr) == (1, "")
    assert found.keys() == said.keys()
    for name, one in found.items():
        assert said[name] in one["seen"], name
        assert one["do"], name
