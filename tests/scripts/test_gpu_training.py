"""`python -m benchmarks gpu`: its parts that train, at small sizes on the CPU."""

import math
import sys
import time

import forks
import pytest

from benchmarks import train_step
from benchmarks.gpu import PARTS
from benchmarks.gpu.alone import run_part
from benchmarks.gpu.part import Found, Given
from benchmarks.gpu.train_runs import TrainingRun, made
from benchmarks.gpu.training_checks import differences
from benchmarks.harness import BenchmarkError

TRAINING = [name for name, one in PARTS.items() if one.module.startswith("training")]


@pytest.fixture(autouse=True)
def started_in_forks(monkeypatch):
    monkeypatch.setattr(sys, "executable", str(forks.with_libraries().python))


@pytest.mark.parametrize("name", TRAINING)
def test_parts_hold_at_small_sizes(tmp_path, name):
    found = Found()
    run_part(name, Given("cpu", True, tmp_path), found)
    assert found.checks or found.measures
    assert [check for check in found.checks if not check.holds] == []


def test_a_run_that_fails_says_why(tmp_path, capsys):
    material = made(tmp_path, small=True)
    run = TrainingRun(tmp_path / "run", material, learning_rate="fast")
    with pytest.raises(BenchmarkError, match=r"^run: error: .*learning_rate"):
        run.history()
    assert "learning_rate" in capsys.readouterr().err


def test_losses_of_runs_with_other_steps_are_never_the_same():
    assert differences([1.0, 2.2], [1.0, 2.0]) == pytest.approx([0, 0.1])
    assert math.isnan(*differences([1.0], [1.0, 2.0]))


@pytest.mark.parametrize("most", [512, 4096, 8192, 8194])
def test_the_longest_that_fits_is_found_in_few_tries(most):
    for limit in range(0, most + 700, 100):
        tried = []

        def fits(length, limit=limit, tried=tried):
            tried.append(length)
            return length <= limit

        found = train_step.longest(fits, 512, most)
        assert found == min(limit, most) // 512 * 512
        assert len(tried) == len(set(tried)) < 10


def test_a_search_whose_time_is_up_gives_what_is_known_to_fit():
    assert train_step.longest(lambda length: True, 512, 8192, time.monotonic()) == 0
