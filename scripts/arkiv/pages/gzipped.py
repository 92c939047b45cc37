"""Single files compressed by gzip, as archives keep large ones: `0001.xml.gz`."""

from __future__ import annotations

import gzip
import io
import zlib
from collections.abc import Iterator

from arkiv.base.files import GZIP
from arkiv.pages.page import not_a_page

ENDING = ".gz"
# Bytes of a file, packed or not. With every word and glyph on it a page has some ten
# million.
LARGEST = 1 << 26
# Of a book that is read page by page, of which none may have more than LARGEST.
LARGEST_BOOK = 1 << 30


def is_gzipped(data: bytes) -> bool:
    """Whether a file is compressed so, by its first bytes."""
    return data.startswith(GZIP)


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


def unpacked(data: bytes) -> bytes | None:
    """What is within; None if it is more than LARGEST.

    Raises:
        InputError: it is damaged.
    """
    found = next(parts(data, LARGEST + 1), b"")
    return None if len(found) > LARGEST else found


def parts(data: bytes, size: int = 1 << 20) -> Iterator[bytes]:
    """What is within, in parts of so many bytes.

    Raises:
        InputError: it is damaged, or more than LARGEST_BOOK.
    """
    count = 0
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(data)) as file:
            while part := file.read(size):
                count += len(part)
                if count > LARGEST_BOOK:
                    raise not_a_page(f"unpacks to more than {LARGEST_BOOK:,} bytes")
                yield part
    except (OSError, EOFError, zlib.error) as error:
        raise not_a_page(f"a damaged gzip file ({error})") from None
