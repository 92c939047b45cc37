"""The doctor on a real SLURM: all well, each fault of the profile, a partition file."""

from __future__ import annotations

import json
import sys

import pytest
import yaml
from project import small

from slurm.conftest import ClusterProject, last_job


@pytest.fixture
def project(cluster, tmp_path_factory) -> ClusterProject:
    """A project that has not run."""
    project = ClusterProject(tmp_path_factory.mktemp("doctor") / "project", cluster)
    archive = {"court": {"example": {"cases": 60, "volumes": 6}}}
    project.configure(**small("models", datasets=archive))
    return project


def looked_over(project, *words):
    """Exit status, and what each check found, by its name."""
    done = project.cluster.run(
        *("env", "-C", project.folder, sys.executable, "scripts/check_machine.py"),
        *("--configfile", "test.yaml", "--profile", "slurm", "--json", *words),
        check=False,
        env=project.environment,
    )
    checks = json.loads(done.stdout.splitlines()[-1])["checks"]
    return done.returncode, {one["name"]: one for one in checks}


def test_all_is_well_on_the_cluster_and_on_its_nodes(project):
    status, found = looked_over(project)
    wrong = {name for name, one in found.items() if one["status"] != "ok"}
    # The GPUs of these nodes are there in name only.
    (gpu_node,) = {name.split()[0] for name in wrong}
    assert (status, wrong) == (0, {f"{gpu_node} GPU driver"}), found
    assert gpu_node in ("n1", "n2")
    for name in ("partitions", "account", "gres", "memory", "MinJobAge", "sbatch"):
        assert name in found
    assert f"{gpu_node} two processes" in found
    assert [name for name in found if name.endswith(" locks")]
    assert project.cluster.queue() == []
    assert list(project.folder.glob(".doctor-*")) == []


def test_what_the_profile_gets_wrong_is_named(project):
    project.edit(
        "profiles/slurm/config.yaml",
        **{
            "account: archive": "account: nobody",
            "cpu_partition: null": "cpu_partition: small",
            "status-checks: 7": "status-checks: 200",
            "  gpus: 1": "  gpus: 8",
        },
    )
    status, found = looked_over(project, "--no-jobs")
    assert status == 1
    for name, said in {
        "partitions": "small",
        "account": "nobody",
        "gres": "gpu:8",
        "MinJobAge": "300 s",
        "sbatch": "nvalid",
    }.items():
        assert found[name]["status"] == "fault", name
        assert said in found[name]["seen"], name
        assert found[name]["do"], name
    assert "cpu*" in found["partitions"]["do"]
    assert "archive" in found["account"]["do"]


def test_jobs_find_their_partitions_by_the_file_that_is_written(again):
    again.edit(
        "profiles/slurm/config.yaml", **{"gpu_partition: gpu": "gpu_partition: null"}
    )
    written = "partitions.yaml"
    status, found = looked_over(again, "--no-jobs", "--write-partitions", written)
    assert status == 0, found
    partitions = yaml.safe_load((again.folder / written).read_text())["partitions"]
    assert partitions["gpu"]["max_gpu"] == 2
    again.remove("mining/court/embeddings/1-of-2.npy")
    last = last_job(again.cluster)
    done = again.run("--slurm-partition-config", written, "--until", "embed_corpus")
    assert done.returncode == 0, done.stdout[-8000:]
    assert "Auto-selected partition" in done.stdout
    jobs = [one for one in again.jobs_after(last) if "embed_corpus" in one["Comment"]]
    assert [one["State"] for one in jobs] == ["COMPLETED"]
    assert "gres/gpu=1" in jobs[0]["AllocTRES"]
