"""Checks of a machine: none crashes or hangs, and each fault is named with its cure."""

from __future__ import annotations

import ast
import errno
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
from faked import fake
from hollow import build_hollow
from project import ROOT

from arkiv.base.errors import InputError
from arkiv.doctor import filesystem, gpus, models, pythons, room
from arkiv.doctor.command import ask, ours
from arkiv.doctor.found import Check, fault, ok, run
from arkiv.doctor.told import lines
from arkiv.encode.ahead import Use
from arkiv.settings.config import check_config, completed
from arkiv.settings.divided import with_parts

ARCHIVE = {"court": {"example": {"cases": 60, "volumes": 6}}}
TINY = {"source": "tiny", "revision": None}
MODELS = {"embedder": TINY, "reranker": TINY}


def configured(**overlay):
    """A whole configuration."""
    config = completed({"datasets": ARCHIVE, "models": MODELS} | overlay)
    return with_parts(check_config(config), "never/started")


def found(look, *given, **more):
    """What a check finds."""
    (told,) = run(Check("some", lambda: look(*given, **more), more.pop("limit", 20)))
    return told


# How checks are run, and told.


def test_a_check_that_crashes_is_a_fault_and_no_traceback():
    def broken():
        raise KeyError("https://me:abcdefgh12345678@host.example/")

    told = found(broken)
    assert told.status == "fault"
    assert "KeyError" in told.seen
    assert "abcdefgh12345678" not in told.seen


def test_a_check_that_hangs_is_left_behind():
    (told,) = run(Check("some", lambda: time.sleep(60), 0.05))
    assert (told.status, told.seen) == ("fault", "no answer within 0.05 s")


def test_a_fault_of_the_input_is_told_with_its_cure():
    def refused():
        raise InputError("is empty; copy it again", file="a/b")

    told = found(refused)
    assert told.status == "fault"
    assert (told.seen, told.do) == ("a/b: is empty", "copy it again")


def test_lines_are_of_80_columns_and_paths_stay_whole():
    path = "/" + "x" * 50
    told = found(lambda: fault(f"some words {path} and more of them", "do " * 40))
    shown = list(lines(told))
    assert all(len(line) <= 80 for line in shown)
    assert any(path in line for line in shown)
    assert sum("do: " in line for line in shown) == 1
    long = list(lines(run(Check("a name of its own line", lambda: ok("well")))[0]))
    assert [line.split() for line in long][1] == ["well"]


# Python and packages.


@pytest.mark.parametrize("version", [(2, 7), (3, 6), (3, 10)])
def test_an_old_python_reads_what_tells_that_it_is_old(version):
    import check_machine

    (first, second) = check_machine.too_old(version)
    assert "arkiv needs 3.11 or newer" in first
    assert second.strip().startswith("do: ")
    assert check_machine.too_old((3, 11)) == []
    text = (ROOT / "scripts/check_machine.py").read_text(encoding="utf-8")
    # Of Python 3.6 and of those before what f-strings, walrus and the like would break.
    tree = ast.parse(text, feature_version=(3, 6))
    newer = (ast.JoinedStr, ast.NamedExpr, ast.AnnAssign)
    assert not [node for node in ast.walk(tree) if isinstance(node, newer)]
    assert "__future__" not in text


def test_a_python_without_any_package_is_told_what_is_missing():
    done = subprocess.run(
        [sys.executable, "-I", "-S", ROOT / "scripts/check_machine.py"],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stderr) == (1, "")
    assert "of requirements.txt not installed" in done.stdout
    assert "make install" in done.stdout


def test_packages_at_another_version_are_named(monkeypatch):
    wanted = {"numpy": "0.1", "faiss-cpu": "1.0", "no-such-package": "2.0"}
    monkeypatch.setattr(pythons, "pins", lambda file: wanted)
    missing, others = pythons.apart(wanted)
    assert missing == ["no-such-package"]
    assert len(others) == 2
    monkeypatch.setenv("PATH", "/nowhere")
    told = found(pythons.check_packages)
    assert told.status == "fault"
    assert "no-such-package" in told.seen


def test_pins_are_read_of_both_kinds_of_files():
    required = pythons.pins(ROOT / "requirements.txt")
    inside = pythons.pins(ROOT / "envs/data.yaml")
    assert inside.keys() == {*inside} & required.keys()
    assert "python" not in inside


@pytest.fixture
def environment(tmp_path):
    """An environment's file with one pin, and a prefix whose Python is ours."""
    prefix = tmp_path / "made"
    (prefix / "bin").mkdir(parents=True)
    text = f'#!/bin/sh\nexec {sys.executable} "$@"\n'
    (prefix / "bin/python").write_text(text, encoding="utf-8")
    (prefix / "bin/python").chmod(0o755)
    prefix.with_suffix(".env_setup_done").touch()
    file = tmp_path / "some.yaml"
    version = pythons.pins(ROOT / "envs/data.yaml")["tqdm"]
    file.write_text(f"dependencies:\n  - pip:\n      - tqdm=={version}\n")
    return file, prefix


def test_an_environment_is_made_and_imports(environment):
    file, prefix = environment
    assert found(pythons.check_environment, file, prefix).status == "ok"
    file.write_text("dependencies:\n  - pip:\n      - tqdm==0.1\n")
    told = found(pythons.check_environment, file, prefix)
    assert (told.status, "not 0.1" in told.seen) == ("fault", True)
    assert f"remove {prefix}" in told.do
    prefix.with_suffix(".env_setup_done").unlink()
    told = found(pythons.check_environment, file, prefix)
    assert "not made to its end" in told.seen


def test_a_module_may_want_another_before_it(tmp_path, monkeypatch):
    first = "import sys\nif 'b_later' not in sys.modules: raise ImportError('b_later')"
    for name, text in (("a_first", first), ("b_later", "")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text(text)
        about = tmp_path / f"{name}-1.0.dist-info"
        about.mkdir()
        (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\n")
        (about / "METADATA").open("a").write("Version: 1.0\n")
        (about / "RECORD").write_text(f"{name}/__init__.py,,\n")
    given = os.environ | {"PYTHONPATH": str(tmp_path)}

    def imported(**wanted):
        words = ours("arkiv.doctor.imports", json.dumps(wanted))
        return ask(*words, environment=given)

    assert imported(a_first="1.0", b_later="1.0").status == 0
    assert "a_first does not import (b_later)" in imported(a_first="1.0").said


def test_environments_are_found_where_snakemake_makes_them(tmp_path):
    (tmp_path / "abc_.yaml").write_bytes((ROOT / "envs/llm.yaml").read_bytes())
    (tmp_path / "abc_").mkdir()
    (tmp_path / "old_.yaml").write_text("of another day")
    (tmp_path / "old_").mkdir()
    assert pythons.made_environments(str(tmp_path)) == {"llm": tmp_path / "abc_"}


def test_an_old_conda_is_named(tmp_path, monkeypatch):
    fake(tmp_path / "bin", "conda", "conda 4.12.0")
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    first = next(iter(pythons.environment_checks(None)))
    assert "24.7.1" in found(first.look).do
    fake(tmp_path / "bin", "conda", "conda 25.1.0")
    assert found(first.look).status == "ok"


def test_environments_that_are_not_made_are_one_line(tmp_path, monkeypatch):
    fake(tmp_path / "bin", "conda", "conda 25.1.0")
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    (tmp_path / "abc_.yaml").write_bytes((ROOT / "envs/llm.yaml").read_bytes())
    (tmp_path / "abc_").mkdir()
    looks = {one.name: one.look for one in pythons.environment_checks(str(tmp_path))}
    assert looks.keys() == {"conda", "envs/llm", "environments"}
    told = found(looks["environments"])
    assert told.status == "warning"
    assert "data, evaluate" in told.seen
    assert "llm" not in told.seen


def test_snakemake_is_all_that_a_login_node_needs(tmp_path, monkeypatch):
    monkeypatch.setattr(pythons, "apart", lambda wanted: (["torch"], []))
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    assert found(pythons.check_packages).status == "fault"
    fake(tmp_path / "bin", "conda", "conda 25.1.0")
    assert found(pythons.check_packages).status == "ok"


# GPUs.

SMI = "| NVIDIA-SMI 535.1   Driver Version: 535.104   CUDA Version: 12.2 |"


def seen(*, cuda="12.1", sees=1, driver="12.2", gpus=("A100",), **more):
    """What driver and torch see."""
    torch = {
        "version": "2.13",
        "cuda": cuda,
        "gpus": ["A100"] * sees,
        "why_none": "why",
    }
    torch |= {"types": ["float16", "bfloat16"], "flash": True, "flash_attn": False}
    return SimpleNamespace(torch=torch | more, cuda=driver, gpus=gpus)


@pytest.mark.parametrize(
    ("given", "status", "said"),
    [
        (seen(), "ok", "sees 1 GPU"),
        (seen(gpus=(), sees=0), "ok", "on the CPU"),
        (seen(cuda=None, sees=0), "fault", "for CPUs alone"),
        (seen(cuda="13.0", sees=0), "fault", "needs CUDA 13.0, the driver has 12.2"),
        (seen(sees=0), "fault", "sees no GPU: why"),
    ],
)
def test_torch_is_held_against_the_driver(given, status, said):
    told = found(gpus.check_torch, given)
    assert told.status == status
    assert said in told.seen
    assert bool(told.do) == (status != "ok")


def test_the_driver_is_read_of_nvidia_smi(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    config = configured()
    assert found(gpus.check_driver, gpus.Seen(), config).status == "ok"
    default = configured(models={"directory": str(tmp_path)})
    assert found(gpus.check_driver, gpus.Seen(), default).status == "warning"
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0")
    assert found(gpus.check_driver, gpus.Seen(), config).status == "warning"
    fake(tmp_path, "nvidia-smi", SMI)
    told = found(gpus.check_driver, gpus.Seen(), config)
    assert (told.status, "CUDA 12.2" in told.seen) == ("ok", True)
    fake(tmp_path, "nvidia-smi", "couldn't communicate with the driver", status=9)
    told = found(gpus.check_driver, gpus.Seen(), config)
    assert (told.status, "communicate" in told.seen) == ("fault", True)


def test_what_the_configuration_asks_for_must_work():
    config = configured(models={**MODELS, "precision": "bfloat16"})
    assert found(gpus.check_precision, seen(), config).status == "ok"
    old = seen(types=["float16"])
    assert "bfloat16" in found(gpus.check_precision, old, config).seen
    config = configured(models={**MODELS, "attention": "flash_attention_2"})
    assert "no flash-attn" in found(gpus.check_precision, seen(), config).seen


def test_a_python_without_torch_is_told(tmp_path):
    fake(tmp_path, "python", "ModuleNotFoundError: No module named 'torch'", status=1)
    told = found(gpus.check_faiss, gpus.Seen(str(tmp_path / "python")))
    assert told.status == "fault"
    assert "No module named 'torch'" in told.seen


# Models.


def test_a_broken_model_directory_is_named(tmp_path):
    whole = build_hollow(tmp_path / "model", reranker=True)
    use, wanted = Use("cross_encoder"), {"source": str(whole)}
    assert found(models.check_model, whole, use, wanted).status == "ok"
    file = whole / "model.safetensors"
    file.write_bytes(file.read_bytes()[:-1])
    told = found(models.check_model, whole, use, wanted)
    assert told.status == "fault"
    assert f"{file}: has" in told.seen
    assert told.do == "copy it again"


def test_a_model_that_was_fetched_in_part_is_fetched_again(tmp_path):
    there = build_hollow(tmp_path / "models/a--b@main", reranker=True)
    (there / "model.safetensors").unlink()
    told = found(models.check_model, there, Use("cross_encoder"), {"source": "a/b"})
    assert told.status == "fault"
    assert f"remove {there}" in told.do


def test_a_broken_model_keeps_nothing_else_from_being_looked_at(tmp_path, monkeypatch):
    embedder = {"source": "no-such/model", "revision": None}
    given = {**MODELS, "directory": str(tmp_path), "embedder": embedder}
    config = configured(models=given)
    there = build_hollow(tmp_path / "no-such--model@main")
    (there / "model.safetensors").write_bytes(b"cut short")
    (check,) = models.checks(config)
    told = found(check.look)
    assert told.status == "fault"
    assert "model.safetensors: is no file of safetensors" in told.seen
    with_room(monkeypatch, 10**12)
    assert found(room.check_room, config, tmp_path).status == "ok"


def test_a_model_of_the_hub_is_asked_for(tmp_path, monkeypatch):
    import huggingface_hub

    files = {"config.json": 1, "model.safetensors": 2_000_000, "onnx/model.onnx": 9**9}
    siblings = [SimpleNamespace(rfilename=one, size=n) for one, n in files.items()]
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr(
        huggingface_hub,
        "model_info",
        lambda *_, **__: SimpleNamespace(siblings=siblings),
    )
    given = (
        tmp_path / "none",
        Use("cross_encoder"),
        {"source": "a/b", "revision": None},
    )
    told = found(models.check_model, *given)
    assert (told.status, "2.0 MB" in told.seen) == ("ok", True)

    def unreached(*_, **__):
        raise ConnectionError("no route to host")

    monkeypatch.setattr(huggingface_hub, "model_info", unreached)
    told = found(models.check_model, *given)
    assert (told.status, "no route" in told.seen) == ("fault", True)
    assert "name its directory as the source" in told.do


# Room.


def with_room(monkeypatch, free):
    monkeypatch.setattr(room.shutil, "disk_usage", lambda _: SimpleNamespace(free=free))


def test_no_room_is_a_fault_little_a_warning(tmp_path, monkeypatch):
    config = configured()
    for free, status in ((10**12, "ok"), (120_000_000, "warning"), (1000, "fault")):
        with_room(monkeypatch, free)
        told = found(room.check_room, config, tmp_path / "results/main")
        assert told.status == status, told
    assert "make room" in told.do
    assert "passages" in told.seen


def test_more_input_models_and_negatives_take_more_room(tmp_path, monkeypatch):
    with_room(monkeypatch, 10**9)
    config = configured()
    assert found(room.check_room, config, tmp_path).status == "ok"
    larger = {"court": {"example": {"cases": 600_000, "volumes": 6}}}
    assert (
        found(room.check_room, configured(datasets=larger), tmp_path).status == "fault"
    )
    default = configured(models={"directory": str(tmp_path)})
    assert found(room.check_room, default, tmp_path).status == "fault"


def test_too_few_files_left_is_a_fault(tmp_path, monkeypatch):
    plan = SimpleNamespace(jobs=1000)
    for left, status in ((10**6, "ok"), (100, "fault")):
        numbers = SimpleNamespace(f_files=10**7, f_favail=left)
        monkeypatch.setattr(room.os, "statvfs", lambda _, numbers=numbers: numbers)
        assert found(room.check_files, tmp_path, plan).status == status


# The filesystem and the clock.


def test_a_filesystem_without_locks_is_named(tmp_path, monkeypatch):
    assert found(filesystem.check_files, tmp_path / "results").status == "ok"

    def none(*_):
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(filesystem.fcntl, "flock", none)
    told = found(filesystem.check_files, tmp_path)
    assert told.status == "fault"
    assert "flock (No locks available)" in told.seen
    assert list(tmp_path.iterdir()) == []


def test_a_place_without_sockets_is_a_warning(tmp_path):
    assert found(filesystem.check_sockets, tmp_path).status == "ok"
    deep = tmp_path / ("x" * 90)
    deep.mkdir()
    assert found(filesystem.check_sockets, deep).status == "warning"


def test_a_clock_that_is_off_is_told(tmp_path, monkeypatch):
    assert found(filesystem.check_clock, tmp_path).status == "ok"
    monkeypatch.setattr(filesystem.time, "time", lambda: time.monotonic() - 1000)
    told = found(filesystem.check_clock, Path(tmp_path))
    assert (told.status, "NTP" in told.do) == ("warning", True)
