"""What of a page's image a passage stands on, cut out by a IIIF image server.

An image server of the IIIF Image API gives any region of an image in any size, by an
address: `{base}/{region}/{size}/0/default.jpg`, region and size in pixels
(https://iiif.io/api/image/3.0/#4-image-requests). The whole size of a region is `max`
in version 3 and `full` in version 2; none is asked to be made larger than it is.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from arkiv.base.files import Record
from arkiv.settings.image_links import LineLinks

# Pixels of a picture at most: of a column on a screen twice as fine as usual.
WIDEST, HIGHEST = 1000, 700
# Of a whole page.
WIDEST_PAGE = 1200
# Shown around lines, in parts of the mean height of one.
MARGIN = 0.4
# What an address calls the whole size of a region, by the version of the API.
WHOLE_SIZE = {2: "full", 3: "max"}

# Left, top, right and bottom in pixels of an image.
Box = tuple[int, int, int, int]


@dataclass(frozen=True)
class Region:
    """What of one page's image a passage stands on.

    Attributes:
        place: `dataset`, `volume`, `page`, `label` and `image`.
        boxes: of the lines.
        size: width and height of the image; None: not known.
    """

    place: Record
    boxes: Sequence[Box]
    size: tuple[int, int] | None

    @property
    def box(self) -> Box:
        """What holds the boxes of all lines."""
        left, top, right, bottom = zip(*self.boxes, strict=True)
        return min(left), min(top), max(right), max(bottom)

    @property
    def name(self) -> str:
        """What the archive calls the page."""
        return str(self.place["label"] or self.place["page"])

    def with_margin(self) -> Box:
        """The box with a margin, within the image."""
        left, top, right, bottom = self.box
        heights = [below - above for _, above, _, below in self.boxes]
        margin = round(MARGIN * sum(heights) / len(heights))
        width, height = self.size or (right + margin, bottom + margin)
        return (
            max(0, left - margin),
            max(0, top - margin),
            min(width, right + margin),
            min(height, bottom + margin),
        )


def regions(passage: Record, lines: Iterable[Record]) -> list[Region]:
    """The regions of a passage by its lines, a page's each, in order.

    Boxes end where the image does; one that has no extent there is left out.
    """
    found: dict[tuple, list[tuple[Record, Box]]] = {}
    for line in lines:
        box = within(line)
        if box[0] < box[2] and box[1] < box[3]:
            own = found.setdefault((line["page"], line["image"]), [])
            own.append((line, box))
    return [
        Region(
            {
                "dataset": passage.get("dataset"),
                "volume": passage.get("volume"),
                **{key: own[0][0][key] for key in ("page", "label", "image")},
            },
            [box for _, box in own],
            size_of(own[0][0]),
        )
        for own in found.values()
    ]


def size_of(line: Record) -> tuple[int, int] | None:
    """Width and height of a line's image; None: not known."""
    width, height = line["width"], line["height"]
    return (width, height) if width and height else None


def within(line: Record) -> Box:
    """What of a line's box is on its image."""
    left, top, right, bottom = line["box"]
    width, height = size_of(line) or (right, bottom)
    return max(0, left), max(0, top), min(width, right), min(height, bottom)


@dataclass(frozen=True)
class Picture:
    """A part of an image, as a page shows it.

    Attributes:
        address: of it.
        width, height: in pixels, as it comes.
        region: what it was cut out for.
        of_page: whether it shows the whole page.
    """

    address: str
    width: int
    height: int
    region: Region
    of_page: bool


class Pictures:
    """Pictures of passages from a IIIF image server.

    Args:
        template: the address of an image there, see `LineLinks`.
        version: of the Image API, 2 or 3.

    Raises:
        InputError: as of `LineLinks`.
    """

    def __init__(self, template: str, version: int) -> None:
        self._links = LineLinks(template, "serve.iiif")
        self._whole_size = WHOLE_SIZE[version]
        self.origin = self._links.origin

    def lines_of(self, region: Region) -> Picture | None:
        """The lines of a region; None: the address of their image is not known."""
        left, top, right, bottom = region.with_margin()
        width, height = right - left, bottom - top
        scale = min(1.0, WIDEST / width, HIGHEST / height)
        cut = f"{left},{top},{width},{height}"
        return self._picture(region, cut, width, height, scale)

    def page_of(self, region: Region) -> Picture | None:
        """The whole page; None: likewise, or the size of its image is not known."""
        if region.size is None:
            return None
        scale = min(1.0, WIDEST_PAGE / region.size[0])
        return self._picture(region, "full", *region.size, scale)

    def _picture(
        self, region: Region, cut: str, width: int, height: int, scale: float
    ) -> Picture | None:
        base = self._links.of(region.place)
        if base is None:
            return None
        shown = max(1, int(width * scale))
        size = self._whole_size if scale == 1 else f"{shown},"
        address = f"{base.rstrip('/')}/{cut}/{size}/0/default.jpg"
        return Picture(
            address, shown, max(1, round(height * scale)), region, cut == "full"
        )
