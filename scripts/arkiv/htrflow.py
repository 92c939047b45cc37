"""Reading pages: volumes of HTRflow JSON.

A page is nested: page > region > line, each level a list called `contains`; a line's
text and confidence are `text_result.texts[0]` and `text_result.scores[0]`. Words below
the line are not read. Source: the JSON export of AI-Riksarkivet/htrflow, up to 0.2.6.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from arkiv.errors import InputError

# What a page of HTRflow has beside its content; a page without text has only these.
PAGE_KEYS = frozenset({"image_name", "image_path", "file_name", "page_id", "label"})


@dataclass(frozen=True)
class Line:
    """A line as recognised."""

    text: str
    confidence: float | None
    """Of the recogniser, 0 to 1; None where the file gives none."""
    number: int
    """Counted from 1 in the page."""


@dataclass(frozen=True)
class Page:
    """A page in reading order."""

    number: int | str
    """The number in the file's name; the name itself where it has none."""
    lines: tuple[Line, ...]
    regions_without_text: int


def volumes(directory: str | Path) -> list[Path]:
    """The volumes of an archive, by name: its sub-directories, or itself.

    Page files that lie in the directory itself make it one volume.

    Raises:
        InputError: no such directory, or nothing in it.
    """
    directory = Path(directory)
    if not directory.is_dir():
        raise InputError(
            "is not a directory, expected one of volumes of page files", file=directory
        )
    entries = [entry for entry in directory.iterdir() if entry.name[0] != "."]
    found = [entry for entry in entries if entry.is_dir()]
    if any(entry.is_file() for entry in entries):
        found.append(directory)
    if not found:
        raise InputError("holds no volume of page files", file=directory)
    return sorted(found, key=lambda path: path.name)


def page_files(volume: Path) -> list[Path]:
    """The files of a volume in the order of their page numbers."""

    def place(path: Path) -> tuple:
        number = _number(path)
        if isinstance(number, int):
            return (0, number, path.name)
        return (1, 0, path.name)

    files = (path for path in volume.iterdir() if path.name[0] != ".")
    return sorted((path for path in files if path.is_file()), key=place)


def _number(path: Path) -> int | str:
    digits = re.search(r"([0-9]+)$", path.stem)
    return int(digits[1]) if digits else path.stem


def read_page(path: Path) -> Page:
    """Read one page; a page without any text has no lines.

    Raises:
        InputError: the file is not a page of HTRflow JSON.
    """
    try:
        page = json.loads(path.read_bytes())
    except (ValueError, RecursionError) as error:
        raise InputError(f"is not a page: not JSON ({error})", file=path) from None
    if not isinstance(page, dict) or not (
        isinstance(page.get("contains"), list) or PAGE_KEYS & page.keys()
    ):
        raise InputError(
            "is not a page: expected an object of HTRflow with `contains`", file=path
        )
    lines: list[Line] = []
    without_text = 0
    for region in _parts(page):
        before = len(lines)
        for text, confidence in _lines(region):
            lines.append(Line(text, confidence, len(lines) + 1))
        without_text += len(lines) == before
    return Page(_number(path), tuple(lines), without_text)


def _parts(node: Any) -> list[dict]:
    parts = node.get("contains") if isinstance(node, dict) else None
    return [part for part in parts or () if isinstance(part, dict)]


def _lines(node: dict) -> Iterator[tuple[str, float | None]]:
    """The lines of a region, whatever regions lie within it."""
    result = node.get("text_result")
    if isinstance(result, dict):
        texts, scores = result.get("texts"), result.get("scores")
        text = texts[0] if isinstance(texts, list) and texts else ""
        if isinstance(text, str) and text.strip():
            score = scores[0] if isinstance(scores, list) and scores else None
            number = isinstance(score, int | float) and not isinstance(score, bool)
            yield text, float(score) if number else None
        return
    for part in _parts(node):
        yield from _lines(part)
