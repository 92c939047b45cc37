"""Processes that compute one step together, as training starts them."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from pathlib import Path

import forks
import torch


def one_of(rank: int, meeting: str, size: str, module: str, name: str) -> None:
    """Call a function of a module within a group, with the process's rank."""
    torch.set_num_threads(1)
    torch.distributed.init_process_group(
        "gloo", init_method=f"file://{meeting}", rank=rank, world_size=int(size)
    )
    getattr(import_module(module), name)(rank)
    torch.distributed.destroy_process_group()


def in_a_group(compute: Callable[[int], None], folder: Path, size: int = 2) -> None:
    """Call a function of a test's in so many processes, each with its rank from 0.

    Args:
        compute: what it raises fails the test.
        folder: where they meet.
        size: how many.
    """
    words = str(size), compute.__module__, compute.__name__
    forks.together(one_of, size, str(folder / "meeting"), *words)
