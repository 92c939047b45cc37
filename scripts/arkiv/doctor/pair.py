"""One of two processes that see whether they can add up a number together.

    python -m torch.distributed.run … start.py arkiv.doctor.pair

Tries Gloo, and NCCL where each process has a GPU. The first one says what went well.
"""

from __future__ import annotations

import os
from datetime import timedelta

# Seconds after which the other process is taken for lost.
PATIENCE = 30


def added_up(backend: str, device: str) -> float:
    """The sum over all processes of their ranks, counted from 1."""
    import torch
    from torch import distributed

    distributed.init_process_group(backend, timeout=timedelta(seconds=PATIENCE))
    try:
        number = torch.tensor([distributed.get_rank() + 1.0], device=device)
        distributed.all_reduce(number)
        return number.item()
    finally:
        distributed.destroy_process_group()


def main() -> None:
    import torch

    rank, processes = int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"])
    ways = {"gloo": "cpu"}
    if torch.cuda.is_available() and torch.cuda.device_count() >= processes:
        torch.cuda.set_device(rank)
        ways["nccl"] = f"cuda:{rank}"
    for backend, device in ways.items():
        found, wanted = added_up(backend, device), sum(range(1, processes + 1))
        if found != wanted:
            raise SystemExit(f"{backend} added up to {found:g}, expected {wanted}")
        if rank == 0:
            print(backend, flush=True)


if __name__ == "__main__":
    main()
