"""A short job on a CPU node and one on a GPU node, which look at their node.

Each writes what it found beside the results, where this process reads it: so the node
sees them, and its Python runs. While a job looks, this process holds a lock that the
job must not get.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import shlex
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from arkiv.doctor import filesystem, gpus
from arkiv.doctor.cluster import Cluster, sbatch_words
from arkiv.doctor.command import ask
from arkiv.doctor.found import Check, Finding, Told, fault, ok, warning
from arkiv.doctor.plan import Asked
from arkiv.doctor.room import existing
from arkiv.settings.config import PROJECT

# Of a job that only looks: minutes, and megabytes at most, as three processes import
# torch, which takes a minute from a slow filesystem.
MINUTES, MEMORY = 3, 8000
# Seconds for which a file of a node may not be seen here.
LATENCY = 30
LOCKED, FOUND, SAID = "locked", "found.json", "said.log"
# How squeue calls a job that is not at its end.
WAITING, RUNNING = ("PENDING", "CONFIGURING"), ("RUNNING", "COMPLETING", "SUSPENDED")


class Jobs:
    """Jobs that look at nodes.

    Args:
        cluster: where, and with what account and partitions.
        words: of this program's command line, for the job.
        folder: where results lie.
        python: which has torch, on GPU nodes.
        patience: seconds that a job may wait in the queue.
    """

    def __init__(
        self,
        cluster: Cluster,
        words: Sequence[str],
        folder: Path,
        python: str,
        patience: float,
    ) -> None:
        self._cluster, self._words, self._folder = cluster, words, folder
        self._python, self._patience = python, patience
        self._waiting: set[str] = set()

    def checks(self) -> Iterator[Check]:
        """One check of a kind of node each; a cluster may be asked for no GPUs."""
        limit = self._patience + 60 * MINUTES + 2 * LATENCY
        for kind, has_gpus in (("CPU", False), ("GPU", True)):
            look = partial(self._look, kind, has_gpus)
            yield Check(f"{kind} node", look, limit)

    def end(self) -> None:
        """Cancel what is under way."""
        for job in sorted(self._waiting):
            ask("scancel", job)
        self._waiting.clear()

    def _look(self, kind: str, has_gpus: bool) -> Finding | list[Told]:
        asked = next(
            (
                one
                for one in self._cluster.plan.submitted
                if bool(one.first.get("gres")) == has_gpus
            ),
            None,
        )
        if asked is None:
            return ok(f"no job of this run asks for a {kind} node")
        place = existing(self._folder)
        with (
            tempfile.TemporaryDirectory(
                prefix=".doctor-", dir=place, ignore_cleanup_errors=True
            ) as scratch,
            open(Path(scratch, LOCKED), "wb") as lock,
        ):
            with contextlib.suppress(OSError):
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return self._looked(kind, asked, Path(scratch).absolute())

    def _looked(self, kind: str, asked: Asked, scratch: Path) -> Finding | list[Told]:
        """Submit the job, wait for it, and read what it found."""
        program = [sys.executable, PROJECT / "scripts/check_machine.py"]
        words = [*program, *self._words, "--on-node", scratch, "--python", self._python]
        if kind == "GPU":
            words.append("--gpus")
        answer = ask(
            *("sbatch", "--parsable", "--job-name=arkiv-doctor", "--no-requeue"),
            *("--export=ALL", "--ntasks=1", f"--chdir={Path.cwd()}"),
            *(
                f"--output={scratch / SAID}",
                *sbatch_words(_small(self._cluster.placed(asked.first))),
            ),
            f"--wrap={shlex.join(map(str, words))}",
        )
        if not answer.well:
            do = "see the lines on partitions, account and gres"
            return fault(f"no job was taken: {answer.said}", do)
        job = answer.out.strip().partition(";")[0]
        self._waiting.add(job)
        try:
            began = time.monotonic()
            if unbegun := self._wait(job, scratch / FOUND):
                return unbegun
            return self._read(job, kind, scratch, time.monotonic() - began)
        finally:
            if job in self._waiting:
                self._waiting.discard(job)
                ask("scancel", job)

    def _wait(self, job: str, file: Path) -> Finding | None:
        """Wait for the end of a job, or a little for what it found, or say why not."""
        began = time.monotonic()
        ended = None
        while ended is None or not file.exists():
            state, reason = self._state(job)
            now = time.monotonic()
            if state in WAITING and now - began > self._patience:
                seen = f"job {job} waited {self._patience:g} s ({reason}): cancelled"
                return warning(seen, "look again later, or wait longer: --wait 3600")
            # A node's files may be seen here late.
            ended = None if state in (*WAITING, *RUNNING) else ended or now
            if ended and now - ended > LATENCY:
                return None
            time.sleep(1)
        return None

    def _state(self, job: str) -> tuple[str, str]:
        words = ("--noheader", f"--jobs={job}", "--format=%T|%r")
        answer = ask("squeue", *words)
        # Of a job that it has forgotten squeue says so; else it will answer again.
        if not answer.well and "Invalid job id" not in answer.said:
            return "PENDING", answer.said
        state, _, reason = answer.out.strip().partition("|")
        return state, reason

    def _read(
        self, job: str, kind: str, scratch: Path, seconds: float
    ) -> Finding | list[Told]:
        """What a job found that has ended."""
        self._waiting.discard(job)
        try:
            found = json.loads((scratch / FOUND).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            said = scratch / SAID
            text = said.read_text(errors="replace").strip() if said.exists() else ""
            last = text.splitlines()[-1] if text else "and said nothing"
            do = "see whether nodes see this directory and its Python"
            return fault(f"job {job} ended without a result: {last}", do)
        node = found["node"]
        ran = ok(f"job {job} ran on {node}, done after {seconds:.0f} s with waiting")
        told = [
            Told(one["status"], one["seen"], one["do"], f"{node} {one['name']}")
            for one in found["checks"]
        ]
        return [Told.by(f"{kind} node", ran), *told]


def _small(first: Mapping[str, Any]) -> dict[str, Any]:
    """What a job that only looks asks for: of one kind of node, little."""
    gres = first.get("gres")
    small = {"mem_mb": min(MEMORY, first["mem_mb"]), "runtime": MINUTES, "nodes": 1}
    if gres:
        small["gres"] = f"{str(gres).rpartition(':')[0]}:1"
    return {**first, **small}


def on_node(
    scratch: Path,
    config: Mapping[str, Any],
    models: Sequence[Path],
    python: str,
    has_gpus: bool,
) -> Iterator[Check]:
    """What a job looks at on its node.

    Args:
        scratch: beside the results, where the login node holds a lock.
        config: the configuration.
        models: that were there on the login node.
        python: see `Jobs`.
        has_gpus: it is a GPU node.
    """
    yield Check("sees", partial(check_seen, models))
    yield Check("locks", partial(check_locks, scratch))
    yield Check("clock", partial(filesystem.check_clock, scratch))
    if has_gpus:
        yield from gpus.checks(config, python)


def check_seen(models: Sequence[Path]) -> Finding:
    """Whether a node sees the models."""
    if missing := [str(one) for one in models if not one.is_dir()]:
        do = "set models.directory to a place that all nodes see"
        return fault(f"this node does not see {', '.join(missing)}", do)
    return ok(f"the project, the results and {len(models)} models that are there")


def check_locks(scratch: Path) -> Finding:
    """Whether a lock of the login node's holds here."""
    with open(scratch / LOCKED, "rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return ok("a lock of the login node holds here")
        except OSError as error:
            do = "have it mounted with flock"
            return fault(f"none can be had here ({error.strerror})", do)
    do = "have it mounted with flock: else nobody notices a second copy of a job"
    return warning("a lock of the login node does not hold here", do)
