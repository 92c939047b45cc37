"""Programs of a cluster that answer what a test has them answer, alone on the PATH."""

from __future__ import annotations

import getpass
import shlex
from pathlib import Path

from arkiv.doctor.plan import Asked

# As `sinfo --format` of `arkiv.doctor.slurm` has them.
NODES = {
    "cpu*": "cpu*|up|7-00:00:00|8|64|256000|(null)|(null)|idle",
    "gpu": "gpu|up|2-00:00:00|4|64|512000|gpu:A100:4(S:0-1)|a100,ib|mixed",
    "test": "test|up|30:00|1|8|32000|(null)|(null)|idle",
    "old": "old|down|infinite|2|16|64000|(null)|(null)|idle",
}
PARTITIONS = """\
PartitionName=cpu AllowAccounts=ALL MaxMemPerNode=UNLIMITED
PartitionName=gpu AllowAccounts=archive,library MaxMemPerNode=UNLIMITED
"""
CONFIG = "Configuration data as of now\nMinJobAge               = {age} sec\n"
# What is asked of a cluster, at the first try and the last.
CPU = {"mem_mb": 8000, "runtime": 240, "_cores": 1}
GPU = {
    **CPU,
    "gres": "gpu:A100:1",
    "cpus_per_task": 16,
    "slurm_partition": "gpu",
    "slurm_account": "archive",
}


def fake(folder: Path, name: str, out: str = "", *, status: int = 0) -> None:
    """Put a program into a folder that prints a text, to its errors if it fails."""
    folder.mkdir(parents=True, exist_ok=True)
    where = " >&2" if status else ""
    said = f"printf '%s\\n' {shlex.quote(out.rstrip())}{where}\n" if out else ""
    (folder / name).write_text(f"#!/bin/sh\n{said}exit {status}\n", encoding="utf-8")
    (folder / name).chmod(0o755)


def fake_scontrol(folder: Path, *, age: int = 300) -> None:
    """One that knows both questions."""
    fake(folder, "scontrol-config", CONFIG.format(age=age))
    fake(folder, "scontrol-partition", PARTITIONS)
    text = '#!/bin/sh\nexec "$0-$2"\n'
    (folder / "scontrol").write_text(text, encoding="utf-8")
    (folder / "scontrol").chmod(0o755)


def fake_slurm(folder: Path, **nodes: str) -> None:
    """A cluster on which all is well; nodes: other lines of sinfo."""
    fake(folder, "sinfo", "\n".join((NODES | nodes).values()))
    fake(folder, "sacctmgr", f"   archive\n   library\n# {getpass.getuser()}"[:24])
    fake_scontrol(folder)
    fake(folder, "sbatch", "sbatch: Job 7 to start")


def asked(rule: str = "embed_corpus", *, local: bool = False, **more: object) -> Asked:
    """What a rule of three tries asks for: GPU's, and more."""
    first = {**GPU, **more}
    last = {**first, "mem_mb": 3 * first["mem_mb"], "runtime": 3 * first["runtime"]}
    return Asked(rule, local, 1, first, last)
