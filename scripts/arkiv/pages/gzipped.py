"""Single files compressed by gzip, as archives keep large ones: `0001.xml.gz`."""

from __future__ import annotations

import gzip
import io
import zlib

from arkiv.pages.page import not_a_page

SIGN = b"\x1f\x8b"
ENDING = ".gz"
# Bytes of a file, packed or not. With every word and glyph on it a page has some ten
# million.
LARGEST = 1 << 26


def is_gzipped(data: bytes) -> bool:
    """Whether a file is compressed so, by its first bytes."""
    return data.startswith(SIGN)


def inner_name(name: str) -> str:
    """The name of the file within."""
    return name[: -len(ENDING)] if name.lower().endswith(ENDING) else name


def start_of(head: bytes) -> bytes:
    """The first bytes of what is within; none if it is damaged from there on."""
    try:
        # 16 more than the window: with gzip's header.
        return zlib.decompressobj(16 + zlib.MAX_WBITS).decompress(head, len(head))
    except zlib.error:
        return b""


def unpacked(data: bytes) -> bytes:
    """What is within.

    Raises:
        InputError: it is damaged, or more than LARGEST.
    """
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(data)) as file:
            found = file.read(LARGEST + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise not_a_page(f"a damaged gzip file ({error})") from None
    if len(found) > LARGEST:
        raise not_a_page(f"unpacks to more than {LARGEST:,} bytes")
    return found
