"""Numbers as files have them: as such, or as text."""

from __future__ import annotations

import sys

# What a float holds; whole numbers of JSON may be larger.
LARGEST = int(sys.float_info.max)


def is_number(value: object) -> bool:
    """Whether a value of JSON is a number: no truth value, and finite."""
    if type(value) is int:
        return abs(value) <= LARGEST
    return type(value) is float and value - value == 0


def is_known_number(value: object) -> bool:
    """Whether it is one, or nothing is known."""
    return value is None or is_number(value)


def share(value: object) -> float | None:
    """A number from 0 to 1, given as such or as text; None for anything else."""
    if isinstance(value, str):
        try:
            value = float(value)
        except ValueError:
            return None
    # NaN compares false.
    known = isinstance(value, int | float) and 0 <= value <= 1
    return float(value) if known else None
