"""Other programs, asked with a limit of time."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass

from arkiv.base.errors import InputError
from arkiv.train.launch import START

# Seconds for a program that only answers a question.
QUICK = 20
# Those that have not ended.
_running: set[subprocess.Popen] = set()


@dataclass(frozen=True)
class Answer:
    """What a program said; a status of None: there is no such program."""

    status: int | None
    out: str = ""
    errors: str = ""

    @property
    def well(self) -> bool:
        """Whether it ended well."""
        return self.status == 0

    @property
    def said(self) -> str:
        """Its last words."""
        said = (self.errors.strip() or self.out.strip()).splitlines()
        return said[-1].strip() if said else f"status {self.status}"


def ask(
    *words: str, limit: float = QUICK, environment: Mapping[str, str] | None = None
) -> Answer:
    """Run a program to its end.

    Raises:
        InputError: it did not end in time; it was ended then, with all it had started.
    """
    try:
        process = subprocess.Popen(
            words,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
            start_new_session=True,
        )
    except (FileNotFoundError, PermissionError):
        return Answer(None, errors=f"{words[0]} is not there")
    _running.add(process)
    try:
        out, errors = process.communicate(timeout=limit)
    except subprocess.TimeoutExpired:
        _kill(process)
        process.wait()
        raise InputError(
            f"{' '.join(words[:3])} gave no answer within {limit:g} s; run it by hand"
        ) from None
    finally:
        _running.discard(process)
    return Answer(process.returncode, out, errors)


def end_all() -> None:
    """End what still runs, with all that it started."""
    for process in tuple(_running):
        _kill(process)


def _kill(process: subprocess.Popen) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


def ours(module: str, *words: str, python: str = sys.executable) -> list[str]:
    """The command that runs a module of ours by a Python."""
    return [python, START, module, *words]
