"""What the results' filesystem must do: locks, renaming, links, sockets, its clock."""

from __future__ import annotations

import fcntl
import os
import socket
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from arkiv.doctor.found import Check, Finding, fault, ok, warning
from arkiv.doctor.room import existing

# Seconds by which a file's time may be off this machine's clock.
SKEW = 2.0
# Characters of a socket's path that systems take.
SOCKET_PATH = 100


def checks(folder: Path) -> Iterator[Check]:
    """What to see of the filesystem that a folder lies on, or will."""
    yield Check("files", partial(check_files, folder))
    yield Check("sockets", partial(check_sockets, folder))
    yield Check("clock", partial(check_clock, folder))


def _beside(folder: Path) -> tempfile.TemporaryDirectory:
    return tempfile.TemporaryDirectory(prefix=".doctor-", dir=existing(folder))


def check_files(folder: Path) -> Finding:
    """Whether files can be locked, renamed over others, and linked to."""
    ways: dict[str, Callable[[Path], None]] = {
        "flock": _flock,
        "lockf": _lockf,
        "renaming over a file": _rename,
        "links": _link,
        "names of letters beyond ASCII": _letters,
    }
    failing = {}
    with _beside(folder) as scratch:
        for name, way in ways.items():
            try:
                way(Path(scratch))
            except OSError as error:
                failing[name] = error.strerror or str(error)
        where = Path(scratch).parent
    if failing:
        said = ", ".join(f"{name} ({why})" for name, why in failing.items())
        do = "have it mounted with locks (Lustre: `flock`), or choose another disk"
        return fault(f"{where} lacks {said}", do)
    return ok(f"{where} locks files, renames over them, links to them")


def _flock(scratch: Path) -> None:
    with open(scratch / "lock", "wb") as file, open(scratch / "lock", "rb") as other:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        try:
            fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return
    raise OSError("two have it at once")


def _lockf(scratch: Path) -> None:
    with open(scratch / "lock", "wb") as file:
        fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


def _rename(scratch: Path) -> None:
    for name in ("one", "other"):
        (scratch / name).write_text(name, encoding="utf-8")
    os.replace(scratch / "one", scratch / "other")
    if (scratch / "other").read_text(encoding="utf-8") != "one":
        raise OSError("the old file is read")


def _link(scratch: Path) -> None:
    (scratch / "link").symlink_to(scratch / "other")
    (scratch / "link").stat()


def _letters(scratch: Path) -> None:
    (scratch / "häst åö").touch()
    if "häst åö" not in os.listdir(scratch):
        raise OSError("they come back otherwise")


def check_sockets(folder: Path) -> Finding:
    """Whether the search page can listen on a socket file there."""
    with _beside(folder) as scratch, socket.socket(socket.AF_UNIX) as trial:
        path = f"{scratch}/s"
        do = "let the search page's socket lie on a local disk: --socket /tmp/…"
        if len(path) > SOCKET_PATH:
            return warning("the path is too long for a socket", do)
        try:
            trial.bind(path)
        except OSError as error:
            return warning(f"cannot be made there ({error.strerror})", do)
    return ok("a socket file can be made there")


def check_clock(folder: Path) -> Finding:
    """Whether files get times by this machine's clock, as what is newer goes by."""
    with _beside(folder) as scratch:
        file = Path(scratch, "now")
        before = time.time()
        file.touch()
        after = time.time()
        written = file.stat().st_mtime
    off = max(before - written, written - after, 0.0)
    seen = f"times of files are {off:.1f} s off this machine's clock"
    if off > SKEW:
        do = "have clocks set by NTP; else Snakemake takes old files for new ones"
        return warning(seen, do)
    return ok(seen)
