"""What is wrong with a cluster is named, with its cure; all ok otherwise."""

from __future__ import annotations

from logging import getLogger
from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml
from faked import CPU, NODES, asked, fake, fake_scontrol, fake_slurm
from snakemake_executor_plugin_slurm.partitions import (
    get_best_partition,
    read_partition_file,
)

from arkiv.base.errors import InputError
from arkiv.doctor import cluster, partitions
from arkiv.doctor.found import run
from arkiv.doctor.plan import Asked
from arkiv.doctor.profile import Profile
from arkiv.doctor.slurm import Slurm, gpus_of, minutes

PLANNED = (
    asked(),
    asked("train_model", gres="gpu:A100:4", nodes=2),
    Asked("split_pairs", False, 1, CPU, {**CPU, "mem_mb": 24000, "runtime": 720}),
    # It runs where Snakemake does: SLURM is asked for nothing.
    asked("prepare_model", local=True, slurm_partition="nowhere", mem_mb=10**9),
)


@pytest.fixture
def programs(tmp_path, monkeypatch) -> Path:
    """A folder that is the whole PATH, with a cluster's programs in it."""
    folder = tmp_path / "bin"
    fake_slurm(folder)
    monkeypatch.setenv("PATH", str(folder))
    return folder


def found(*planned, **settings):
    """What each check of the cluster finds, by its name."""
    given = {
        "executor": "slurm",
        "slurm-status-command": "squeue",
        "slurm-init-seconds-before-status-checks": "20",
    }
    named = {key.replace("_", "-"): value for key, value in settings.items()}
    profile = Profile(Path("profiles/slurm/config.yaml"), given | named)
    submitted = [one for one in planned or PLANNED if not one.local]
    plan = SimpleNamespace(submitted=submitted)
    looked = cluster.checks(cluster.Cluster(Slurm(), profile, plan))
    return {told.name: told for check in looked for told in run(check)}


def wrong(told):
    """The names of checks that did not go well, with their status."""
    return {name: one.status for name, one in told.items() if one.status != "ok"}


def test_all_is_well(programs):
    assert wrong(found()) == {}


def test_a_partition_that_is_not_there_is_named_with_those_that_are(programs):
    told = found(asked(slurm_partition="gpus"))
    assert wrong(told) == {"partitions": "fault"}
    assert "no gpus" in told["partitions"].seen
    assert "gpu_partition in profiles/slurm/config.yaml" in told["partitions"].do
    assert "cpu*, gpu, test, old" in told["partitions"].do


def test_a_partition_that_is_down_or_has_no_node_left_takes_no_jobs(programs):
    small = {"gres": None, "cpus_per_task": 1, "runtime": 1, "mem_mb": 10}
    told = found(asked(slurm_partition="old", **small))
    assert wrong(told) == {"partitions": "fault"}
    drained = {"cpu*": NODES["cpu*"].replace("idle", "drained*")}
    fake_slurm(programs, **drained)
    told = found(Asked("split_pairs", False, 1, CPU, CPU))
    assert wrong(told) == {"partitions": "fault"}
    assert "cpu takes no jobs" in told["partitions"].seen


def test_without_a_default_partition_one_must_be_named(programs):
    fake(programs, "sinfo", NODES["gpu"])
    told = found(Asked("split_pairs", False, 1, CPU, CPU))
    assert wrong(told) == {"partitions": "fault"}
    assert "no default" in told["partitions"].seen


def test_an_account_of_others_is_named_with_ones_own(programs):
    told = found(asked(slurm_account="museum", slurm_partition="cpu", gres=None))
    assert wrong(told) == {"account": "fault"}
    assert "museum" in told["account"].seen
    assert "archive, library" in told["account"].do


def test_a_partition_may_not_take_the_account(programs):
    fake(programs, "sacctmgr", "archive\nmuseum")
    told = found(asked(slurm_account="museum"))
    assert wrong(told) == {"account": "fault"}
    assert "gpu (museum)" in told["account"].seen


def test_where_no_account_is_named_none_needs_be_known(programs):
    fake(programs, "sacctmgr", "no accounting here", status=1)
    assert wrong(found(asked(slurm_account=None))) == {}
    told = found(asked())
    assert wrong(told) == {"account": "fault"}
    assert "no accounting here" in told["account"].seen


@pytest.mark.parametrize("gres", ["gpu:H100:1", "gpu:A100:8", "gpu:8"])
def test_gpus_that_no_node_has_are_named_with_those_there(programs, gres):
    told = found(asked(gres=gres))
    assert wrong(told) == {"gres": "fault"}
    assert gres in told["gres"].seen
    assert "A100:4 in gpu" in told["gres"].do


def test_a_first_try_that_does_not_fit_is_a_fault_a_last_one_a_warning(programs):
    assert wrong(found(asked(mem_mb=600_000))) == {"memory": "fault"}
    told = found(asked("score_pairs", mem_mb=200_000))
    assert wrong(told) == {"memory": "warning"}
    assert "score_pairs 600000 MB" in told["memory"].seen
    assert "min(16000 * attempt" in told["memory"].do
    assert wrong(found(asked(runtime=3000))) == {"time limits": "fault"}
    told = found(asked(runtime=1440))
    assert wrong(told) == {"time limits": "warning"}
    assert "gpu 2880 min" in told["time limits"].seen


def test_cpus_and_the_number_of_nodes_must_be_there_too(programs):
    assert wrong(found(asked(cpus_per_task=65))) == {"memory": "fault"}
    assert wrong(found(asked(nodes=5))) == {"memory": "fault"}


def test_squeue_must_know_jobs_until_they_are_asked_about(programs):
    fake_scontrol(programs, age=30)
    told = found()
    assert wrong(told) == {"MinJobAge": "fault"}
    assert "to 10 or less" in told["MinJobAge"].do
    assert wrong(found(slurm_status_command="sacct")) == {}
    fake_scontrol(programs, age=100)
    assert wrong(found()) == {"MinJobAge": "warning"}


def test_what_sbatch_says_is_passed_on(programs):
    said = (
        "sbatch: error: QOSMaxSubmitJobPerUserLimit\nallocation failure: Job violates"
    )
    fake(programs, "sbatch", said, status=1)
    told = found(asked())
    assert wrong(told) == {"sbatch": "fault"}
    assert told["sbatch"].seen == "would not take embed_corpus: Job violates"


def test_without_slurm_one_line_says_so(programs, monkeypatch):
    monkeypatch.setenv("PATH", "/nowhere")
    told = found()
    assert list(told) == ["SLURM"]
    assert told["SLURM"].status == "fault"
    assert "no sinfo here" in told["SLURM"].seen
    assert "login node" in told["SLURM"].do


def test_a_program_that_hangs_is_ended(programs, monkeypatch):
    (programs / "sinfo").write_text("#!/bin/sh\n/bin/sleep 60\n", encoding="utf-8")
    monkeypatch.setattr("arkiv.doctor.slurm.QUICK", 0.2)
    told = found()
    assert "no answer within 0.2 s" in told["SLURM"].seen


@pytest.mark.parametrize(
    ("limit", "expected"),
    [
        ("infinite", None),
        ("30:00", 30),
        ("45", 45),
        ("4:00:00", 240),
        ("2-12:30:00", 3630),
        ("7-00:00:00", 10080),
    ],
)
def test_times_are_read_as_sinfo_writes_them(limit, expected):
    assert minutes(limit) == expected


def test_gpus_are_counted_by_kind():
    assert gpus_of("(null)") == {}
    assert gpus_of("gpu:2") == {"": 2}
    found = gpus_of("shard:16,gpu:a100:2(S:0-1),gpu:h100:4(S:2)")
    assert found == {"a100": 2, "h100": 4}


def job(mem_mb=1000, runtime=100, **more):
    """A job as the plugin is given it."""
    return SimpleNamespace(
        name="some", threads=1, resources={"mem_mb": mem_mb, "runtime": runtime, **more}
    )


def chosen(file, **asked_for):
    """The partition that the plugin itself chooses by a file."""
    return get_best_partition(
        read_partition_file(file), job(**asked_for), getLogger("plugin")
    )


def test_the_plugin_chooses_by_the_file_that_is_written(programs, tmp_path):
    file = tmp_path / "partitions.yaml"
    assert partitions.write(file, Slurm(), "archive") == 2
    written = yaml.safe_load(file.read_text(encoding="utf-8"))["partitions"]
    assert written["gpu"] == {
        "max_runtime": 2880,
        "max_mem_mb": 512000,
        "max_threads": 64,
        "max_nodes": 4,
        "max_gpu": 4,
        "available_gpu_models": ["A100"],
        "available_constraints": ["a100", "ib"],
    }
    assert chosen(file) == "cpu"
    assert chosen(file, gres="gpu:1") == chosen(file, gres="gpu:A100:4") == "gpu"
    assert chosen(file, mem_mb=300_000) == "gpu"
    assert chosen(file, mem_mb=600_000) is None
    assert chosen(file, gres="gpu:H100:1") is None


def test_partitions_that_take_no_such_job_are_left_out_with_the_reason(
    programs, tmp_path
):
    file = tmp_path / "partitions.yaml"
    partitions.write(file, Slurm(), "museum")
    text = file.read_text(encoding="utf-8")
    assert yaml.safe_load(text)["partitions"].keys() == {"cpu"}
    for why in ("old is left out: it is not up", "account museum", "have 30 min"):
        assert why in text
    fake(programs, "sinfo", NODES["old"])
    file.unlink()
    with pytest.raises(InputError, match="none of old takes jobs"):
        partitions.write(file, Slurm(), None)
    assert not file.exists()


def test_what_is_no_partition_file_is_told(programs, tmp_path):
    file = tmp_path / "partitions.yaml"
    file.write_text("partitions: [cpu]\n", encoding="utf-8")
    told = found(asked(slurm_partition=None), slurm_partition_config=str(file))
    assert "is no file of partitions" in told["partitions"].seen
    assert "check itself" not in " ".join(one.seen for one in told.values())


def test_a_partition_file_stands_for_partitions_that_are_named(programs, tmp_path):
    file = tmp_path / "partitions.yaml"
    partitions.write(file, Slurm(), "archive")
    unnamed = asked(slurm_partition=None)
    # By itself it would go to the default partition, which has no GPUs.
    assert wrong(found(unnamed)) == {"gres": "fault"}
    assert wrong(found(unnamed, slurm_partition_config=str(file))) == {}
    told = found(
        asked(slurm_partition=None, mem_mb=600_000), slurm_partition_config=str(file)
    )
    assert wrong(told) == {"memory": "fault"}
