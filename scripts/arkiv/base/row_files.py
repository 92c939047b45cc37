"""Files of rows as people have them: one, or a directory of many, packed or not.

Read while the Snakefile is parsed: nothing heavy here.
"""

from __future__ import annotations

import os
from pathlib import Path

from arkiv.base.errors import InputError
from arkiv.base.natural import natural
from arkiv.base.terminal import CONTROLS

ENDINGS = (".jsonl", ".jsonl.gz")


def row_files(path: str | Path) -> list[str]:
    """The files of rows that a path names: itself, or those of a directory.

    Those end in .jsonl or .jsonl.gz, in any folder of it, and come in the order of
    their names, numbers by their value; what is hidden or ends otherwise is not read.

    Raises:
        InputError: a directory without any, or with one whose name no line can show.
    """
    if not Path(path).is_dir():
        return [str(path)]
    found = []
    for folder, folders, names in os.walk(path):
        folders[:] = [name for name in folders if not name.startswith(".")]
        found += [
            os.path.join(folder, name)
            for name in names
            if name.lower().endswith(ENDINGS) and not name.startswith(".")
        ]
    if not found:
        reason = f"holds no file that ends in {' or '.join(ENDINGS)}"
        raise InputError(reason, file=path)
    for odd in filter(CONTROLS.search, found):
        reason = f"holds {odd}, whose name has control characters; give it another one"
        raise InputError(reason, file=path)
    return sorted(found, key=natural)
