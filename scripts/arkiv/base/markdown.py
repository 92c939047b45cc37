"""Markdown that reads well as text and rendered: wrapped paragraphs, aligned tables."""

from __future__ import annotations

import json
import re
import textwrap
from collections.abc import Iterable, Sequence
from pathlib import Path

WIDTH = 80
# What would begin code, emphasis, HTML or a link, or end a cell. An underscore inside a
# word begins nothing.
SPECIAL = re.compile(r"([\\`*<\[|])")


def escaped(text: object) -> str:
    """A text from outside on one line, to be read as it stands."""
    return SPECIAL.sub(r"\\\1", " ".join(str(text).split()))


def coded(text: str) -> str:
    """A name or a value in the letters of code, also in the cell of a table."""
    plain = text.replace("`", "'").replace("|", r"\|")
    return f"`{plain}`"


def paragraph(text: str, first: str = "", others: str = "") -> str:
    """A paragraph in lines of 80 characters at most, with indents."""
    return textwrap.fill(
        text,
        WIDTH,
        initial_indent=first,
        subsequent_indent=others,
        break_long_words=False,
        break_on_hyphens=False,
    )


def items(lines: Iterable[str]) -> str:
    """A list with dots."""
    return "\n".join(paragraph(line, "- ", "  ") for line in lines)


def code(text: str, language: str = "") -> str:
    """A block of code."""
    return f"```{language}\n{text.strip()}\n```"


def table(
    header: Sequence[str], rows: Iterable[Sequence[str]], *, words: int = 1
) -> str:
    """A table of Markdown whose columns are padded to one width.

    The first columns, as many as `words` says, hold words; the others hold numbers and
    are aligned right.
    """
    lines = [list(header), *map(list, rows)]
    widths = [max(3, *map(len, column)) for column in zip(*lines, strict=True)]

    def line(cells: Sequence[str]) -> str:
        padded = [
            cell.ljust(width) if column < words else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(cells, widths, strict=True))
        ]
        return f"| {' | '.join(padded)} |"

    rule = [
        "-" * width if column < words else "-" * (width - 1) + ":"
        for column, width in enumerate(widths)
    ]
    return "\n".join([line(lines[0]), line(rule), *map(line, lines[1:])])


def counted(count: float, one: str, many: str | None = None) -> str:
    """`1 row`, `2 rows`."""
    return f"{count:,.10g} {one if count == 1 else many or one + 's'}"


def blocks(*parts: str) -> str:
    """Parts with an empty line between them; what is plain text is wrapped."""
    return "\n\n".join(
        part if part.startswith(("#", "|", "- ", "---", "```")) else paragraph(part)
        for part in parts
    )


def told(value: object) -> str:
    """The value of an argument; of a path on this machine only its name."""
    value = _placeless(value)
    if isinstance(value, list):
        nested = any(isinstance(entry, list) for entry in value)
        return (", " if nested else " ").join(map(told, value))
    return value if isinstance(value, str) else json.dumps(value)


def _placeless(value: object) -> object:
    if isinstance(value, str):
        return Path(value).name if value.startswith(("/", "~")) else value
    if isinstance(value, list):
        return list(map(_placeless, value))
    if isinstance(value, dict):
        return {key: _placeless(entry) for key, entry in value.items()}
    return value
