"""One process per device, each with a model of its own, working through batches.

Unlike FlagEmbedding's pools these end when a process fails, with what it said: a
process that is killed closes its pipe, and whoever waits at the other end is told.
"""

from __future__ import annotations

import collections
import contextlib
import os
import signal
import traceback
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from multiprocessing import connection, get_context
from pathlib import Path
from typing import Any, Protocol, TypeVar

from arkiv.base.errors import InputError
from arkiv.encode import options

Tag = TypeVar("Tag")

# A batch in work and one that waits, so that no device is idle between two.
BATCHES_AHEAD = 2
# Copies of a model that small are worth a process per core: on two cores two processes
# of one thread each encoded in 6.3 s what one process of two threads did in 7.2.
SMALL_MODELS = 1 << 30  # bytes, all copies together


class Worker(Protocol):
    """What works on one device: a picklable recipe makes it there."""

    budget: int
    """Tokens of a batch that the device takes."""

    def __call__(self, batch: Any) -> Any:
        """The result of one batch."""


# From a budget (None: what the device takes) and a device such as `cuda:0`.
Recipe = Callable[[int | None, str], Worker]


def cores() -> int:
    """Cores of this process: those it may run on, or fewer by OMP_NUM_THREADS.

    Snakemake sets that variable to the threads of the rule.
    """
    available = len(os.sched_getaffinity(0))
    given = os.environ.get("OMP_NUM_THREADS", "")
    return min(available, int(given)) if given.isdecimal() and int(given) else available


def size_of(model: Path) -> int:
    """Bytes of a model's directory."""
    return sum(file.stat().st_size for file in model.rglob("*") if file.is_file())


def devices(asked: int | None, model: Path) -> list[str]:
    """The device of each process: all GPUs, or one or more shares of the CPU.

    Args:
        asked: processes; None: one per GPU, and on a CPU one per core as long as all
            copies of the model together are small, else one with all cores.
        model: the model's directory, for its size.

    Raises:
        InputError: less than one process, or more than there are GPUs.
    """
    import torch

    if asked is not None and asked < 1:
        raise InputError(f"is {asked}, expected 1 or more", key="processes")
    if options.device().type == "cuda":
        gpus = torch.cuda.device_count()
        if asked is not None and asked > gpus:
            reason = f"is {asked}, but there are {gpus} GPU(s) here"
            raise InputError(reason, key="processes")
        return [f"cuda:{gpu}" for gpu in range(asked or gpus)]
    if asked is None:
        asked = max(1, min(cores(), SMALL_MODELS // max(1, size_of(model))))
    return ["cpu"] * asked


class Workers:
    """A context manager that works through batches on one or more devices.

    With a single device the work is done in this process. The models are loaded when
    the context is entered or, in other processes, from then on.

    Args:
        recipe: makes the worker on a device; called in its process.
        budget: tokens of a batch; None: as many as every device takes.
        devices: of `devices`.
    """

    def __init__(self, recipe: Recipe, budget: int | None, devices: list[str]) -> None:
        self._recipe, self._devices = partial(recipe, budget), devices
        self._here: Worker | None = None
        self._processes: dict[connection.Connection, Any] = {}
        self._budget: int | None = None

    def __enter__(self) -> Workers:
        if len(self._devices) == 1:
            self._here = self._recipe(self._devices[0])
            self._budget = self._here.budget
            return self
        # A fork has all that was imported. But neither CUDA outlives it nor OpenMP that
        # has begun to use several threads.
        threads = max(1, cores() // len(self._devices))
        forked = threads == 1 and all(device == "cpu" for device in self._devices)
        context = get_context("fork" if forked else "spawn")
        for device in self._devices:
            ours, theirs = context.Pipe()
            # A worker that held our end of a pipe would never see it close.
            held = [*self._processes, ours] if forked else []
            process = context.Process(
                target=_work,
                args=(self._recipe, device, threads, theirs, held),
                daemon=True,
            )
            process.start()
            theirs.close()
            self._processes[ours] = process
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self._here = None
        for pipe in self._processes:
            pipe.close()
        for process in self._processes.values():
            if kind is not None:
                process.terminate()
            process.join()

    @property
    def budget(self) -> int:
        """Tokens of a batch that every device takes; waits until all have loaded."""
        if self._budget is None:
            self._budget = min(map(self._received, self._processes))
        return self._budget

    def map(self, batches: Iterable[tuple[Tag, Any]]) -> Iterator[tuple[Tag, Any]]:
        """Yield (tag, result) of each (tag, batch), as they are done.

        Raises:
            InputError: what a worker found wrong with the input.
            RuntimeError: a worker failed or was killed; says how.
        """
        if self._here is not None:
            for tag, batch in batches:
                yield tag, self._here(batch)
            return
        self.budget  # noqa: B018 - all have loaded and said so
        waiting = iter(batches)
        tags = {pipe: collections.deque() for pipe in self._processes}
        for _ in range(BATCHES_AHEAD):
            for pipe in tags:
                self._send_next(pipe, waiting, tags[pipe])
        while any(tags.values()):
            for pipe in connection.wait([pipe for pipe in tags if tags[pipe]]):
                result = self._received(pipe)
                tag = tags[pipe].popleft()
                self._send_next(pipe, waiting, tags[pipe])
                yield tag, result

    def _send_next(self, pipe, waiting: Iterator, tags: collections.deque) -> None:
        for tag, batch in waiting:
            # A worker that is gone is found when its result is waited for.
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                pipe.send(batch)
            tags.append(tag)
            return

    def _received(self, pipe: connection.Connection) -> Any:
        try:
            fault, value = pipe.recv()
        except (EOFError, ConnectionResetError):
            process = self._processes[pipe]
            process.join()
            raise RuntimeError(_ending(process.exitcode)) from None
        if fault is None:
            return value
        raise InputError(value) if fault == "input" else RuntimeError(value)


def _ending(code: int) -> str:
    if code < 0:
        name = signal.Signals(-code).name
        hint = ", perhaps for want of memory" if name == "SIGKILL" else ""
        return f"a worker process was ended by {name}{hint}"
    return f"a worker process ended with exit status {code}"


def _work(
    recipe: Recipe,
    device: str,
    threads: int,
    pipe: connection.Connection,
    held: list[connection.Connection],
) -> None:
    """The life of a worker process: load, say the budget, answer each batch."""
    import torch

    for other in held:
        other.close()
    # Ctrl-C reaches the whole group; the parent ends us.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    torch.set_num_threads(threads)
    try:
        worker = recipe(device)
        pipe.send((None, worker.budget))
        while True:
            pipe.send((None, worker(pipe.recv())))
    except (EOFError, BrokenPipeError, ConnectionResetError):
        return  # the parent has what it wanted, or is gone
    except InputError as error:
        fault = "input", str(error)
    except Exception:  # told to the parent, which raises it
        fault = "own", f"a worker process failed on {device}:\n{traceback.format_exc()}"
    with contextlib.suppress(OSError):
        pipe.send(fault)
