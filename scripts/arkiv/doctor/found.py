"""What a check is, what it found, and how it is run: never a traceback, never for ever.

A check is a function without arguments. It gives what it found, or raises an
`InputError` that says so; whatever else it raises is a fault of its own.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from arkiv.base.errors import InputError
from arkiv.base.secrets import concealed

OK, WARNING, FAULT = "ok", "warning", "fault"
# Seconds that a check may take which starts no other program.
SHORT = 30


@dataclass(frozen=True)
class Finding:
    """What a check saw, and what to do about it."""

    status: str
    seen: str
    do: str = ""


def ok(seen: str) -> Finding:
    """All is as it should be."""
    return Finding(OK, seen)


def warning(seen: str, do: str) -> Finding:
    """A run may go well all the same."""
    return Finding(WARNING, seen, do)


def fault(seen: str, do: str) -> Finding:
    """A run would stop, or not begin."""
    return Finding(FAULT, seen, do)


@dataclass(frozen=True)
class Told(Finding):
    """What a check of this name found."""

    name: str = ""

    @classmethod
    def by(cls, name: str, finding: Finding) -> Told:
        """The finding of a check of a name."""
        return cls(finding.status, finding.seen, finding.do, name)


@dataclass(frozen=True)
class Check:
    """Something to look at."""

    name: str
    look: Callable[[], Finding | Sequence[Told]]
    """A job on a node tells what several checks there found."""
    limit: float = SHORT
    """Seconds after which it counts as hanging."""


def run(check: Check) -> list[Told]:
    """What a check finds; that it crashed, or hangs, is a fault.

    A check that hangs, such as on a filesystem that does not answer, is left behind in
    its thread: whoever runs checks ends by `os._exit`.
    """
    found: list[Finding | Sequence[Told]] = []
    thread = threading.Thread(target=lambda: found.append(_tried(check)), daemon=True)
    thread.start()
    thread.join(check.limit)
    hanging = fault(
        f"no answer within {check.limit:g} s",
        "see whether its filesystem or server hangs, and look again",
    )
    finding = found[0] if found else hanging
    if isinstance(finding, Finding):
        return [Told.by(check.name, finding)]
    return list(finding)


def _tried(check: Check) -> Finding | Sequence[Told]:
    try:
        return check.look()
    except InputError as error:
        return fault(*_parted(concealed(str(error))))
    except ModuleNotFoundError as error:
        seen = f"cannot be looked at without {error.name}, which is not installed"
        return fault(seen, "make install, and run this with .venv/bin/python")
    except BaseException as error:
        said = f"{type(error).__name__}: {' '.join(str(error).split())}"
        return fault(f"the check itself failed ({concealed(said)})", "report this")


def _parted(sentence: str) -> tuple[str, str]:
    """A fault and what to do: our sentences have that behind their last semicolon."""
    seen, mark, do = sentence.rpartition("; ")
    return (seen, do) if mark else (sentence, "mend it, and look again")
