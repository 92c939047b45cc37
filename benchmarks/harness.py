"""Run whole commands, measure them, compare them.

A variant is one way of doing the work: commands run one after the other, each in a
fresh process, so that imports and loading count for everyone alike. Variants are run in
turn, A B A B, and compared by the medians of their runs. Needs Linux.
"""

from __future__ import annotations

import contextlib
import os
import shlex
import shutil
import statistics
import subprocess
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

SECONDS_BETWEEN_SAMPLES = 0.1
MB = 1e6


class BenchmarkError(Exception):
    """A command failed, or two variants did not do the same work; one sentence."""


@dataclass(frozen=True)
class Variant:
    """One way of doing the work.

    Attributes:
        name: as the table shows it.
        commands: run one after the other; an argument `{out}` stands for the folder
            that the variant writes to, also inside a word.
        runs: how often at most; None: as often as the runner was asked for.
        environment: beside that of the runner.
    """

    name: str
    commands: Sequence[Sequence[str]]
    runs: int | None = None
    environment: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Run:
    """What one run of a variant took.

    Attributes:
        wall: seconds.
        cpu: seconds, user and system, of all its processes.
        memory: megabytes (10^6 bytes): the greatest sum, over the processes alive at a
            time, of their proportional set sizes (PSS: a page that n processes share
            counts 1/n in each), sampled every 0.1 s.
    """

    wall: float
    cpu: float
    memory: float


MEASURES = {"wall": "wall time", "cpu": "CPU time", "memory": "peak memory"}


@dataclass(frozen=True)
class Limit:
    """What a benchmark has to show.

    Attributes:
        measure: a key of MEASURES.
        of: name of a variant.
        to: names of the variants it is compared with; the least of them counts. Empty:
            the measure itself is limited (seconds or megabytes).
        at_most: the ratio, or without `to` the value.
    """

    measure: str
    of: str
    to: tuple[str, ...]
    at_most: float


def descendants(pid: int) -> Iterator[int]:
    """The process and all that it has started and that are still its descendants."""
    yield pid
    with contextlib.suppress(OSError):  # it has ended
        for thread in os.listdir(f"/proc/{pid}/task"):
            children = Path(f"/proc/{pid}/task/{thread}/children").read_text()
            for child in children.split():
                yield from descendants(int(child))


def proportional_size(pid: int) -> int:
    """Proportional set size in bytes; 0 of a process that has ended."""
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) * 1024
    return 0


class MemorySampler:
    """Follows the memory of a process tree in a thread, while the `with` body runs.

    Attributes:
        peak: bytes.
    """

    def __init__(self, pid: int, seconds: float = SECONDS_BETWEEN_SAMPLES) -> None:
        self.peak = 0
        self._pid, self._seconds = pid, seconds
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._follow, daemon=True)

    def _follow(self) -> None:
        while True:
            size = sum(map(proportional_size, descendants(self._pid)))
            self.peak = max(self.peak, size)
            if self._done.wait(self._seconds):
                return

    def __enter__(self) -> MemorySampler:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join()


def measured(
    command: Sequence[str],
    log: Path,
    environment: Mapping[str, str] | None = None,
    seconds: float = SECONDS_BETWEEN_SAMPLES,
    folder: Path | None = None,
) -> Run:
    """Run a command to its end; its output goes to the end of `log`.

    Args:
        command: words.
        log: a file.
        environment: beside that of the runner.
        seconds: between two looks at its memory, each of which takes some milliseconds.
        folder: where it runs; None: where the runner does.

    Raises:
        BenchmarkError: it did not end with status 0.
    """
    with open(log, "ab") as out:
        began = time.monotonic()
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            env=os.environ | dict(environment or {}),
            cwd=folder,
        )
        with MemorySampler(process.pid, seconds) as sampler:
            try:
                # Counts what the process itself has waited for: its workers too.
                _, status, usage = os.wait4(process.pid, 0)
            except BaseException:
                process.kill()
                process.wait()
                raise
            wall = time.monotonic() - began
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise BenchmarkError(
            f"`{shlex.join(command)}` ended with status {process.returncode} "
            f"({last_line(log)}); its log is {log}"
        )
    return Run(wall, usage.ru_utime + usage.ru_stime, sampler.peak / MB)


def last_line(path: Path) -> str:
    """The last line with something in it."""
    lines = path.read_text(encoding="utf-8", errors="replace").split("\n")
    return next((line.strip() for line in reversed(lines) if line.strip()), "no output")


def run_variant(variant: Variant, out: Path) -> Run:
    """Run the commands of a variant, which write to the emptied folder `out`.

    Raises:
        BenchmarkError: one of them failed.
    """
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    log = out.with_suffix(".log")
    log.unlink(missing_ok=True)
    runs = [
        measured(
            [word.replace("{out}", str(out)) for word in command],
            log,
            variant.environment,
        )
        for command in variant.commands
    ]
    return Run(
        sum(run.wall for run in runs),
        sum(run.cpu for run in runs),
        max(run.memory for run in runs),
    )


def interleaved(
    variants: Sequence[Variant],
    runs: int,
    run: Callable[[Variant], Run],
) -> dict[str, list[Run]]:
    """Run each variant in turn until each has its runs: A B A B, not A A B B."""
    done: dict[str, list[Run]] = {variant.name: [] for variant in variants}
    for number in range(runs):
        for variant in variants:
            if variant.runs is None or number < variant.runs:
                done[variant.name].append(run(variant))
    return done


@dataclass(frozen=True)
class Spread:
    """A median and the range around it."""

    median: float
    least: float
    most: float

    @classmethod
    def of(cls, values: Iterable[float]) -> Spread:
        values = list(values)
        return cls(statistics.median(values), min(values), max(values))

    def over(self, other: Spread) -> Spread:
        """The ratio of the medians, and the ratios of the extremes around it."""
        return Spread(
            self.median / other.median,
            self.least / other.most,
            self.most / other.least,
        )


def spread(runs: Sequence[Run], measure: str) -> Spread:
    """Of one measure over the runs of a variant."""
    return Spread.of(getattr(run, measure) for run in runs)


def judged(limit: Limit, runs: Mapping[str, Sequence[Run]]) -> tuple[Spread, str]:
    """What a limit is about, measured, and the variant that it was compared with.

    Returns:
        The ratio of the medians (or the measure itself), and the name of the variant
        of `limit.to` with the least median, or "".
    """
    own = spread(runs[limit.of], limit.measure)
    others = {name: spread(runs[name], limit.measure) for name in limit.to}
    if not others:
        return own, ""
    least = min(others, key=lambda name: others[name].median)
    return own.over(others[least]), least
