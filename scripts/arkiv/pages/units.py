"""Places on a page of ALTO, whose unit of length may be other than a pixel.

`MeasurementUnit` is `pixel`, `mm10` (a tenth of a millimetre) or `inch1200`. How many
pixels the last two are, the schema has no place for: programs write it among the
settings of a processing step, as `width:2477 height:4025 xdpi:300 ydpi:300`. Where none
does, places are unknown. A file without a unit is of pixels, as all programs have it.

Source: the schemas of the Library of Congress; files of its newspapers.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from arkiv.pages.boxes import Edges, number, own_or_around
from arkiv.pages.xml import Element, children, descendants

PLACE = ("HPOS", "VPOS", "WIDTH", "HEIGHT")
PIXELS = ("", "pixel", "pixels")
OF_AN_INCH = {"mm10": 254, "inch1200": 1200}
SETTING = re.compile(
    r"\b(width|height|[xy]?dpi|resolution)\s*[:=]\s*(\d+(?:\.\d+)?)", re.IGNORECASE
)
# By how much two numbers of pixels per unit may differ that are to be the same.
ROUNDED = 0.02


@dataclass(frozen=True)
class Geometry:
    """How places of a page become pixels of its image."""

    pixels: tuple[float, float] | None
    """Of a unit, across and down; None where it is not known."""
    size: tuple[float, float] | None
    """The image's width and height in pixels, where they are known."""

    def edges(self, line: Element) -> Edges | None:
        """Where a line stands; else where its words stand."""
        if self.pixels is None:
            return None
        return own_or_around(
            self._edges(line), map(self._edges, children(line, "String"))
        )

    def _edges(self, element: Element) -> Edges | None:
        values = [number(element.get(key)) for key in PLACE]
        if None in values:
            return None
        left, top, width, height = values
        across, down = self.pixels
        right, bottom = left + width, top + height
        return left * across, top * down, right * across, bottom * down


def geometry(root: Element, page: Element, *, alone: bool) -> Geometry:
    """That of a page of a document, which is the only one or not."""
    unit = "".join(each.text or "" for each in descendants(root, "MeasurementUnit"))
    sides = number(page.get("WIDTH")), number(page.get("HEIGHT"))
    known = None if None in sides or min(sides) <= 0 else sides
    unit = unit.strip().lower()
    if unit in PIXELS:
        return Geometry((1, 1), known)
    if unit not in OF_AN_INCH:
        return Geometry(None, None)
    said = _settings(descendants(root, "processingStepSettings"))
    found = []
    if dpi := said.get("dpi") or said.get("resolution"):
        found.append((dpi / OF_AN_INCH[unit],) * 2)
    if "xdpi" in said and "ydpi" in said:
        found.append(tuple(said[key] / OF_AN_INCH[unit] for key in ("xdpi", "ydpi")))
    if alone and known and "width" in said and "height" in said:
        found.append((said["width"] / known[0], said["height"] / known[1]))
    if not found or not _agree(found):
        return Geometry(None, None)
    pixels = found[-1]
    size = known and (known[0] * pixels[0], known[1] * pixels[1])
    return Geometry(pixels, size)


def _settings(steps: Iterable[Element]) -> dict[str, float]:
    """What processing steps say of the image, all that say it alike; nothing else."""
    values: dict[str, set[float]] = {}
    for step in steps:
        for key, value in SETTING.findall(step.text or ""):
            values.setdefault(key.lower(), set()).add(float(value))
    return {key: found.pop() for key, found in values.items() if len(found) == 1}


def _agree(found: list[tuple[float, float]]) -> bool:
    values = [value for pair in found for value in pair]
    return 0 < max(values) <= (1 + ROUNDED) * min(values)
