"""One node's share of a training run: torchrun, with caches of the node's own.

Not to be run by hand: `scripts/train_model.py` starts it, on several nodes by srun.
"""

from __future__ import annotations

import argparse
import os
import socket
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from arkiv.train.launch import ended_with_us, environment, torchrun_command


def main(argv: Sequence[str] | None = None) -> int:
    """Run torchrun to its end; its exit status is ours."""
    arguments = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    arguments.add_argument("--processes", type=int, required=True, help="on this node")
    arguments.add_argument("--nodes", type=int, default=1)
    arguments.add_argument("--endpoint", metavar="HOST:PORT", help="of the first node")
    arguments.add_argument("--run-id", default="0", help="tells this run from others")
    arguments.add_argument("--interface", help="network interface of NCCL and Gloo")
    arguments.add_argument("worker", nargs="*", help="arguments of the worker")
    arguments = arguments.parse_args(argv)

    rank = int(os.environ.get("SLURM_NODEID", "0"))
    gpus = os.environ.get("CUDA_VISIBLE_DEVICES") or "as they are"
    where = f"node {rank + 1} of {arguments.nodes}, {socket.gethostname()}"
    print(f"{where}: {arguments.processes} processes, GPUs: {gpus}", file=sys.stderr)
    with tempfile.TemporaryDirectory(prefix="arkiv-train-") as scratch:
        command = torchrun_command(
            ["--cache_path", f"{scratch}/datasets", *arguments.worker],
            processes=arguments.processes,
            nodes=arguments.nodes,
            rank=rank,
            endpoint=arguments.endpoint,
            run_id=arguments.run_id,
        )
        given = environment(arguments.processes, Path(scratch), arguments.interface)
        with ended_with_us(command, given) as process:
            return process.wait()


if __name__ == "__main__":
    sys.exit(main())
