"""The characters of a file, by its mark, by how it writes ASCII, or as is said."""

from __future__ import annotations

import codecs

from arkiv.pages.page import not_a_page

# The longer first: a mark of UTF-16 begins one of UTF-32.
MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
# Bytes that are looked at for a file without a mark.
LOOKED_AT = 4096
# Of every second byte, how many are 0 in a text of UTF-16: blanks, digits and line
# feeds at least, in Latin scripts nearly all. Of the other bytes as good as none is.
MANY, FEW = 0.1, 0.01


def encoding_of(data: bytes) -> tuple[str, int]:
    """A file's encoding and the bytes of its mark: UTF-8 unless it is another for sure.

    Without a mark UTF-16 shows by its zeros, which no text in a narrower encoding has.
    """
    for mark, encoding in MARKS:
        if data.startswith(mark):
            return encoding, len(mark)
    start = data[: min(len(data), LOOKED_AT) // 2 * 2]
    if b"\0" in start:
        first, second = start[::2], start[1::2]
        zeros = first.count(0) / len(first), second.count(0) / len(second)
        if zeros[1] >= MANY and zeros[0] <= FEW:
            return "utf-16-le", 0
        if zeros[0] >= MANY and zeros[1] <= FEW:
            return "utf-16-be", 0
    return "utf-8", 0


def start_of(head: bytes) -> str:
    """The characters that a file begins with, whatever they are worth."""
    encoding, mark = encoding_of(head)
    return head[mark:].decode(encoding, "ignore")


def text_of(data: bytes, otherwise: str | None = None) -> str:
    """The characters of a text.

    Args:
        data: the file.
        otherwise: the encoding of what is not UTF-8; None: there is no other.

    Raises:
        InputError: it is not in this encoding either.
    """
    encoding, mark = encoding_of(data)
    try:
        return data[mark:].decode(encoding)
    except UnicodeDecodeError as error:
        fault = error
    if otherwise is None or encoding != "utf-8" or mark:
        known = "; if it is in another encoding, name it in documents.encoding"
        raise not_a_page(
            f"text that is not {encoding.upper()} ({_said(fault, mark)})"
            f"{known if not mark else ''}"
        ) from None
    try:
        return data.decode(otherwise)
    except UnicodeDecodeError as error:
        raise not_a_page(
            f"text that is neither UTF-8 ({_said(fault)}) nor, as documents.encoding "
            f"says, {otherwise} ({_said(error)})"
        ) from None


def _said(error: UnicodeDecodeError, before: int = 0) -> str:
    place = error.start + before + 1
    return f"byte {place:,} is 0x{error.object[error.start]:02x}"
