"""Checkpoint directories: which checkpoint a run goes on from, and who may use them."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest

from arkiv.base.errors import InputError
from arkiv.base.hashing import digest_of_files
from arkiv.train.resume import alone, begin, ended_well, mark_whole

RUN = {"seed": 1, "world_size": 4}


def checkpoint(folder: Path, step: int, *, whole: bool = True) -> Path:
    path = folder / f"checkpoint-{step}"
    path.mkdir(parents=True)
    (path / "model").write_text("weights")
    if whole:
        mark_whole(path)
    return path


def test_a_run_goes_on_from_its_newest_whole_checkpoint(tmp_path, caplog):
    caplog.set_level("INFO")
    assert begin(tmp_path, RUN) is None
    checkpoint(tmp_path, 9)
    newest = checkpoint(tmp_path, 10)
    torn = checkpoint(tmp_path, 11, whole=False)
    other = tmp_path / "checkpoint-notes"
    other.mkdir()
    assert begin(tmp_path, RUN) == newest
    assert not torn.exists()
    assert other.exists()
    assert begin(tmp_path, RUN | {"world_size": 8}) is None
    assert "with other world_size" in caplog.text
    assert not newest.exists()


def test_a_run_that_ended_well_is_not_gone_on_with(tmp_path):
    begin(tmp_path, RUN)
    last = checkpoint(tmp_path, 10)
    ended_well(tmp_path)
    assert last.exists()
    assert begin(tmp_path, RUN) is None
    assert not last.exists()


def test_a_torn_record_of_the_run_starts_afresh(tmp_path):
    begin(tmp_path, RUN)
    checkpoint(tmp_path, 10)
    (tmp_path / "run.json").write_text('{"seed"')
    assert begin(tmp_path, RUN) is None


def test_the_digest_sees_names_contents_and_their_borders(tmp_path):
    def of(**files: str) -> str:
        folder = tmp_path / str(len(list(tmp_path.iterdir())))
        folder.mkdir()
        for name, text in files.items():
            (folder / name).write_text(text)
        return digest_of_files(folder)

    assert of(a="x", b="y") == of(b="y", a="x")
    assert len({of(a="x", b="y"), of(a="y", b="x"), of(a="xb", b=""), of(a="x")}) == 4


HOLDER = """
import sys, time
from pathlib import Path
sys.path.insert(0, {scripts!r})
from arkiv.train.resume import alone
with alone(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(60)
"""


def test_a_second_run_waits_and_says_for_whom(tmp_path):
    scripts = str(Path(__file__).parents[3] / "scripts")
    command = [sys.executable, "-c", HOLDER.format(scripts=scripts), str(tmp_path)]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, env={"SLURM_JOB_ID": "17"}
    ) as holder:
        try:
            assert holder.stdout.readline() == "held\n"
            with (
                pytest.raises(InputError, match=r"SLURM job 17 on .* still training"),
                alone(tmp_path, patience=0.2),
            ):
                pytest.fail("two at once")
        finally:
            holder.kill()
    # The lock goes with its process.
    began = time.monotonic()
    with alone(tmp_path, patience=30):
        assert time.monotonic() - began < 20
