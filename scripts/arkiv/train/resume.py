"""Checkpoints that outlive a failed run, and going on from the newest whole one.

The checkpoint directory of a run that has not ended well holds, beside Hugging Face's
`checkpoint-STEP` directories, `run.json`: what the run was started with. The next run
goes on where that one stopped if it was started with the same, and else afresh.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import logging
import os
import re
import shutil
import socket
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from arkiv.base.errors import InputError
from arkiv.base.files import read_json, write_json

log = logging.getLogger(__name__)

RUN = "run.json"
LOCK = "lock"
# The best models so far are `best-STEP`, beside the checkpoints.
BEST = "best-"
# Written into a checkpoint last, when every process has saved its part.
WHOLE = "whole"
# A filesystem without locks, such as Lustre mounted without `flock`.
NO_LOCKS = (errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP)
# Seconds: longer than a node that died is believed to hold its lock.
PATIENCE = 300.0


def checkpoints(directory: Path) -> list[Path]:
    """The checkpoints in a directory, whole or not, by step."""
    found = [
        path
        for path in directory.glob("checkpoint-*")
        if re.fullmatch(r"checkpoint-\d+", path.name)
        and path.is_dir()
        and not path.is_symlink()
    ]
    return sorted(found, key=lambda path: int(path.name.partition("-")[2]))


def on_disk(directory: Path) -> None:
    """Wait until all files of a directory are on the disk."""
    for path in directory.rglob("*"):
        if path.is_file():
            with open(path, "rb") as file:
                os.fsync(file.fileno())


def mark_whole(checkpoint: str | Path) -> None:
    """Say that every process has saved its part of a checkpoint."""
    # The mark must not reach the disk before what it stands for.
    on_disk(Path(checkpoint))
    Path(checkpoint, WHOLE).touch()


def begin(directory: Path, started_with: Mapping[str, Any]) -> Path | None:
    """Make the directory of checkpoints ready for a run.

    Checkpoints that are not whole, and those of a run that was started with something
    else or has ended well, are removed; nothing else is.

    Args:
        directory: made if it is not there.
        started_with: all that the trained weights depend on, as JSON values.

    Returns:
        The newest whole checkpoint of this very run, or None to start afresh.
    """
    directory.mkdir(parents=True, exist_ok=True)
    earlier = None
    # Not whole: the run was killed at its very start.
    with contextlib.suppress(InputError):
        earlier = read_json(directory / RUN)
    found = checkpoints(directory)
    keep = earlier == started_with
    if found and not keep:
        log.info("starting afresh: %s", _why_afresh(earlier, started_with))
    newest = None
    # What a run left that was killed while it wrote, too.
    for path in directory.glob(f".{BEST}*" if keep else f"*{BEST}*"):
        shutil.rmtree(path)
    for path in found:
        if keep and (path / WHOLE).is_file():
            newest = path
        else:
            log.info("removing %s", path)
            shutil.rmtree(path)
    if newest is not None:
        log.info("going on from %s", newest)
    write_json(directory / RUN, started_with)
    return newest


def ended_well(directory: Path) -> None:
    """Note that nothing is left to go on with; the checkpoints stay to be looked at.

    The best model, of which the trained one is a copy, goes.
    """
    (directory / RUN).unlink(missing_ok=True)
    for path in directory.glob(f"{BEST}*"):
        shutil.rmtree(path)


def _why_afresh(earlier: Any, started_with: Mapping[str, Any]) -> str:
    if not isinstance(earlier, dict):
        return "the checkpoints here are of a run that has ended"
    keys = sorted(earlier.keys() | started_with.keys())
    changed = [key for key in keys if earlier.get(key) != started_with.get(key)]
    return f"the checkpoints here are of a run with other {', '.join(changed)}"


@contextlib.contextmanager
def alone(directory: Path, patience: float = PATIENCE) -> Iterator[None]:
    """Be the only run that uses a directory of checkpoints; wait for another one.

    After Snakemake was killed its jobs go on, and starting it again may start a second
    run beside the first. The lock goes with its process, however that ends.

    Raises:
        InputError: another run still uses it.
    """
    directory.mkdir(parents=True, exist_ok=True)
    end = time.monotonic() + patience
    with open(directory / LOCK, "a+", encoding="utf-8") as file:
        waiting = False
        while True:
            try:
                fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except OSError as error:
                if error.errno in NO_LOCKS:
                    log.warning("%s cannot be locked (%s)", file.name, error.strerror)
                    break
                if error.errno not in (errno.EACCES, errno.EAGAIN):
                    raise
            file.seek(0)
            holder = file.read().strip() or "another run"
            if time.monotonic() > end:
                raise InputError(
                    f"{holder} is still training with these checkpoints; wait for it, "
                    "or end it, and run again",
                    file=directory,
                )
            if not waiting:
                log.info("waiting up to %.0f s for %s", patience, holder)
                waiting = True
            time.sleep(min(1.0, patience))
        file.truncate(0)
        job = os.environ.get("SLURM_JOB_ID")
        who = f"SLURM job {job}" if job else f"process {os.getpid()}"
        file.write(f"{who} on {socket.gethostname()}")
        file.flush()
        yield
