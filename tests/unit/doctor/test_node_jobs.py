"""Jobs that look at a node: read, waited for no longer than was said, and cancelled."""

from __future__ import annotations

import fcntl
from pathlib import Path
from types import SimpleNamespace

import pytest
from faked import CPU, asked, fake, fake_slurm

from arkiv.doctor import jobs
from arkiv.doctor.cluster import Cluster
from arkiv.doctor.found import run
from arkiv.doctor.plan import Asked
from arkiv.doctor.profile import Profile
from arkiv.doctor.slurm import Slurm

RESULT = """\
{"node": "n7", "checks": [
  {"name": "clock", "status": "warning", "seen": "9 s off", "do": "set it"}]}
"""


@pytest.fixture
def programs(tmp_path, monkeypatch) -> Path:
    """A cluster's programs, alone on the PATH; `scancel` notes what it is given."""
    folder = tmp_path / "bin"
    fake_slurm(folder)
    fake(folder, "sbatch", "7;arkiv")
    fake(folder, "squeue")
    fake(folder, "scancel")
    note = f"#!/bin/sh\necho $1 >> {tmp_path}/cancelled\n"
    (folder / "scancel").write_text(note, encoding="utf-8")
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.setattr(jobs, "LATENCY", 0)
    return folder


def looked(tmp_path, *planned, patience=0.0):
    """What the job of each kind of node tells, by name."""
    plan = SimpleNamespace(submitted=planned)
    cluster = Cluster(Slurm(), Profile(Path("some.yaml"), {}), plan)
    folder = tmp_path / "results"
    folder.mkdir(exist_ok=True)
    started = jobs.Jobs(cluster, [], folder, "python", patience)
    told = [one for check in started.checks() for one in run(check)]
    assert list(folder.iterdir()) == []
    return {one.name: one for one in told}


def test_what_a_node_finds_is_told_with_its_name(programs, tmp_path):
    # It writes where the job's command says.
    text = f"""#!/bin/sh
for word; do case $word in --output=*) out=${{word#--output=}};; esac; done
printf '%s' '{RESULT}' > ${{out%/*}}/found.json
echo 7
"""
    (programs / "sbatch").write_text(text, encoding="utf-8")
    told = looked(tmp_path, asked())
    assert told["CPU node"].seen == "no job of this run asks for a CPU node"
    assert told["GPU node"].status == "ok"
    assert "on n7" in told["GPU node"].seen
    assert (told["n7 clock"].status, told["n7 clock"].do) == ("warning", "set it")
    assert not (tmp_path / "cancelled").exists()


def test_a_job_that_waits_too_long_is_cancelled(programs, tmp_path):
    fake(programs, "squeue", "PENDING|Priority")
    told = looked(tmp_path, Asked("some", False, 1, CPU, CPU))
    assert told["CPU node"].status == "warning"
    assert "(Priority)" in told["CPU node"].seen
    assert "--wait" in told["CPU node"].do
    assert (tmp_path / "cancelled").read_text() == "7\n"


def test_a_job_that_ends_without_a_word_is_a_fault(programs, tmp_path):
    fake(programs, "squeue", "Invalid job id specified", status=1)
    told = looked(tmp_path, asked())
    assert told["GPU node"].status == "fault"
    assert "without a result" in told["GPU node"].seen


def test_a_job_that_is_not_taken_is_a_fault(programs, tmp_path):
    fake(programs, "sbatch", "sbatch: error: Invalid account", status=1)
    told = looked(tmp_path, asked())
    assert told["GPU node"].status == "fault"
    assert "Invalid account" in told["GPU node"].seen


def test_a_job_asks_for_little(programs):
    small = jobs._small(asked(nodes=4, gres="gpu:A100:4", mem_mb=64000).first)
    assert (small["nodes"], small["gres"], small["runtime"]) == (1, "gpu:A100:1", 3)
    assert small["mem_mb"] < 64000
    assert small["slurm_account"] == "archive"


def test_a_lock_of_the_login_node_must_hold(tmp_path):
    with open(tmp_path / jobs.LOCKED, "wb") as lock:
        assert jobs.check_locks(tmp_path).status == "warning"
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert jobs.check_locks(tmp_path).status == "ok"


def test_models_must_be_seen(tmp_path):
    assert jobs.check_seen([tmp_path]).status == "ok"
    told = jobs.check_seen([tmp_path / "elsewhere"])
    assert (told.status, "elsewhere" in told.seen) == ("fault", True)
