"""Into how many parts a stage is divided where that is `auto`.

Small data is one part, for each costs a start of Python and a model. It is told by a
look at the sizes of files when a run is started, and stays for the run, whose plan
would otherwise change when a volume is added. Results do not depend on it.

Read while the Snakefile is parsed: nothing heavy here.
"""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from itertools import accumulate
from pathlib import Path
from typing import Any

from arkiv.base.errors import InputError
from arkiv.base.files import read_json
from arkiv.encode.settings import AUTO
from arkiv.settings.amounts import inputs, paths_of

# Of text in a dataset: about 1,000 passages, little work beside the starts of four
# jobs. Where each of many is small, they are what can be done at once.
SMALL = 400_000  # bytes
MANY = 4
# Seconds for a look at the sizes of a dataset's files.
PATIENCE = 10


def with_parts(
    config: Mapping[str, Any], kept: str | Path | None, *, look: bool = True
) -> dict[str, Any]:
    """The configuration with numbers in the place of `auto` in `parts`.

    Args:
        config: checked.
        kept: what the run was started with, as `arkiv.settings.started.keep` writes it,
            if it was: its numbers stay. None: another one takes its place.
        look: at the files; else they are taken for large.
    """
    found = dict(config["parts"])
    if AUTO in found.values():
        before = _before(kept) if kept else {}
        number = None
        for stage in (stage for stage, parts in found.items() if parts == AUTO):
            if stage in before:
                found[stage] = before[stage]
                continue
            small = look and is_small(config["datasets"])
            number = number or (1 if small else MANY)
            found[stage] = number
    return {**config, "parts": found}


def outgrown(config: Mapping[str, Any], kept: str | Path) -> str:
    """That parts are one from an earlier start, and the data is too large for that.

    It is so where each of the parts that there would be now is larger than small data.

    Args:
        config: checked, with `auto` in `parts`.
        kept: what the run was started with, if it was.

    Returns:
        A sentence, or nothing.
    """
    before = _before(kept)
    stages = [
        stage
        for stage, parts in config["parts"].items()
        if parts == AUTO and before.get(stage) == 1
    ]
    for name, dataset in config["datasets"].items() if stages else ():
        try:
            large = _holds_more(dataset, MANY * SMALL, PATIENCE)
        except OSError:
            continue
        if large:
            parts = ", ".join(f"{stage}: {MANY}" for stage in stages)
            return (
                f"datasets.{name} has 1 part from an earlier start of the run, and has "
                f"more than about {MANY * SMALL / 1e6:g} MB of text now: one job of "
                f"each stage does alone what {MANY} would share; to divide it anew, "
                f"set parts: {{{parts}}} in the configuration"
            )
    return ""


def is_small(datasets: Mapping[str, Mapping[str, Any]]) -> bool:
    """Whether the files of each dataset hold little text; of what is not there, no."""
    return all(
        all(map(os.path.exists, paths_of(dataset))) and not _holds_more(dataset, SMALL)
        for dataset in datasets.values()
    )


def _holds_more(
    dataset: Mapping[str, Any], text: float, seconds: float = math.inf
) -> bool:
    """Whether a dataset holds more bytes of text; no file is looked at beyond them."""
    sums = accumulate(one.text for one in inputs(dataset, seconds))
    return any(so_far > text for so_far in sums)


def _before(kept: str | Path) -> dict[str, int]:
    try:
        parts = read_json(kept)["settings"]["parts"]
        return {stage: number for stage, number in parts.items() if type(number) is int}
    # That the file was edited is told where it is compared.
    except (InputError, OSError, KeyError, TypeError, AttributeError):
        return {}
