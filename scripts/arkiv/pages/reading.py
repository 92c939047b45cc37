"""A file's format, told by its content, and its pages."""

from __future__ import annotations

from arkiv.base.errors import InputError
from arkiv.base.hashing import nfc
from arkiv.pages import gzipped, xml
from arkiv.pages.encodings import text_of
from arkiv.pages.kinds import FORMATS, HEAD, TARS, Role, kind
from arkiv.pages.page import Page, Sheet, not_a_page


def _endings(*, marked: bool) -> tuple[str, ...]:
    chosen = (each for each in FORMATS.values() if each.marked == marked)
    return tuple(sorted({ending for each in chosen for ending in each.endings}))


# What the names of pages end with.
STRUCTURED, PLAIN = _endings(marked=True), _endings(marked=False)


def read_pages(name: str, data: bytes, *, encoding: str | None = None) -> list[Page]:
    """The pages of a file: of most there is one; a page without text has no lines.

    They are counted; their numbers in a volume are `arkiv.volumes.order`'s.

    Args:
        name: of the file.
        data: its content; compressed by gzip it may be.
        encoding: of texts that are not UTF-8.

    Raises:
        InputError: it is no page in any format that is read here; without the file.
    """
    try:
        if gzipped.is_gzipped(data) and not name.lower().endswith(TARS):
            sheets = _packed_sheets(gzipped.inner_name(name), data, encoding)
        else:
            sheets = _sheets(name, data, encoding)
    except RecursionError:
        raise not_a_page("nested too deeply") from None
    if not sheets:
        raise not_a_page("holds no page")
    return [sheet.page(place) for place, sheet in enumerate(sheets, start=1)]


def read_alternatives(name: str, data: bytes) -> list[tuple[str, str]]:
    """What lines, words or letters of a page are read as, and what else they may be.

    None where the format has no such readings, or where the file cannot be read, which
    `read_pages` tells.

    Args:
        name: of the file.
        data: its content; compressed by gzip it may be.
    """
    try:
        if gzipped.is_gzipped(data) and not name.lower().endswith(TARS):
            name, data = gzipped.inner_name(name), gzipped.unpacked(data) or b""
        format = FORMATS.get(kind(name, data[:HEAD]).format)
        if format is None or format.alternatives is None:
            return []
        given = xml.parse(data) if format.roots else data
        pairs = format.alternatives(given)
        return [(nfc(text), nfc(other)) for text, other in pairs if text != other]
    except (InputError, ValueError, RecursionError):
        return []


def _packed_sheets(name: str, data: bytes, encoding: str | None) -> list[Sheet]:
    """Those of a file that is compressed: of a large book read page by page."""
    if (content := gzipped.unpacked(data)) is not None:
        return _sheets(name, content, encoding)
    format = FORMATS.get(kind(name, data[:HEAD]).format)
    if format is None or format.streamed is None:
        raise not_a_page(f"unpacks to more than {gzipped.LARGEST:,} bytes")
    return list(format.streamed(gzipped.parts(data)))


def _sheets(name: str, data: bytes, encoding: str | None) -> list[Sheet]:
    if not data or data.isspace():
        raise not_a_page("is empty" if not data else "holds white space alone")
    found = kind(name, data[:HEAD])
    if found.format is None:
        raise not_a_page(found.title + (found.advice and f"; {found.advice}"))
    format = FORMATS[found.format]
    if format.roots:
        root = xml.parse(data)
        if xml.name(root) not in format.roots:
            raise not_a_page(f"XML of <{xml.name(root)}>")
        return format.read(root)
    if found.role is Role.PAGE and format.marked:
        return format.read(data)
    return format.read(text_of(data, encoding))
