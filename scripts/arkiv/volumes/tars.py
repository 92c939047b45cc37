"""Tar files, damaged or hostile ones too, as the library by itself does not read them.

It ends in silence at a damaged header, and behind the first of several that stand one
after another (`cat a.tar.gz b.tar.gz`), goes round for ever on a size below 0
(CVE-2025-8194), and takes paths of any length into memory.
"""

from __future__ import annotations

import re
import tarfile
from typing import BinaryIO

# The names that the library has for how tar files begin: with what no file is called.
COMPRESSED = tuple(
    (re.compile(sign), form)
    for sign, form in (
        (rb"\x1f\x8b\x08", "gz"),
        (rb"BZh[1-9](?:1AY&SY|\x17rE8P\x90)", "bz2"),
        (rb"\xfd7zXZ\0|\]\0\0", "xz"),
    )
)
# What the library reads whole: paths, and what else is told of a file; bytes of it.
HELD = (
    *(tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.SOLARIS_XHDTYPE),
    *(tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK),
)
MOST_HELD = 1 << 20


def form(file: BinaryIO) -> str:
    """How a tar file is compressed, by its first bytes; empty if it is not."""
    start = file.peek(16)
    return next((form for sign, form in COMPRESSED if sign.match(start)), "")


class _Header(tarfile.TarInfo):
    """What stands before a file in a tar file, which must not end at a damaged one."""

    @classmethod
    def frombuf(cls, buf: bytes, encoding: str, errors: str) -> tarfile.TarInfo:
        """What a block says; of what the library holds in memory not too much."""
        found = super().frombuf(buf, encoding, errors)
        if found.type in HELD and found.size > MOST_HELD:
            raise tarfile.ReadError("a header of a file is too large")
        return _forwards(found)

    @classmethod
    def fromtarfile(cls, tar: _Tar) -> tarfile.TarInfo:
        """The next one; the library would pass over what is none, and stop."""
        try:
            found = _forwards(super().fromtarfile(tar))
        except tarfile.EOFHeaderError:
            tar.ended = True
            raise
        except tarfile.EmptyHeaderError:
            raise
        except tarfile.HeaderError as error:
            if tar.ended and not isinstance(error, tarfile.SubsequentHeaderError):
                # What stands behind the end and is no tar file says nothing.
                raise tarfile.EmptyHeaderError(str(error)) from None
            raise tarfile.ReadError(str(error)) from None
        tar.ended = False
        return found


def _forwards(header: tarfile.TarInfo) -> tarfile.TarInfo:
    """Refuse what leads back, on which the library goes round for ever."""
    if header.size < 0:
        raise tarfile.ReadError("a file has less than 0 bytes")
    return header


class _Tar(tarfile.TarFile):
    """A tar file, or several one after another."""

    tarinfo = _Header
    ended = False
    """Whether its end has been read, behind which another may stand."""


def open_tar(file: BinaryIO) -> tarfile.TarFile:
    """A tar file from its beginning, compressed or not.

    Raises:
        tarfile.TarError: it is none, or damaged; so does reading on.
    """
    return _Tar.open(fileobj=file, mode=f"r:{form(file)}", ignore_zeros=True)
