"""What arkiv is compared with, each as a whole program that loads what it needs."""

from __future__ import annotations

from benchmarks.harness import Variant


def settings(*, quick: bool, gpu: bool) -> list[tuple[int, int]]:
    """Batch sizes and numbers of processes to look for a peer's best among."""
    if gpu:
        return [(16, 1), (64, 1), (256, 1)]
    if quick:
        return [(16, 1), (16, 2)]
    return [(8, 1), (16, 1), (16, 2)]


def encoding(
    name: str,
    command: list[object],
    batch_size: int,
    processes: int = 1,
    *,
    gpu: bool,
    runs: int | None = None,
) -> Variant:
    """A peer that encodes at a batch size: in one process, or in several of one thread.

    Its program takes `--batch-size`, `--devices` and `--fp16`.
    """
    command = [*command, "--batch-size", batch_size]
    name = f"{name}, batch size {batch_size}"
    environment = {"HF_HUB_OFFLINE": "1"}
    if gpu:
        command.append("--fp16")
    if processes > 1:
        command += ["--devices", *["cpu"] * processes]
        name += f", {processes} processes"
        environment["OMP_NUM_THREADS"] = "1"
    return Variant(name, [list(map(str, command))], runs, environment)
