"""Processes that work through batches, and what becomes of them when one fails."""

import os
import signal
import subprocess
import sys
import time
from functools import partial

import pytest

from arkiv.base.errors import InputError
from arkiv.encode.workers import Workers, cores, devices

TWO = ["cpu", "cpu"]


class Doubler:
    """Doubles numbers; a text tells it what to do instead."""

    def __init__(self, slower, budget, device):
        self.budget = budget or (30 if device == "cpu" else 20)

    def __call__(self, batch):
        if batch == "refuse":
            raise InputError("holds a word that I do not like", file="x.jsonl", line=3)
        if batch == "fail":
            raise ValueError("out of ideas")
        if batch == "die":
            os.kill(os.getpid(), signal.SIGKILL)
        return [2 * number for number in batch]


DOUBLER = partial(Doubler, None)


@pytest.mark.parametrize("places", [["cpu"], TWO])
def test_every_batch_is_answered(places):
    batches = [(n, [n, n + 1]) for n in range(50)]
    with Workers(DOUBLER, None, places) as workers:
        assert workers.budget == 30
        found = dict(workers.map(iter(batches)))
        assert found == {n: [2 * n, 2 * n + 2] for n in range(50)}
        assert dict(workers.map([("again", [1])])) == {"again": [2]}


def test_the_budget_is_that_of_the_smallest_device():
    with Workers(DOUBLER, None, ["cpu", "other"]) as workers:
        assert workers.budget == 20
    with Workers(DOUBLER, 7, TWO) as workers:
        assert workers.budget == 7


@pytest.mark.parametrize(
    ("batch", "kind", "said"),
    [
        ("refuse", InputError, r"x\.jsonl, line 3: holds a word"),
        ("fail", RuntimeError, "(?s)failed on cpu.*ValueError: out of ideas"),
        ("die", RuntimeError, "ended by SIGKILL, perhaps for want of memory"),
    ],
)
def test_a_worker_that_fails_ends_the_work(batch, kind, said):
    batches = [(n, [n]) for n in range(20)] + [(20, batch)] + [(21, [1])] * 1000
    began = time.monotonic()
    workers = Workers(DOUBLER, None, TWO)
    with pytest.raises(kind, match=said), workers:
        for _ in workers.map(batches):
            pass
    assert time.monotonic() - began < 60
    assert not any(process.is_alive() for process in workers._processes.values())


PROGRAM = """
import sys, time
sys.path[:0] = {paths!r}
from test_workers import DOUBLER, TWO, Workers
if __name__ == "__main__":
    with Workers(DOUBLER, None, TWO) as workers:
        print(workers.budget, *(p.pid for p in workers._processes.values()), flush=True)
        time.sleep(600)
"""


def test_workers_end_with_a_parent_that_is_killed(tmp_path):
    program = tmp_path / "program.py"
    program.write_text(PROGRAM.format(paths=sys.path))
    with subprocess.Popen(
        [sys.executable, program], stdout=subprocess.PIPE, text=True
    ) as parent:
        pids = [int(word) for word in parent.stdout.readline().split()[1:]]
        parent.kill()
    end = time.monotonic() + 20
    while any(os.path.exists(f"/proc/{pid}") for pid in pids):
        assert time.monotonic() < end
        time.sleep(0.1)


def test_a_small_model_gets_a_process_per_core_and_a_large_one_all(
    tmp_path, monkeypatch
):
    monkeypatch.setenv("OMP_NUM_THREADS", str(len(os.sched_getaffinity(0)) + 5))
    assert devices(None, tmp_path) == ["cpu"] * cores()
    with open(tmp_path / "weights", "wb") as file:
        file.truncate(1 << 31)
    assert devices(None, tmp_path) == ["cpu"]
    assert devices(3, tmp_path) == ["cpu"] * 3
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    assert cores() == 1
    with pytest.raises(InputError, match="`processes`: is 0"):
        devices(0, tmp_path)
