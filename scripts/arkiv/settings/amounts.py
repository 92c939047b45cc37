"""About how much text datasets hold, by the names and sizes of their files.

What texts there are is only known once they are read; half or twice as much may come of
what is told here. Read while the Snakefile is parsed: nothing heavy here.
"""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from arkiv.base.row_files import row_files
from arkiv.settings.datasets import kind_of

# What of a file of pages is text, by its ending, measured on 9 real pages of HTRflow
# (0.014, with a polygon and the words of each line) and on their 319 lines written in
# each other format: JSON 0.13 as annotations; PAGE 0.03 with words, 0.06 to 0.11
# without, ALTO 0.04, ABBYY 0.01, TEI 0.5; hOCR 0.05; rows 0.3 as JSON, 0.6 as CSV.
# Packed by gzip PAGE is text to 0.2 to 0.5, ALTO to 0.25, HTRflow to 0.13. Pictures and
# whatever else lies beside pages have none.
SHARES = {
    ".json": 0.03,
    ".jsonld": 0.13,
    ".xml": 0.06,
    ".abbyy": 0.01,
    ".tei": 0.5,
    **dict.fromkeys((".html", ".htm", ".xhtml", ".hocr"), 0.05),
    **dict.fromkeys((".jsonl", ".ndjson"), 0.3),
    **dict.fromkeys((".csv", ".tsv"), 0.6),
    ".txt": 1.0,
    **dict.fromkeys((".zip", ".gz", ".tgz", ".bz2", ".xz"), 0.3),
    ".tar": 0.06,
}
# Of files of rows, by five of real pairs: 0.56 to 0.96, packed 1.9 to 4.4.
OF_ROWS, OF_PACKED_ROWS = 0.7, 2.8
# Of a case of the example archive, its pages in JSON and the text in them.
CASE_BYTES, CASE_TEXT = 7_100, 780


@dataclass(frozen=True)
class Input:
    """What a run starts from, in bytes."""

    whole: float = 0
    text: float = 0
    pages: float = 0
    """Of the whole, those of pages and of what lies beside them."""

    def __add__(self, other: Input) -> Input:
        return Input(
            self.whole + other.whole, self.text + other.text, self.pages + other.pages
        )


def files_below(path: str | Path) -> Iterator[str]:
    """The files of a directory and its folders, but not of folders it has links to."""
    for folder, _, names in os.walk(path):
        yield from (os.path.join(folder, name) for name in names)


def sizes_below(
    path: str | Path,
    seconds: float = math.inf,
    *,
    files: Callable[[str | Path], Iterable[str]] = files_below,
    linked: bool = True,
) -> Iterator[tuple[str, int]]:
    """The path and bytes of each file below a path, as far as the time takes it.

    Args:
        path: a directory, or one file.
        seconds: for all of it.
        files: which files of a directory.
        linked: a link counts as the file that it leads to; else as itself.

    Raises:
        OSError: there is no such path.
        InputError: as `files` says.
    """
    if not os.path.isdir(path):
        yield str(path), os.stat(path).st_size
        return
    end = time.monotonic() + seconds
    for file in files(path):
        if time.monotonic() > end:
            return
        try:
            yield file, os.stat(file, follow_symlinks=linked).st_size
        except OSError:
            continue


def paths_of(dataset: Mapping[str, Any]) -> list[str]:
    """What a dataset starts from on the disk: itself, and its pool of candidates."""
    kind = kind_of(dataset)
    own = [] if kind == "example" else [dataset[kind]]
    return [*own, *filter(None, [dataset.get("pool")])]


def inputs(dataset: Mapping[str, Any], seconds: float = math.inf) -> Iterator[Input]:
    """What a dataset starts from, file by file.

    Args:
        dataset: as the configuration has it.
        seconds: for each of its paths.

    Raises:
        OSError: one of its paths is not there.
        InputError: as of `row_files`.
    """
    kind = kind_of(dataset)
    if kind == "example":
        cases = dataset[kind]["cases"]
        yield Input(cases * CASE_BYTES, cases * CASE_TEXT, cases * CASE_BYTES)
    for path in paths_of(dataset):
        pages = kind == "pages" and path == dataset[kind]
        files = files_below if pages else row_files
        for file, size in sizes_below(path, seconds, files=files):
            share = _share_of_pages(file) if pages else _share_of_rows(file)
            yield Input(size, size * share, size if pages else 0)


def input_of(dataset: Mapping[str, Any], seconds: float = math.inf) -> Input:
    """All that a dataset starts from.

    Raises:
        OSError: one of its paths is not there.
        InputError: as of `row_files`.
    """
    return sum(inputs(dataset, seconds), Input())


def _share_of_pages(name: str) -> float:
    return SHARES.get(os.path.splitext(name)[1].lower(), 0)


def _share_of_rows(name: str) -> float:
    return OF_PACKED_ROWS if name.lower().endswith(".gz") else OF_ROWS
