"""Which passages of an index are searched, as a condition of its columns."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Filters:
    """What passages must be to be searched; what is empty asks for nothing.

    What a passage does not say of itself it is not: one without a year is of no years.

    Attributes:
        dataset: name of theirs.
        volumes: names, of which theirs must be one.
        years: first and last, of which theirs must have one.
        types: of volumes, of which theirs must be one.
        confidence: the least with which they were recognised.
    """

    dataset: str | None = None
    volumes: tuple[str, ...] = ()
    years: tuple[int, int] | None = None
    types: tuple[str, ...] = ()
    confidence: float | None = None

    def condition(self) -> str | None:
        """The filter as Lance takes it, an expression of SQL; None: all passages."""
        parts = []
        if self.dataset is not None:
            parts.append(f"dataset = {quoted(self.dataset)}")
        if self.volumes:
            parts.append(one_of("volume", self.volumes))
        if self.years is not None:
            first, last = map(int, self.years)
            parts.append(f"year <= {last} AND year_to >= {first}")
        if self.types:
            parts.append(one_of("type", self.types))
        if self.confidence is not None:
            # As the column has it: 0.9 is more than the nearest float32 to it.
            parts.append(f"confidence >= CAST({self.confidence:.9f} AS FLOAT)")
        return " AND ".join(parts) or None


def quoted(text: str) -> str:
    """A text of SQL."""
    return "'" + text.replace("'", "''") + "'"


def one_of(column: str, texts: Iterable[str]) -> str:
    """The condition that a column has one of these texts."""
    return f"{column} IN ({', '.join(map(quoted, texts))})"
