"""Starting torchrun, watching it, and ending it when we are ended."""

from __future__ import annotations

import contextlib
import ctypes
import logging
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from arkiv.errors import InputError

log = logging.getLogger(__name__)

# How a worker's last words begin; see `arkiv.train.worker`.
INPUT_FAULT, OWN_FAULT = "input fault: ", "training failed: "
# What torchrun says of the process that failed first.
FIRST_FAILURE = re.compile(r"failed \(exitcode: (-?\d+)\)")
PR_SET_PDEATHSIG = 1
# Loaded before any fork, where loading could wait for a lock that nobody releases.
LIBC = ctypes.CDLL(None) if sys.platform == "linux" else None
# torchrun gives its processes 30 s to end.
PATIENCE = 40


def torchrun_command(
    module: str,
    arguments: Sequence[str],
    *,
    processes: int,
    nodes: int = 1,
    rendezvous: str | None = None,
) -> list[str]:
    """The command that runs a module in `processes` processes on each node.

    Args:
        module: name of a Python module.
        arguments: its own.
        processes: per node.
        nodes: on each of which this very command is to be run.
        rendezvous: `host:port` where the nodes meet; needed for more than one.
    """
    if nodes == 1:
        where = ["--standalone"]
    elif rendezvous is None:
        raise ValueError(f"{nodes} nodes need a rendezvous")
    else:
        where = ["--rdzv-backend", "c10d", "--rdzv-endpoint", rendezvous]
    return [
        *(sys.executable, "-m", "torch.distributed.run", *where),
        *("--nnodes", str(nodes), "--nproc-per-node", str(processes)),
        *("-m", module, *arguments),
    ]


def threads_each(processes: int) -> int:
    """Threads of each process: its share of the cores, or of OMP_NUM_THREADS if set.

    torchrun would set it with more than one process only, and the last bits of the
    result depend on it.
    """
    share = os.environ.get("OMP_NUM_THREADS", "")
    if share.isdecimal():
        cores = int(share)
    elif hasattr(os, "sched_getaffinity"):
        cores = len(os.sched_getaffinity(0))
    else:
        cores = os.cpu_count() or 1
    return max(1, cores // processes)


def environment(processes: int, scratch: Path) -> dict[str, str]:
    """The environment of the processes: offline, without secrets, nothing in $HOME.

    Args:
        processes: on this node.
        scratch: a directory for what libraries cache; it is removed afterwards.
    """
    # FlagEmbedding writes the token, which it takes from there, to the log.
    secret = re.compile(r"^(HF_TOKEN|HUGGING_?FACE_HUB_TOKEN)$")
    kept = {name: value for name, value in os.environ.items() if not secret.match(name)}
    scripts = str(Path(__file__).parents[2])
    path = [scripts, *filter(None, [os.environ.get("PYTHONPATH")])]
    return kept | {
        "PYTHONPATH": os.pathsep.join(path),
        "PYTHONUNBUFFERED": "1",
        "OMP_NUM_THREADS": str(threads_each(processes)),
        "TOKENIZERS_PARALLELISM": "false",
        "HF_HUB_OFFLINE": "1",
        "TRANSFORMERS_OFFLINE": "1",
        "HF_DATASETS_DISABLE_PROGRESS_BARS": "1",
        "HF_HOME": str(scratch / "hf"),
        "HF_HUB_CACHE": str(scratch / "hf" / "hub"),
        "HF_DATASETS_CACHE": str(scratch / "datasets"),
    }


def end_with_parent(signum: int) -> None:
    """Have the kernel send this process a signal when its parent dies (Linux only)."""
    if LIBC is not None:
        LIBC.prctl(PR_SET_PDEATHSIG, signum)


@contextlib.contextmanager
def _ended_with_us(process: subprocess.Popen) -> Iterator[None]:
    """End the process when the block ends, by SIGTERM to us too."""

    def leave(signum: int, frame: object) -> None:
        # A second one must not break off the cleaning up.
        signal.signal(signum, signal.SIG_IGN)
        sys.exit(128 + signum)

    before = signal.signal(signal.SIGTERM, leave)
    try:
        yield
    finally:
        if process.poll() is None:
            # torchrun, told so, ends its processes; they are not in its group.
            process.terminate()
            try:
                process.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                process.kill()
        signal.signal(signal.SIGTERM, before)


def run_watched(command: Sequence[str], environment: dict[str, str]) -> None:
    """Run a command, its output going to our standard error as it comes.

    Raises:
        InputError: a process found the input at fault.
        SystemExit: a process failed otherwise; says how in one sentence.
    """
    log.info("running %s", " ".join(command))
    faults: dict[str, str] = {}
    first_failure: int | None = None
    last = "it said nothing"
    process = subprocess.Popen(
        command,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        encoding="utf-8",
        errors="replace",
        start_new_session=True,  # Ctrl-C reaches us alone, and we end it
        preexec_fn=lambda: end_with_parent(signal.SIGTERM),
    )
    with process, _ended_with_us(process):
        for line in process.stdout:
            sys.stderr.write(line)
            sys.stderr.flush()
            # Of the processes that fail, the first is at fault; the others lose it.
            for mark in (INPUT_FAULT, OWN_FAULT):
                if mark in line:
                    faults.setdefault(mark, line.split(mark, 1)[1].strip())
            if first_failure is None and (found := FIRST_FAILURE.search(line)):
                first_failure = int(found[1])
            last = line.strip() or last
        status = process.wait()
    if INPUT_FAULT in faults:
        raise InputError(faults[INPUT_FAULT])
    if status:
        why = faults.get(OWN_FAULT, last)
        if first_failure is not None and first_failure < 0:
            name = signal.Signals(-first_failure).name
            hint = ", perhaps for want of memory" if name == "SIGKILL" else ""
            why = f"a process was ended by {name}{hint}"
        raise SystemExit(f"error: training failed: {why} (exit status {status})")
