"""What the log of a job says: how far the job is, and why it ended."""

from __future__ import annotations

import os
import re
from pathlib import Path

from arkiv.base.progress import Standing, standing
from arkiv.base.terminal import visible

# Of a log's end as much is read: for where a job stands, and for why it ended.
NEWEST, LAST = 1 << 12, 1 << 16
# Seconds by which clocks of nodes, and times of their files, differ.
SKEW = 2
# As `arkiv.base.cli` and argparse say what is wrong.
FAULT = re.compile(r"^(?:[\w.-]+\.py: )?error: (?P<sentence>.+)$")
TRACEBACK = "Traceback (most recent call last):"
# `KeyError: 'x'`, the last line of a traceback.
RAISED = re.compile(r"^[\w.]+(?:Error|Exception|Interrupt|Exit)\b.*$")


def end_of(path: str | Path, size: int, since: float | None = None) -> str:
    """The end of a file, at most so many bytes; empty: there is none.

    Args:
        path: the file.
        size: bytes.
        since: what was written before is of an earlier try, and nothing.
    """
    try:
        with open(path, "rb") as file:
            status = os.fstat(file.fileno())
            if since is not None and status.st_mtime < since - SKEW:
                return ""
            file.seek(max(0, status.st_size - size))
            return file.read(size).decode("utf-8", "replace")
    except OSError:
        return ""


def standing_of(path: str | Path, since: float) -> Standing | None:
    """How far a job is by the newest line of its log that says so; None: unknown."""
    for line in reversed(end_of(path, NEWEST, since).splitlines()):
        if found := standing(line):
            return found
    return None


def has_begun(path: str | Path, since: float) -> bool:
    """Whether a job that was given to a cluster has made its log."""
    try:
        return os.stat(path).st_mtime >= since - SKEW
    except OSError:
        return False


def why(log: str | Path | None, known: str | None = None) -> str:
    """Why a job ended, in one sentence.

    Args:
        log: its log.
        known: what else is known of it, such as what SLURM says.
    """
    lines = [line.rstrip() for line in end_of(log, LAST).splitlines()] if log else []
    lines = [visible(line) for line in lines if line.strip()]
    for line in reversed(lines):
        if found := FAULT.match(line):
            return found["sentence"]
    known = " ".join(known.split()) if known else None
    if TRACEBACK in lines:
        raised = [line for line in lines if RAISED.match(line)]
        return f"{(raised or lines)[-1]} (a fault of the program; see {log})"
    if known:
        return visible(known)
    last = f"; its last words: {lines[-1]}" if lines else ""
    return f"it was ended without a reason given, perhaps for want of memory{last}"
