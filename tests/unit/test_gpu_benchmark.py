"""`python -m benchmarks gpu` at small sizes on the CPU: all parts, and their runner."""

import json
import sys
import time
import zipfile

import numpy as np
import pytest
from packaging.utils import canonicalize_name

from arkiv.base.errors import InputError
from arkiv.encode.encoder import Encoder
from arkiv.encode.forward import Batch
from arkiv.encode.m3 import M3
from benchmarks.__main__ import main
from benchmarks.gpu import PARTS, Planned, run, wheels
from benchmarks.gpu.alone import run_part
from benchmarks.gpu.models import embedder
from benchmarks.gpu.part import Found, Given, within
from benchmarks.gpu.results import JSON, MARKDOWN, number
from benchmarks.gpu.speed import flops
from benchmarks.gpu.texts import Words

INFERENCE = [
    name
    for name, part in PARTS.items()
    if part.module in ("ceilings", "encoding", "memory", "search", "speed")
]
# A part that runs no torch, as a program of its own.
PROGRAM = """
import os, signal, subprocess, sys, time
sys.path[:0] = {paths!r}
from pathlib import Path
from benchmarks.gpu.alone import findings
from benchmarks.gpu.models import embedder
from benchmarks.gpu.part import Found

found = Found(findings(Path({folder!r})))
{code}
"""
FAULTS = {
    "well": "found.check('a', 1, at_least=1)",
    "fails": "found.check('b', 1, at_least=1); raise ValueError('so it | goes')",
    "killed": "found.measure('c', 3, 's'); os.kill(os.getpid(), signal.SIGKILL)",
    "hangs": "found.check('d', 2, at_most=1)\n"
    "process = subprocess.Popen(['sleep', '600'], start_new_session=True)\n"
    "found.measure('pid', process.pid, ''); time.sleep(600)",
}


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    """The folder that parts have theirs in, with the models that they share."""
    return tmp_path_factory.mktemp("parts")


@pytest.mark.parametrize("name", INFERENCE)
def test_parts_hold_at_small_sizes(shared, name):
    folder = shared / name
    folder.mkdir()
    found = Found()
    run_part(name, Given("cpu", True, folder), found)
    assert found.checks or found.measures
    assert [check for check in found.checks if not check.holds] == []


@pytest.fixture(scope="module")
def model(shared):
    """A tiny M3, that of the parts."""
    return embedder(Given("cpu", True, shared / "model"))


@pytest.mark.parametrize("asked", [{"dense"}, {"dense", "sparse"}])
def test_operations_are_those_that_torch_counts(model, asked):
    import torch
    from torch.nn.attention import SDPBackend, sdpa_kernel
    from torch.utils.flop_counter import FlopCounterMode

    with Encoder(M3(model), longest=100) as encoder:
        batch = Batch([np.full(100, 10, np.int32)], frozenset(asked))
        counter = FlopCounterMode(display=False)
        # Torch counts attention where it is matrix products.
        with sdpa_kernel(SDPBackend.MATH), torch.inference_mode(), counter:
            list(encoder.workers.map([(0, batch)]))
        expected = flops(encoder.kind.config, 100, first_token_alone=len(asked) == 1)
    # Ours leaves out the pooler and the sparse head.
    dim = encoder.kind.dim
    left_out = 2 * dim * dim + (2 * 100 * dim if "sparse" in asked else 0)
    assert counter.get_total_flops() == expected + left_out


def test_texts_have_so_many_tokens_to_the_last(model):
    kind, words = M3(model), Words(model)
    for tokens in (16, 300, 8192):
        texts = words.texts(12, tokens)
        assert len(set(texts)) == 12
        ids = kind.token_ids([(one,) for one in texts], kind.settings(max_length=8192))
        assert all(tokens <= len(row) for row in ids)
        whole = kind.tokenizer(texts)["input_ids"]
        assert all(len(row) < tokens + 12 for row in whole)


@pytest.fixture
def parts(monkeypatch):
    """The runner with FAULTS for parts."""

    def command_of(name, words, folder):
        values = {"folder": str(folder), "code": FAULTS[name]}
        paths = [str(run.ROOT), str(run.ROOT / "scripts")]
        return [sys.executable, "-c", PROGRAM.format(paths=paths, **values)]

    planned = {name: Planned("", "", 3) for name in FAULTS}
    monkeypatch.setattr(run, "PATIENCE", 1)
    monkeypatch.setattr(run, "PARTS", planned)
    monkeypatch.setattr(run, "command_of", command_of)
    monkeypatch.setattr(run.machine, "gpu", lambda: None)


def test_faults_leave_other_parts_and_what_was_found_before(parts, tmp_path, capsys):
    assert main(["gpu", "--small", "--output", str(tmp_path)]) == 1
    held = json.loads((tmp_path / JSON).read_text())
    well, fails, killed, hangs = held["parts"]
    assert well["holds"]
    assert well["fault"] is None
    assert well["checks"][0]["found"] == 1
    assert not fails["holds"]
    assert fails["checks"][0]["holds"]
    assert fails["fault"].startswith("ended with status 1:")
    assert fails["fault"].endswith("ValueError: so it | goes")
    assert killed["measures"][0]["value"] == 3
    assert killed["fault"].startswith("ended with status -9")
    assert hangs["fault"].startswith("ended after 3 s, its limit")
    assert hangs["checks"][0]["holds"] is False
    assert not alive(int(hangs["measures"][0]["value"]))
    page = (tmp_path / MARKDOWN).read_text()
    assert (
        "| fails | **fault** | | | ended with status 1: ValueError: so it \\|" in page
    )
    assert page.strip() == capsys.readouterr().out.strip()
    assert held["gpu"] is None
    assert held["python"]
    assert held["packages"]["torch"]


def alive(pid):
    """Whether a process is there and no zombie."""
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_parts_that_find_no_time_left_are_named(parts, tmp_path):
    words = ["gpu", "--small", "--seconds", "0", "--part", "well"]
    assert main([*words, "--output", str(tmp_path)]) == 1
    (well,) = json.loads((tmp_path / JSON).read_text())["parts"]
    assert well["fault"] == "not begun: no time was left"


def test_without_a_gpu_it_says_so_in_one_sentence(parts, tmp_path, capsys):
    began = time.monotonic()
    assert main(["gpu", "--output", str(tmp_path / "none")]) == 1
    assert time.monotonic() - began < 5
    said = capsys.readouterr().err
    assert said == "error: torch sees no GPU; --small runs on the CPU\n"
    assert not (tmp_path / "none").exists()


def test_findings_outlive_a_line_cut_short(tmp_path):
    found = Found(tmp_path / "found.jsonl")
    found.check("a", 1, at_most=2)
    found.measure("b", 2, "s", at_least=3)
    with open(found.file, "a") as file:
        file.write('{"kind": "che')
    kept = Found.kept(found.file)
    assert kept.checks == found.checks
    assert kept.measures == found.measures
    assert kept.measures[0].goal == "at least 3"
    assert kept.measures[0].reached is False


def test_nan_is_within_no_limits():
    assert not within(float("nan"), None, None)
    assert not within(float("nan"), 0, 1)
    assert within(1, 1, 1)


def test_numbers_near_1_keep_their_digits():
    assert number(0.9999871) == "0.9999871"
    assert number(123456.7) == "123,457"
    assert number(0.01234567) == "0.01235"


def wheel(path, *requires):
    """A wheel that holds nothing but what it requires."""
    with zipfile.ZipFile(path, "w") as file:
        lines = [
            "Metadata-Version: 2.4",
            *(f"Requires-Dist: {one}" for one in requires),
        ]
        file.writestr("x.dist-info/METADATA", "\n".join(lines))
    return path


def test_wheels_and_machine_must_have_all_that_is_required(tmp_path):
    one = wheel(
        tmp_path / "one-1.0-py3-none-any.whl",
        *("Other_thing>=2", "torch>=2.9", "x; extra == 'y'", "z; python_version<'3'"),
    )
    other = wheel(tmp_path / "other_thing-2.0-py3-none-any.whl")
    size = one.stat().st_size + other.stat().st_size
    assert wheels.check([one, other], {"torch": "2.11.0"}) == size
    assert wheels.check([one, other], {"torch": None}) == size
    with pytest.raises(InputError, match=r"one-1\.0.*Other_thing>=2, which is nowhere"):
        wheels.check([one], {"torch": "2.11.0"})
    with pytest.raises(InputError, match=r"torch>=2\.9, but the machine has 2\.8"):
        wheels.check([one, other], {"torch": "2.8"})


def test_wheels_that_are_too_large_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(wheels, "MOST_BYTES", 100)
    one = wheel(tmp_path / "one-1.0-py3-none-any.whl")
    with pytest.raises(InputError, match="expected 0 MB at most"):
        wheels.check([one], {})


def test_what_is_packed_is_pinned_and_not_there():
    pins = wheels.versions(wheels.ROOT / "requirements.txt")
    there = wheels.versions(wheels.BARE)
    packed = {canonicalize_name(name) for name in wheels.PACKED}
    assert all(pins[name] for name in packed)
    assert not packed & there.keys()
    assert wheels.differing({"a": "1", "b": None, "c": "2"}, {"a": "1", "c": "3"}) == [
        "c 2 is there, the pin is 3"
    ]


def test_a_folder_that_is_there_gets_no_wheels(tmp_path, capsys):
    assert wheels.main([str(tmp_path)]) == 1
    assert "is there already" in capsys.readouterr().err
    assert tmp_path.exists()
