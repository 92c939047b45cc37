"""A file of an archive, read with a limit."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass

from arkiv.pages.gzipped import LARGEST
from arkiv.pages.kinds import Kind
from arkiv.pages.page import not_a_page

# Errors that are the same at every try; gzip and lzma raise one without a number, and
# the invalid argument is a place before the beginning that a zip file names.
OF_THE_FILE = {
    *(errno.ENOENT, errno.EISDIR, errno.ENOTDIR, errno.ELOOP),
    *(errno.EACCES, errno.EPERM, errno.ENAMETOOLONG, errno.EINVAL),
}


@dataclass(frozen=True, slots=True)
class Member:
    """A file by its path in a folder, zip or tar file."""

    path: str
    """With `/` between its parts."""
    read: Callable[[int], bytes]
    """That many of its first bytes. Raises InputError, without the file."""
    fault: str | None = None
    """What it is instead of a file that may be read."""
    kind: Kind | None = None
    """What it is, if that was told when the zip or tar file was opened."""
    within: Callable[[ExitStack], list[Member]] | None = None
    """Of a zip or tar file: the files in it, until the stack is closed."""


def content(member: Member) -> bytes:
    """All of a file.

    Raises:
        InputError: it is too large, or cannot be read; without the file.
    """
    data = member.read(LARGEST + 1)
    if len(data) > LARGEST:
        raise not_a_page(f"has more than {LARGEST:,} bytes")
    return data


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


def check_size(size: int, most: int) -> None:
    """Refuse a file of which all is to be read, with one byte more than it may have."""
    if size >= most > LARGEST:
        raise not_a_page(f"has {size:,} bytes, expected at most {most - 1:,}")
