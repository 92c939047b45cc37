"""Whether an archive has changed: one number for the names, sizes and times in it.

Read while jobs are planned: nothing heavy here.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path


def state(archive: str | Path) -> str:
    """A number for all files of an archive: another one once a file is another.

    Files count by their path, size and time of change, hidden ones too. No file is
    opened: 100,000 take about half a second on a local disk.
    """
    number = hashlib.blake2b(digest_size=8)
    path = os.fspath(archive)
    if not os.path.isdir(path):
        number.update(_told("", os.stat(path)))
    for told in _files(path, ""):
        number.update(told)
    return number.hexdigest()


def _told(path: str, found: os.stat_result) -> bytes:
    return os.fsencode(f"{path}\0{found.st_size}\0{found.st_mtime_ns}\0")


def _files(folder: str, within: str) -> Iterator[bytes]:
    try:
        with os.scandir(folder) as entries:
            found = sorted(entries, key=lambda each: each.name)
    except OSError:
        return
    for each in found:
        path = f"{within}/{each.name}"
        if each.is_dir(follow_symlinks=False):
            yield from _files(each.path, path)
            continue
        try:
            yield _told(path, each.stat())
        except OSError:
            # A link that leads nowhere.
            yield os.fsencode(f"{path}\0")
