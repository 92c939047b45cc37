"""What every program does around its work: faults, the hub, where it runs."""

from __future__ import annotations

import argparse
import errno
import os
import socket

import numpy as np
import pytest

from arkiv.base import cli
from arkiv.base.errors import InputError
from arkiv.base.files import write_array


@pytest.fixture(autouse=True)
def online_again():
    """A program sets its process offline; this one goes on with other tests."""
    yield
    for name in cli.OFFLINE:
        os.environ.pop(name, None)


def raising(error: Exception):
    def main(argv):
        raise error

    return main


def test_a_fault_of_the_input_is_one_sentence(capsys):
    fault = InputError("is missing", file="a.jsonl", line=3, key="query")
    assert cli.run(raising(fault)) == 1
    assert capsys.readouterr().err == "error: a.jsonl, line 3, `query`: is missing\n"
    with pytest.raises(ZeroDivisionError):
        cli.run(raising(ZeroDivisionError()))


def test_ctrl_c_ends_with_one_line(capsys):
    assert cli.run(raising(KeyboardInterrupt())) == 130
    assert capsys.readouterr().err == "error: stopped by Ctrl-C\n"


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")
def test_a_full_disk_is_one_sentence_for_arrays_too(tmp_path, capsys, monkeypatch):
    def full(argv):
        with open("/dev/full", "wb") as file:
            file.write(b"x" * 100_000)

    assert cli.run(full) == 1
    said = "error: writing the output: No space left on device; make room\n"
    assert capsys.readouterr().err == said

    # An array is written to a file beside its place: let that be a full disk.
    real_open = open
    monkeypatch.setattr(
        "builtins.open",
        lambda path, mode="r", **more: real_open(
            "/dev/full" if mode == "wb" else path, mode, **more
        ),
    )
    array = np.zeros(1_000_000, np.float16)
    assert cli.run(lambda argv: write_array(tmp_path / "a.npy", array)) == 1
    assert capsys.readouterr().err == said
    assert list(tmp_path.iterdir()) == []


def test_the_hub_is_offline_unless_a_program_fetches(monkeypatch):
    for name in cli.OFFLINE:
        monkeypatch.delenv(name, raising=False)
    assert cli.run(lambda argv: None, online=True) == 0
    assert not cli.OFFLINE.keys() & os.environ.keys()
    assert cli.run(lambda argv: None) == 0
    assert all(os.environ.pop(name) == "1" for name in cli.OFFLINE)


def test_a_job_says_where_it_runs(monkeypatch, caplog):
    caplog.set_level("INFO")
    monkeypatch.setenv("SLURM_JOB_ID", "17")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "2,3")
    cli.run(lambda argv: None, online=True)
    assert f"SLURM job 17 on {socket.gethostname()}, GPUs: 2,3" in caplog.text
    monkeypatch.delenv("SLURM_JOB_ID")
    caplog.clear()
    cli.run(lambda argv: None, online=True)
    assert "SLURM" not in caplog.text


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("{", "is not JSON"),
        ("[1]", "is not a JSON object"),
        ('{"learning_rate": Infinity}', "is not JSON"),
        ('{"a": {"b": [NaN]}}', "is not JSON"),
        ('{"a": 1e999}', "is not JSON"),
    ],
)
def test_an_object_on_the_command_line_is_json_with_finite_numbers(text, reason):
    with pytest.raises(argparse.ArgumentTypeError, match=reason):
        cli.json_object(text)


def test_flags_are_told_as_a_line_of_usage_tells_them(capsys):
    parser = cli.parser(
        "What it does.",
        corpus="JSONL",
        runs="SYSTEM=TREC... to measure",
        run_file="[TREC] of the embedder",
        recall="[JSON...]",
    )
    words = ["--corpus", "c", "--runs", "a=b", "c=d"]
    given = parser.parse_args(words)
    assert (given.corpus, given.runs) == ("c", ["a=b", "c=d"])
    assert (given.run_file, given.recall) == (None, [])
    more = parser.parse_args([*words, "--run-file", "r", "--recall", "1", "2"])
    assert (more.run_file, more.recall) == ("r", ["1", "2"])
    assert "of the embedder (default: None)" in parser.format_help()
    with pytest.raises(SystemExit):
        parser.parse_args(["--corpus", "c", "--runs"])
    assert "expected at least one argument" in capsys.readouterr().err


NAMES = ["-", "-x", "--x y.jsonl", "-1.jsonl", "--.txt", "---", "$(x)", "{x}", "%s"]


@pytest.mark.parametrize("name", NAMES)
def test_a_value_may_begin_with_dashes(name):
    parser = cli.parser("What it does.", pairs="JSONL", more="[JSONL...]")
    given = parser.parse_args(["--pairs", name, "--more", name, "b", name])
    assert (given.pairs, given.more) == (name, [name, "b", name])


def test_what_looks_like_a_flag_is_none_of_the_values(capsys):
    parser = cli.parser("What it does.", more="[JSONL...]")
    with pytest.raises(SystemExit):
        parser.parse_args(["--more", "a", "--mode", "b"])
    assert "unrecognized arguments: --mode" in capsys.readouterr().err


def test_what_the_system_refuses_is_one_sentence(tmp_path, capsys):
    (tmp_path / "file").touch()

    def below_a_file(argv):
        (tmp_path / "file/x").write_text("")

    assert cli.run(below_a_file) == 1
    told = f"error: {tmp_path}/file/x: Not a directory; see what lies there\n"
    assert capsys.readouterr().err == told
    closed = OSError(errno.EROFS, "Read-only file system", "results/a")
    assert cli.run(raising(closed)) == 1
    assert "results/a: Read-only file system; have it" in capsys.readouterr().err
    circle = OSError(errno.ELOOP, "Too many links", "x")
    assert cli.run(raising(circle)) == 1
    told = "error: x: Too many links; name it otherwise\n"
    assert capsys.readouterr().err == told
    with pytest.raises(OSError, match="Bad file"):
        cli.run(raising(OSError(errno.EBADF, "Bad file descriptor")))


def test_no_fault_forges_another_line(capsys):
    name = "a\nerror: all is lost\x1b[2J\u202e.jsonl"
    told = r"a\nerror: all is lost\x1b[2J\u202e.jsonl"
    assert cli.run(raising(InputError("is missing", file=name))) == 1
    assert capsys.readouterr().err == f"error: {told}: is missing\n"
    cli.run(raising(OSError(errno.ENOSPC, "No space left", name)))
    assert capsys.readouterr().err == f"error: {told}: No space left; make room\n"
    with pytest.raises(SystemExit):
        cli.parser("What it does.").parse_args([name])
    assert f"unrecognized arguments: {told}\n" in capsys.readouterr().err
