"""The file by which the SLURM plugin finds each job a partition that fits it.

As snakemake-executor-plugin-slurm 2.8.0 reads it (its partitions.py): of those whose
limits a job keeps, the partition to whose limits it comes nearest; none with GPUs for a
job without, unless there is no other.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from arkiv.base.errors import InputError
from arkiv.base.files import written_whole
from arkiv.doctor.slurm import Partition, Slurm, answering

HEAD = """\
# The partitions of this cluster, as sinfo describes them, with the largest of their
# nodes: written by check_machine.py --write-partitions. Take out those that jobs should
# not go to. Used where a job names no partition: leave cpu_partition and gpu_partition
# null in the profile, and give
#   snakemake --profile slurm --slurm-partition-config THIS-FILE …
# or set slurm-partition-config there.
"""
# Minutes below which a partition is one for trying things out: short jobs, which it
# would fit best, would wait for its few nodes.
SHORTEST = 60


def limits(partition: Partition) -> dict[str, Any]:
    """The limits of a partition, by the plugin's names."""
    nodes = list(answering(partition)) or list(partition.nodes)
    time = {"max_runtime": partition.minutes} if partition.minutes else {}
    counted = {
        "max_mem_mb": ("MaxMemPerNode", max(one.memory for one in nodes)),
        "max_threads": ("MaxCPUsPerNode", max(one.cpus for one in nodes)),
        "max_nodes": ("MaxNodes", sum(one.count for one in nodes)),
    }
    most = {key: partition.most(of, found=n) for key, (of, n) in counted.items()}
    found: dict[str, Any] = time | most
    gpus = max(sum(one.gpus.values()) for one in nodes)
    if gpus:
        found["max_gpu"] = gpus
        if kinds := sorted({kind for one in nodes for kind in one.gpus if kind}):
            found["available_gpu_models"] = kinds
    if features := sorted({word for one in nodes for word in one.features}):
        found["available_constraints"] = features
    return found


def left_out(partition: Partition, account: str | None) -> str:
    """Why jobs should not go to a partition, or nothing."""
    if not partition.up:
        return "it is not up"
    if not partition.takes(account):
        return f"it does not take the account {account}"
    if partition.minutes is not None and partition.minutes < SHORTEST:
        return f"its jobs have {partition.minutes} min"
    return ""


def lines(partitions: Mapping[str, Partition], account: str | None) -> Iterator[str]:
    """The file, line by line: YAML whose values are JSON."""
    yield from HEAD.splitlines()
    yield "partitions:"
    for name, partition in sorted(partitions.items()):
        if why := left_out(partition, account):
            yield f"  # {name} is left out: {why}."
            continue
        yield f"  {json.dumps(name)}:"
        for key, value in limits(partition).items():
            yield f"    {key}: {json.dumps(value)}"


def write(path: str | Path, slurm: Slurm, account: str | None) -> int:
    """Write the file; return how many partitions it has.

    Raises:
        InputError: SLURM does not answer, or none of its partitions will do.
    """
    there = slurm.partitions
    fit = [one for one in there.values() if not left_out(one, account)]
    if not fit:
        raise InputError(
            f"none of {', '.join(there)} takes jobs; see sinfo, and the account"
        )
    with written_whole(path) as beside:
        text = "\n".join(lines(there, account)) + "\n"
        beside.write_text(text, encoding="utf-8")
    return len(fit)
