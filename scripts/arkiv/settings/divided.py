"""Into how many parts a stage is divided where that is `auto`.

Small data is one part, for each costs a start of Python and a model. It is told by a
look at the sizes of files when a run is started, and stays for the run, whose plan
would otherwise change when a volume is added. Results do not depend on it.

Read while the Snakefile is parsed: nothing heavy here.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from arkiv.base.errors import InputError
from arkiv.base.files import read_json
from arkiv.encode.settings import AUTO
from arkiv.settings.datasets import kind_of

# Of text in a dataset: about 1,000 passages, little work beside the starts of four
# jobs. Where each of many is small, they are what can be done at once.
SMALL = 400_000  # bytes
MANY = 4
# Pages with a place for each line or word are mostly places: of HTRflow's 4 % is text.
MARKED = {".json": 30, ".xml": 10, ".html": 10, ".htm": 10, ".hocr": 10}
IMAGES = (".jpg", ".jpeg", ".jp2", ".png", ".tif", ".tiff", ".pdf")
# Of the example archive.
BYTES_OF_CASE = 400


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


def is_small(datasets: Mapping[str, Mapping[str, Any]]) -> bool:
    """Whether the files of each dataset hold little text; of what is not there, no."""
    for dataset in datasets.values():
        text = 0.0
        for size in _sizes(dataset):
            text += size
            if text > SMALL:
                return False
    return True


def _before(kept: str | Path) -> dict[str, int]:
    try:
        parts = read_json(kept)["settings"]["parts"]
        return {stage: number for stage, number in parts.items() if type(number) is int}
    # That the file was edited is told where it is compared.
    except (InputError, OSError, KeyError, TypeError, AttributeError):
        return {}


def _sizes(dataset: Mapping[str, Any]) -> Iterator[float]:
    """About how much text each file of a dataset has, in bytes."""
    kind = kind_of(dataset)
    if kind == "example":
        yield dataset[kind]["cases"] * BYTES_OF_CASE
        return
    for path in filter(None, (dataset[kind], dataset.get("pool"))):
        if not os.path.exists(path):
            yield SMALL + 1
        elif not os.path.isdir(path):
            yield _text_in(path)
        for folder, _, names in os.walk(path):
            for name in names:
                yield _text_in(os.path.join(folder, name))


def _text_in(path: str) -> float:
    ending = os.path.splitext(path)[1].lower()
    if ending in IMAGES:
        return 0
    try:
        size = os.stat(path).st_size
    except OSError:
        return 0
    return size / MARKED.get(ending, 1)
