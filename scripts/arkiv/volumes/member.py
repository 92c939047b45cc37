"""A file of a volume, read with a limit."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from dataclasses import dataclass

from arkiv.pages.page import not_a_page
from arkiv.pages.reading import PLAIN, STRUCTURED

# Bytes of a file. With every word and glyph on it a page has some ten million.
LARGEST = 1 << 26
# Errors that are the same at every try; gzip and lzma raise one without a number.
OF_THE_FILE = {
    *(errno.ENOENT, errno.EISDIR, errno.ENOTDIR, errno.ELOOP),
    *(errno.EACCES, errno.EPERM, errno.ENAMETOOLONG),
}


@dataclass(frozen=True)
class Member:
    """A file of a volume."""

    name: str
    read: Callable[[], bytes]
    """Raises InputError, without the file."""


def looks_like_page(name: str) -> bool:
    """Whether a file has the name of one."""
    return name.lower().endswith(STRUCTURED + PLAIN)


def shown(name: str) -> str:
    """A file's name as text; bytes that are not UTF-8 are replaced."""
    return os.fsencode(name).decode("utf-8", "replace")


def is_of_the_file(error: OSError) -> bool:
    """Whether an error is the file's fault, and not the machine's.

    A full or failing disk must end the job: the next try may well read the file.
    """
    return error.errno is None or error.errno in OF_THE_FILE


def said(error: Exception) -> str:
    """An error in a few words."""
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return (str(error).splitlines() or [type(error).__name__])[0]


def refusing(reason: str) -> Callable[[], bytes]:
    """How a file is read that is not to be."""

    def refuse() -> bytes:
        raise not_a_page(reason)

    return refuse


def check_size(size: int) -> None:
    """Refuse a file of too many bytes."""
    if size > LARGEST:
        raise not_a_page(f"has {size:,} bytes, expected at most {LARGEST:,}")


def bounded(data: bytes) -> bytes:
    """What was read, unless there is more than its size said."""
    if len(data) > LARGEST:
        raise not_a_page(f"has more than {LARGEST:,} bytes")
    return data
