"""Where the rows of a table are cut into files, so that a changed row moves one file.

A file ends behind a row whose id says so, whatever stands around it (content-defined
chunking), so that a row more or less leaves the cuts elsewhere where they are. It is
named by the hash of what is in it: a file that is there is whole and as it should be.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from arkiv.base.hashing import ID_BYTES, content_digest


class Chunk(NamedTuple):
    """Rows `start` to `stop` of the table, which are one file."""

    start: int
    stop: int
    digest: str  # of ids and fingerprints, 16 hexadecimal digits


def cut(rows: Iterable[tuple[str, str]], most: int, form: str) -> Iterator[Chunk]:
    """Cut rows into chunks of at most so many, half of that in the mean.

    Args:
        rows: id and fingerprint of each, in the order of the table.
        most: rows of a chunk.
        form: how rows are written; another one makes other names.
    """
    often, least = max(1, most // 3), most // 6
    start = number = 0
    digest = _begun(form)
    for number, (one, fingerprint) in enumerate(rows, start=1):
        mark = content_digest((one, fingerprint), ID_BYTES)
        digest.update(mark)
        length = number - start
        ends = int.from_bytes(content_digest((one,), ID_BYTES), "little") % often == 0
        if length == most or (ends and length > least):
            yield Chunk(start, number, digest.hexdigest())
            start, digest = number, _begun(form)
    if number > start:
        yield Chunk(start, number, digest.hexdigest())


def _begun(form: str) -> hashlib.blake2b:
    return hashlib.blake2b(form.encode(), digest_size=ID_BYTES)
