"""Reading pages: volumes of HTRflow JSON.

A page is nested: page > region > line, each level a list called `contains`; a line's
text and confidence are `text_result.texts[0]` and `text_result.scores[0]`. Words below
the line are not read. Source: the JSON export of AI-Riksarkivet/htrflow, up to 0.2.6.
"""

from __future__ import annotations

import json
import os
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
    """Of the recogniser, 0 to 1; None where the file gives no such number."""
    number: int
    """Counted from 1 in the page."""


@dataclass(frozen=True)
class Page:
    """A page in reading order."""

    number: int | str
    """The number in the file's name; the name itself where it has none."""
    name: str
    """Of the file: two pages of a volume may have the same number."""
    lines: tuple[Line, ...]
    regions_without_text: int


def volumes(directory: str | Path) -> list[Path]:
    """The volumes of an archive, by name: its sub-directories, or itself.

    JSON files that lie in the directory itself make it one volume, with whatever else
    is in it; beside volumes, other files (a README) have no meaning.

    Raises:
        InputError: no such directory, or nothing in it.
    """
    directory = Path(directory)
    if not directory.is_dir():
        raise InputError(
            "is not a directory, expected one of volumes of page files", file=directory
        )
    entries = [entry for entry in directory.iterdir() if entry.name[0] != "."]
    if any(entry.suffix == ".json" and not entry.is_dir() for entry in entries):
        # The volume has a name even where the directory is given as `.`.
        return [Path(os.path.abspath(directory))]
    found = [entry for entry in entries if entry.is_dir()]
    if not found:
        raise InputError("holds no volume of page files", file=directory)
    return sorted(found, key=lambda path: path.name)


def page_files(volume: Path) -> list[Path]:
    """What a volume holds, hidden files apart, in the order of the page numbers.

    Files without a number come last; they, and files of one number, are in the natural
    order of their names (`2a` before `10a`). `read_page` refuses what is not a page.
    """

    def place(path: Path) -> tuple:
        number = _number(path)
        # Odd places of the split name are runs of digits.
        parts = re.split(r"([0-9]+)", path.name)
        natural = [int(part) if odd % 2 else part for odd, part in enumerate(parts)]
        numbered = isinstance(number, int)
        return (not numbered, number if numbered else 0, natural, path.name)

    return sorted((p for p in volume.iterdir() if p.name[0] != "."), key=place)


def _number(path: Path) -> int | str:
    digits = re.search(r"([0-9]+)$", path.stem)
    return int(digits[1]) if digits else path.stem


def read_page(path: Path) -> Page:
    """Read one page; a page without any text has no lines.

    Raises:
        InputError: it is not a page of HTRflow JSON, or not a file that can be read.
    """
    try:
        page = json.loads(path.read_bytes())
    except OSError as error:
        raise InputError(
            f"is not a page: cannot be read ({error.strerror})", file=path
        ) from None
    except (ValueError, RecursionError) as error:
        raise InputError(f"is not a page: not JSON ({error})", file=path) from None
    if not _is_page(page):
        raise InputError(
            "is not a page: expected an object of HTRflow with `contains`", file=path
        )
    lines: list[Line] = []
    without_text = 0
    for region in _parts(page):
        before = len(lines)
        for text, confidence in _lines(region):
            try:
                text.encode()
            except UnicodeEncodeError:
                raise InputError(
                    f"is not a page: line {len(lines) + 1} is not Unicode text",
                    file=path,
                ) from None
            lines.append(Line(text, confidence, len(lines) + 1))
        without_text += len(lines) == before
    return Page(_number(path), path.name, tuple(lines), without_text)


def _is_page(page: Any) -> bool:
    if not isinstance(page, dict):
        return False
    if page.get("contains") is None:
        return bool(PAGE_KEYS & page.keys())
    return isinstance(page["contains"], list)


def _parts(node: dict) -> list[dict]:
    parts = node.get("contains")
    if not isinstance(parts, list):
        return []
    return [part for part in parts if isinstance(part, dict)]


def _lines(node: dict) -> Iterator[tuple[str, float | None]]:
    """The lines of a region, whatever regions lie within it."""
    result = node.get("text_result")
    if isinstance(result, dict):
        texts, scores = result.get("texts"), result.get("scores")
        text = texts[0] if isinstance(texts, list) and texts else ""
        if isinstance(text, str) and text.strip():
            score = scores[0] if isinstance(scores, list) and scores else None
            # JSON as Python reads it may hold NaN, which compares false.
            known = isinstance(score, int | float) and 0 <= score <= 1
            yield text, float(score) if known else None
        return
    for part in _parts(node):
        yield from _lines(part)
