"""The natural order of names: numbers in them by their value."""

from __future__ import annotations

import re

DIGITS = re.compile(r"([0-9]+)")


def natural(name: str) -> tuple:
    """What names are sorted by: `2a` comes before `10a`."""
    # Odd places of the split name are runs of digits.
    parts = [
        (len(part.lstrip("0")), part.lstrip("0")) if odd % 2 else part.casefold()
        for odd, part in enumerate(DIGITS.split(name))
    ]
    return (parts, name)
