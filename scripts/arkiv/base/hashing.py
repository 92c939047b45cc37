"""Content hashes: ids of texts, and random choices seeded per record.

A choice that depends on hash(seed, id) alone does not depend on the order of the
records, the number of parts or the number of processes.
"""

from __future__ import annotations

import hashlib
import os
import random
import re
from pathlib import Path
from unicodedata import normalize

ID_BYTES = 8
BLOCK = 1 << 20
# Signs that nobody sees: the soft hyphen, joiners, marks of direction and byte order.
UNSEEN = re.compile(
    "[\u00ad\u061c\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069\ufeff]+"
)


def content_digest(keys: tuple[object, ...], size: int) -> bytes:
    """So many bytes that depend on the content of `keys` alone."""
    # The length prefix keeps ("ab", "c") and ("a", "bc") apart.
    digest = hashlib.blake2b(digest_size=size)
    for key in keys:
        data = str(key).encode("utf-8", "surrogatepass")
        digest.update(len(data).to_bytes(8, "little") + data)
    return digest.digest()


def content_id(*keys: object) -> str:
    """16 hexadecimal digits that depend on the content of `keys` alone."""
    return content_digest(keys, ID_BYTES).hex()


def nfc(text: str) -> str:
    """A text with its letters composed: Unicode's form NFC, in which all that is read
    is held. File systems and keyboards of some machines give letter and mark apart."""
    return normalize("NFC", text)


def is_blank(text: str) -> bool:
    """Whether nothing of a text is seen: white space and `UNSEEN` alone."""
    stripped = text.strip()
    begins_seen = stripped and UNSEEN.match(stripped) is None
    return not begins_seen and not UNSEEN.sub("", stripped).strip()


def as_compared(text: str) -> str:
    """What the same texts have in common: whatever their white space, their case, signs
    in them that nobody sees, and whether their letters are composed (Unicode's
    canonical equivalence)."""
    seen = " ".join(UNSEEN.sub("", text).split())
    return nfc(nfc(seen).casefold())


def text_key(text: str) -> int:
    """64 bits that are equal for the same text, see `as_compared`."""
    return int(content_id(as_compared(text)), 16)


def uniform(seed: int, *keys: object) -> float:
    """A number in [0, 1), a pure function of the seed and the keys."""
    return (int.from_bytes(content_digest((seed, *keys), 8), "little") >> 11) * 2.0**-53


def rng(seed: int, *keys: object) -> random.Random:
    """A generator for one record: a pure function of the seed and the keys."""
    return random.Random(int.from_bytes(content_digest((seed, *keys), 16), "little"))


def digest_of_files(path: str | Path) -> str:
    """A hash of a file, or of all files of a directory with their names."""
    path = Path(path)
    digest = hashlib.blake2b(digest_size=16)
    files = sorted(p for p in path.rglob("*") if p.is_file()) if path.is_dir() else ()
    for file in files or (path,):
        name = os.fsencode(file.relative_to(path))
        digest.update(len(name).to_bytes(8, "little") + name)
        digest.update(file.stat().st_size.to_bytes(8, "little"))
        with open(file, "rb") as content:
            while block := content.read(BLOCK):
                digest.update(block)
    return digest.hexdigest()


def sha256_of(path: str | Path) -> str:
    """The SHA-256 of a file, which `sha256sum` gives too."""
    with open(path, "rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()
