"""Content hashes: ids of texts, and random choices seeded per record.

A choice that depends on hash(seed, id) alone does not depend on the order of the
records, the number of parts or the number of processes.
"""

from __future__ import annotations

import hashlib
import random

ID_BYTES = 8


def _digest(keys: tuple[object, ...], size: int) -> bytes:
    # The length prefix keeps ("ab", "c") and ("a", "bc") apart.
    digest = hashlib.blake2b(digest_size=size)
    for key in keys:
        data = str(key).encode("utf-8", "surrogatepass")
        digest.update(len(data).to_bytes(8, "little") + data)
    return digest.digest()


def content_id(*keys: object) -> str:
    """16 hexadecimal digits that depend on the content of `keys` alone."""
    return _digest(keys, ID_BYTES).hex()


def uniform(seed: int, *keys: object) -> float:
    """A number in [0, 1), a pure function of the seed and the keys."""
    return (int.from_bytes(_digest((seed, *keys), 8), "little") >> 11) * 2.0**-53


def rng(seed: int, *keys: object) -> random.Random:
    """A generator for one record: a pure function of the seed and the keys."""
    return random.Random(int.from_bytes(_digest((seed, *keys), 16), "little"))
