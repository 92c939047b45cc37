"""Smaller forms of a dense vector: what they are called, and how large they are.

Read while the Snakefile is parsed: nothing heavy here. `arkiv.retrieve.compressed`
makes them and searches in them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from arkiv.base.errors import InputError
from arkiv.retrieve.systems.system import System

KEY = "evaluate.compress"
# `int8`, `binary`, the first dimensions alone (256), or these coded (256-int8).
PATTERN = "^(int8|binary|[1-9][0-9]*(-(int8|binary))?)$"
Code = Literal["float16", "int8", "binary"]


@dataclass(frozen=True)
class Form:
    """A form of dense vectors; the default is that of `encodings/`."""

    code: Code = "float16"
    dimensions: int | None = None
    """How many there are, the first ones; None: all."""

    @classmethod
    def of(cls, word: str | int) -> Form:
        """By its name.

        Raises:
            InputError: it is none.
        """
        if not re.fullmatch(PATTERN, str(word)):
            reason = f"has {word}, expected int8, binary, or dimensions such as 256"
            raise InputError(reason, key=KEY)
        words = str(word).split("-")
        first, last = words[0], words[-1]
        return cls(
            cls.code if last.isdecimal() else last,
            int(first) if first.isdecimal() else None,
        )

    def __str__(self) -> str:
        if self.dimensions is None:
            return self.code
        coded = "" if self.code == "float16" else f"-{self.code}"
        return f"{self.dimensions}{coded}"

    def bytes_of(self, dimensions: int) -> int:
        """The size of one vector of a model of so many dimensions."""
        kept = self.dimensions or dimensions
        return {"float16": 2 * kept, "int8": kept, "binary": -(-kept // 8)}[self.code]


def check_compress(
    compress: Sequence[str | int], systems: Mapping[str, System]
) -> None:
    """Refuse forms of which there is nothing to measure.

    Raises:
        InputError: no system searches by encodings' dense vectors.
    """
    if compress and not compressible(systems):
        reason = "makes dense vectors smaller, but evaluate.systems has no system of "
        raise InputError(f"{reason}type m3 and mode dense", key=KEY)


def compressible(systems: Mapping[str, System]) -> dict[str, str]:
    """The systems whose dense vectors lie in encodings, each with its model's name."""
    return {
        name: system.model_of_run
        for name, system in systems.items()
        if system.type == "m3" and system.mode == "dense"
    }


def cuts(compress: Sequence[str | int]) -> dict[str, int]:
    """The most dimensions that the forms keep of a model's, by the setting."""
    kept = [form.dimensions for form in map(Form.of, compress) if form.dimensions]
    return {KEY: max(kept)} if kept else {}
