"""What a person gives to make reaches the program as it is written."""

import os
import re
import shutil
import subprocess

import pytest
from project import ROOT

HOSTILE = 'it\'s $(touch ran) `touch ran` $HOME & {a} "b" %.yaml'


def surroundings():
    """The environment without what `make test` itself gives to a make below it."""
    own = {"MAKEFLAGS", "MAKELEVEL", "MFLAGS", "MAKEOVERRIDES"}
    return {name: value for name, value in os.environ.items() if name not in own}


@pytest.fixture
def folder(tmp_path):
    """The Makefile where all is installed, with a Python that tells its arguments."""
    shutil.copy(ROOT / "Makefile", tmp_path)
    (tmp_path / "requirements.txt").touch()
    binaries = tmp_path / ".venv/bin"
    binaries.mkdir(parents=True)
    (binaries.parent / ".installed").touch()
    (binaries / "python").write_text('#!/bin/sh\nprintf "%s\\n" "$@"\n')
    (binaries / "python").chmod(0o755)
    return tmp_path


@pytest.mark.parametrize(
    ("target", "program", "flags"),
    [("serve", "serve_search.py", ["--port", "9000"]), ("watch", "watch_run.py", [])],
)
@pytest.mark.parametrize("given", ["words", "environment"])
def test_the_configuration_is_one_word(folder, given, target, program, flags):
    words = [f"CONFIG={HOSTILE}"] if given == "words" else []
    extra = {} if given == "words" else {"CONFIG": HOSTILE}
    done = subprocess.run(
        ["make", target, *words, "SERVE=--port 9000"],
        cwd=folder,
        env=surroundings() | extra,
        capture_output=True,
        text=True,
        check=True,
    )
    called = [f"scripts/{program}", "--configfile", HOSTILE, *flags]
    assert done.stdout.splitlines() == called
    assert not (folder / "ran").exists()


def test_the_demo_is_served_where_nothing_is_said(folder):
    done = subprocess.run(
        ["make", "serve"],
        cwd=folder,
        env=surroundings(),
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.splitlines()[-1] == "config/demo.yaml"


def test_a_viewer_is_there_whole_or_not_at_all(folder):
    for name, said in {
        "npm": "mkdir package; tar czf viewer-1.tgz package",
        "sha256sum": "cat",
        # It comes from the same file system, so that to rename it is one step.
        "mv": 'pwd; test -d "$1"; exit 3',
    }.items():
        program = folder / ".venv/bin" / name
        program.write_text(f"#!/bin/sh\n{said}\n")
        program.chmod(0o755)
    done = subprocess.run(
        ["make", "--silent", ".venv/viewer-1", "MIRADOR=viewer-1"],
        cwd=folder,
        env=surroundings(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode, done.stdout
    there = done.stdout.splitlines()[-1]
    assert there.startswith(f"{folder}/.venv/"), done.stderr
    left = sorted(path.name for path in (folder / ".venv").iterdir())
    assert left == [".installed", "bin"]


def test_what_tests_there_are_is_run_by_continuous_integration():
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = re.findall(r"^(test[\w-]*):", makefile, flags=re.M)
    assert len(targets) == 4
    ran = (ROOT / ".ci/run").read_text(encoding="utf-8").splitlines()
    assert [line for line in ran if line.startswith("make ")] == [
        f"make {target}" for target in targets
    ]
    for folder in (ROOT / "tests").iterdir():
        if any(folder.glob("**/test_*.py")):
            assert f"tests/{folder.name}" in makefile
