"""Where lines stand: boxes in whole pixels of a page's image.

Readers take edges as a file has them, left, top, right and bottom, whole or not; a
sheet makes boxes of them. What cannot be right is no box: a wrong one is worse.
"""

from __future__ import annotations

from collections.abc import Iterable
from math import ceil, floor, isfinite

# Left, top, right and bottom as a file has them; the same in whole pixels.
Edges = tuple[float, float, float, float]
Box = tuple[int, int, int, int]
# Pixels. No image has more on a side.
LARGEST_SIDE = 1_000_000
# Of a box, one part of so many must lie on the image: else it is of another, or of
# another scale.
PARTS = 2


def pixels(edges: Edges | None, size: tuple[int, int] | None = None) -> Box | None:
    """The pixels that edges enclose, within the image if its size is known.

    None where they enclose nothing, or where most of it lies outside of the image.
    """
    if edges is None:
        return None
    try:
        left, top, right, bottom = edges
        left, top, right, bottom = floor(left), floor(top), ceil(right), ceil(bottom)
    except (TypeError, ValueError, OverflowError):  # no number, NaN, infinite
        return None
    if left >= right or top >= bottom:
        return None
    width, height = size or (LARGEST_SIDE, LARGEST_SIDE)
    if left >= 0 and top >= 0 and right <= width and bottom <= height:
        return left, top, right, bottom
    area = (right - left) * (bottom - top)
    left, top = max(left, 0), max(top, 0)
    right, bottom = min(right, width), min(bottom, height)
    within = max(right - left, 0) * max(bottom - top, 0)
    return (left, top, right, bottom) if PARTS * within >= area else None


def image_size(width: object, height: object) -> tuple[int, int] | None:
    """An image's width and height, given as numbers or text; None for anything else."""
    sides = number(width), number(height)
    if any(side is None or not 1 <= side <= LARGEST_SIDE for side in sides):
        return None
    return round(sides[0]), round(sides[1])


def number(value: object) -> float | None:
    """A finite number, given as such or as text; None for anything else."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    try:
        found = float(value)
    except (ValueError, OverflowError):
        return None
    return found if isfinite(found) else None


def around(points: object) -> Edges | None:
    """The edges of a polygon that is written `x,y x,y …`; None if it is not."""
    if not isinstance(points, str):
        return None
    try:
        values = [float(value) for value in points.replace(",", " ").split()]
    except ValueError:
        return None
    if len(values) % 2 or not values or not isfinite(sum(values)):
        return None
    across, down = values[::2], values[1::2]
    return min(across), min(down), max(across), max(down)


def own_or_around(own: Edges | None, parts: Iterable[Edges | None]) -> Edges | None:
    """A line's own edges if they enclose anything, else those of all its words."""
    if own is not None and pixels(own) is not None:
        return own
    known = [part for part in parts if part is not None and pixels(part) is not None]
    if not known:
        return None
    lefts, tops, rights, bottoms = zip(*known, strict=True)
    return min(lefts), min(tops), max(rights), max(bottoms)
