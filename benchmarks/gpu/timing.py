"""Timing of work on a device, which goes on while the program does."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

WARM_UP, RUNS = 3, 10


def wait(device: str) -> None:
    """Until the device has done all that it was given."""
    if device == "cuda":
        import torch

        torch.cuda.synchronize()


def seconds_of(
    work: Callable[[], object], device: str, warm_up: int = WARM_UP, runs: int = RUNS
) -> float:
    """The median of `runs` runs after some that load, compile and fill caches."""
    for _ in range(warm_up):
        work()
    taken = []
    for _ in range(runs):
        wait(device)
        began = time.perf_counter()
        work()
        wait(device)
        taken.append(time.perf_counter() - began)
    return statistics.median(taken)
