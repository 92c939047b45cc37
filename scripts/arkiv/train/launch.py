"""Starting a training run on one node or several, watching it, ending it with us.

On each node `arkiv.train.node` starts torchrun, which starts one `arkiv.train.worker`
per process, both by `start.py`. On one node we start that program ourselves; on
several, SLURM's srun does, once per node of the job we run in.
"""

from __future__ import annotations

import contextlib
import ctypes
import logging
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from arkiv.base.cli import OFFLINE
from arkiv.base.errors import InputError
from arkiv.base.secrets import TOKENS

log = logging.getLogger(__name__)

# How a worker's last words begin; see `arkiv.train.worker`.
INPUT_FAULT, OWN_FAULT = "input fault: ", "training failed: "
# What torchrun says of each process that failed, the one that it noticed first before
# the others; and what a process says that has but lost another.
FAILURE = re.compile(r"\bexitcode *: (-?\d+)")
LOST = re.compile(r"(closed|reset) by peer|remote process|ncclRemoteError")
# Runs one of our modules, on this node and on others.
START = str(Path(__file__).with_name("start.py"))
PR_SET_PDEATHSIG = 1
# Loaded before any fork, where loading could wait for a lock that nobody releases.
LIBC = ctypes.CDLL(None)
# torchrun gives its processes 30 s to end, and `arkiv.train.node` waits for it.
PATIENCE = 45


def node_command(
    arguments: Sequence[str],
    *,
    processes: int,
    nodes: int = 1,
    interface: str | None = None,
) -> list[str]:
    """The command that trains on all nodes: for several, from the first of them.

    Args:
        arguments: of `arkiv.train.worker`.
        processes: per node.
        nodes: of the SLURM job that we run in.
        interface: of the network, such as `ib0`.

    Raises:
        InputError: several nodes are asked for outside a SLURM job.
    """
    words = [sys.executable, START, "arkiv.train.node", "--processes", str(processes)]
    if interface is not None:
        words += ["--interface", interface]
    if nodes == 1:
        return [*words, "--", *arguments]
    job = os.environ.get("SLURM_JOB_ID")
    if job is None or shutil.which("srun") is None:
        raise InputError(
            f"is {nodes}, but this is no SLURM job; several nodes are offered by "
            "`snakemake --profile slurm` only",
            key="train.nodes",
        )
    # SLURM runs a job's script on its first node, where srun puts task 0 as well.
    with socket.socket() as probe:
        probe.bind(("", 0))  # a port that nothing listens on here, now
        endpoint = f"{socket.gethostname()}:{probe.getsockname()[1]}"
    words += ["--nodes", str(nodes), "--endpoint", endpoint, "--run-id", job]
    return [
        *("srun", "--nodes", str(nodes), "--ntasks", str(nodes)),
        *("--ntasks-per-node", "1", "--cpu-bind", "none", "--kill-on-bad-exit=1"),
        *(*words, "--", *arguments),
    ]


def torchrun_command(
    arguments: Sequence[str],
    *,
    processes: int,
    nodes: int = 1,
    rank: int = 0,
    endpoint: str | None = None,
    run_id: str = "0",
    module: str = "arkiv.train.worker",
    python: str = sys.executable,
) -> list[str]:
    """The command that runs a module of ours in `processes` processes on this node.

    Args:
        arguments: of the module.
        processes: per node.
        nodes: on each of which such a command is to be run.
        rank: of this node, from 0.
        endpoint: `host:port` of node 0, where the nodes meet; needed for more than one.
        run_id: tells this run from others at the same endpoint.
        module: what each process runs.
        python: that runs it.
    """
    if nodes == 1:
        # Told, as below: where the machine's name leads nowhere its own processes would
        # look for each other without an end.
        where = ["--standalone", "--local-addr", "localhost"]
    elif endpoint is None:
        raise ValueError(f"{nodes} nodes need a rendezvous")
    else:
        # Which node is the host, and each node's name, are told: torchrun would ask
        # the name service, which on compute nodes is often slow or wrong.
        where = [
            *("--rdzv-backend", "c10d", "--rdzv-endpoint", endpoint),
            *("--rdzv-id", run_id, "--rdzv-conf", f"is_host={int(rank == 0)}"),
            *("--local-addr", socket.gethostname()),
        ]
    return [
        *(python, "-m", "torch.distributed.run", *where),
        *("--nnodes", str(nodes), "--nproc-per-node", str(processes)),
        *(START, module, *arguments),
    ]


def threads_each(processes: int) -> int:
    """Threads of each process: its share of the cores, or of OMP_NUM_THREADS if set.

    torchrun would set it with more than one process only, and the last bits of the
    result depend on it.
    """
    share = os.environ.get("OMP_NUM_THREADS", "")
    cores = int(share) if share.isdecimal() else len(os.sched_getaffinity(0))
    return max(1, cores // processes)


def environment(
    processes: int, scratch: Path, interface: str | None = None
) -> dict[str, str]:
    """The environment of this node's processes: offline and without secrets.

    What libraries cache goes to `scratch`, which is removed afterwards, not to $HOME.
    """
    sockets = ("NCCL_SOCKET_IFNAME", "GLOO_SOCKET_IFNAME") if interface else ()
    return {
        **without_secrets(os.environ),
        **OFFLINE,
        **dict.fromkeys(sockets, interface),
        "OMP_NUM_THREADS": str(threads_each(processes)),
        "TOKENIZERS_PARALLELISM": "false",
        "HF_DATASETS_DISABLE_PROGRESS_BARS": "1",
        "HF_HOME": str(scratch / "hf"),
        "HF_HUB_CACHE": str(scratch / "hf" / "hub"),
        "HF_DATASETS_CACHE": str(scratch / "datasets"),
    }


def without_secrets(given: Mapping[str, str]) -> dict[str, str]:
    """An environment without the hub's token, whose output comes as it is written.

    FlagEmbedding writes the token, which it takes from there, to the log.
    """
    kept = {name: value for name, value in given.items() if name not in TOKENS}
    return kept | {"PYTHONUNBUFFERED": "1"}


def end_with_parent(signum: int) -> None:
    """Have the kernel send this process a signal when its parent dies."""
    LIBC.prctl(PR_SET_PDEATHSIG, signum)


@contextlib.contextmanager
def ended_with_us(
    command: Sequence[str], environment: Mapping[str, str], **options: object
) -> Iterator[subprocess.Popen]:
    """Start a command; end it when the block ends, by SIGTERM to us too."""

    def leave(signum: int, frame: object) -> None:
        # A second one must not break off the cleaning up.
        signal.signal(signum, signal.SIG_IGN)
        sys.exit(128 + signum)

    before = signal.signal(signal.SIGTERM, leave)
    try:
        with subprocess.Popen(
            command,
            env=environment,
            stdin=subprocess.DEVNULL,  # srun would read it
            start_new_session=True,  # Ctrl-C reaches us alone, and we end it
            preexec_fn=lambda: end_with_parent(signal.SIGTERM),
            **options,
        ) as process:
            try:
                yield process
            finally:
                if process.poll() is None:
                    # torchrun, told so, ends its processes; they are not in its group.
                    process.terminate()
                    try:
                        process.wait(PATIENCE)
                    except subprocess.TimeoutExpired:
                        process.kill()
    finally:
        signal.signal(signal.SIGTERM, before)


def run_watched(command: Sequence[str], environment: Mapping[str, str]) -> None:
    """Run a command, its output going to our standard error as it comes.

    Raises:
        InputError: a process found the input at fault.
        SystemExit: a process failed otherwise; says how in one sentence.
    """
    log.info("running %s", " ".join(command))
    faults: dict[str, str] = {}
    codes: list[int] = []
    last = "it said nothing"
    with ended_with_us(
        command,
        environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        encoding="utf-8",
        errors="replace",
    ) as process:
        for line in process.stdout:
            sys.stderr.write(line)
            sys.stderr.flush()
            # Of the processes that fail, the first is at fault; the others lose it.
            for mark in (INPUT_FAULT, OWN_FAULT):
                if mark in line:
                    faults.setdefault(mark, line.split(mark, 1)[1].strip())
            if found := FAILURE.search(line):
                codes.append(int(found[1]))
            last = line.strip() or last
        status = process.wait()
    if INPUT_FAULT in faults:
        raise InputError(faults[INPUT_FAULT])
    if status:
        why = faults.get(OWN_FAULT, last)
        # torchrun itself ends by SIGTERM those that are left.
        ended = [code for code in codes if code not in (1, -signal.SIGTERM)]
        first = next(iter(ended if LOST.search(why) else codes), 0)
        if first < 0:
            name = signal.Signals(-first).name
            hint = ", perhaps for want of memory" if name == "SIGKILL" else ""
            why = f"a process was ended by {name}{hint}"
        raise SystemExit(f"error: training failed: {why} (exit status {status})")
