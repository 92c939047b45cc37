"""The configuration that a run was started with, kept so that no other takes its place.

All files of a run lie by its name, and a run that is named like another one would make
its results anew with other settings, one by one. A configuration that was edited is the
same one still: what its settings change is made anew, which is what Snakemake is for.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from arkiv.base.errors import InputError
from arkiv.base.files import read_json, write_json
from arkiv.settings.changes import changes, told

# Says that the one may take the other's place, and makes nothing.
RUN_AGAIN = "run_again"


def keep(path: str | Path, config: Mapping[str, Any], files: Sequence[str]) -> None:
    """Write what a run is started with.

    Args:
        path: the file.
        config: the settings.
        files: of the user, laid over the defaults, in their order.
    """
    write_json(path, {"files": _named(files), "settings": _settings(config)})


def changed_since(
    path: str | Path, config: Mapping[str, Any], files: Sequence[str]
) -> str:
    """What has changed in the settings since the run was last started, in one line.

    It is empty where nothing has, or the run was never started. The configuration is
    the same one as long as one's files are among the other's and both have a dataset
    of one name.

    Raises:
        InputError: it is another configuration, with other settings; or the file is not
            what was written.
    """
    if not Path(path).exists():
        return ""
    kept = _read(path)
    found = list(changes(kept["settings"], _settings(config)))
    if not found:
        return ""
    if config[RUN_AGAIN] or _is_the_same(kept, config, files):
        return told(found)
    before = " and ".join(kept["files"]) or "no --configfile"
    raise InputError(
        f"is {config['run']}, a run that was started with {before} and is another "
        f"configuration: {told(found)}; give this one a name of its own (run: NAME), "
        f"or `--config {RUN_AGAIN}=true`, which makes anew in its place what differs",
        key="run",
    )


def _read(path: str | Path) -> dict[str, Any]:
    """What `keep` wrote.

    Raises:
        InputError: the file was cut off or edited.
    """
    try:
        kept = read_json(path)
    except InputError:
        kept = None
    match kept:
        case {"files": [*files], "settings": {"datasets": {}}} if all(
            isinstance(file, str) for file in files
        ):
            return kept
    raise InputError(
        "is not what arkiv writes there, the files and settings that the run was "
        "started with; delete it, and set `parts` to what the run had: where they "
        "are auto, they are reckoned anew",
        file=path,
    )


def _is_the_same(
    kept: Mapping[str, Any], config: Mapping[str, Any], files: Sequence[str]
) -> bool:
    before, now = set(kept["files"]), set(_named(files))
    in_common = kept["settings"]["datasets"].keys() & config["datasets"].keys()
    return (before <= now or now <= before) and bool(in_common)


def _named(files: Sequence[str]) -> list[str]:
    """Files by where they lie as seen from here, whatever way they are given."""
    return [os.path.relpath(os.path.realpath(file)) for file in files]


def _settings(config: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in config.items() if key != RUN_AGAIN}
