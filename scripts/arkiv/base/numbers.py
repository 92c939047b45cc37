"""Numbers as files have them: as such, or as text."""

from __future__ import annotations


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
