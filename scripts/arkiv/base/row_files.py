"""Files of rows as people have them: one, or a directory of many, packed or not.

Read while the Snakefile is parsed: nothing heavy here.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

from arkiv.base.errors import InputError
from arkiv.base.natural import natural
from arkiv.base.terminal import CONTROLS

ENDINGS = (".jsonl", ".jsonl.gz")
# Of files of rows too, which would be left out in silence.
UNREAD = re.compile(r"\.(jsonl|ndjson)(\.(zst|bz2|xz|zip|lz4|7z|gz))?\Z", re.IGNORECASE)


def row_files(path: str | Path) -> list[str]:
    """The files of rows that a path names: itself, or those of a directory.

    Those end in .jsonl or .jsonl.gz, in any folder of it, linked ones too, and come in
    the order of their names, numbers by their value; what is hidden or ends otherwise
    is not read.

    Raises:
        InputError: a directory without any, or with one whose name no line can show; a
            folder in it that cannot be read, or rows that are packed otherwise.
    """
    if not os.path.isdir(path):
        return [str(path)]
    found = []
    for folder, names in _folders(str(path)):
        for name in names:
            whole = os.path.join(folder, name)
            if name.lower().endswith(ENDINGS):
                found.append(whole)
            elif UNREAD.search(name):
                reason = (
                    f"holds {whole}, which is not read: unpack it, or pack it by gzip, "
                    f"and have its name end in {' or '.join(ENDINGS)}"
                )
                raise InputError(reason, file=path)
    if not found:
        reason = f"holds no file that ends in {' or '.join(ENDINGS)}"
        raise InputError(reason, file=path)
    for odd in filter(CONTROLS.search, found):
        reason = f"holds {odd}, whose name has control characters; give it another one"
        raise InputError(reason, file=path)
    return sorted(found, key=natural)


def _folders(path: str) -> Iterator[tuple[str, list[str]]]:
    """The folders of a directory and what they hold, but what is hidden; each once,
    however many links lead there."""

    def refuse(error: OSError) -> None:
        reason = f"holds {error.filename}, which cannot be read ({error.strerror})"
        raise InputError(reason, file=path) from None

    known = {os.path.realpath(path)}
    for folder, folders, names in os.walk(path, onerror=refuse, followlinks=True):
        ways = {
            os.path.realpath(os.path.join(folder, name)): name
            for name in sorted(folders, reverse=True)
            if not name.startswith(".")
        }
        folders[:] = sorted(ways[there] for there in ways.keys() - known)
        known |= ways.keys()
        yield folder, [name for name in names if not name.startswith(".")]
