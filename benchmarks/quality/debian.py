"""Pairs in English that anyone can make: descriptions of Debian's packages.

The query is a package's short description, the passage its long one, as apt has them on
any Debian or Ubuntu. Packages of one source share their text (library, headers,
documentation), so each source has one pair; and no two pairs have the same short
description or nearly the same long one, so that no passage is wrongly no answer, and
nothing that is tested was trained on in other words.
"""

from __future__ import annotations

import re
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice

from arkiv.base.errors import InputError
from arkiv.base.files import Record
from arkiv.base.hashing import text_key, uniform
from arkiv.mining.settings import Mining
from arkiv.text.duplicates import near_duplicates

# A language that apt was told to leave out is still looked for.
ASK = ("apt-get", "indextargets", "-o", "Acquire::Languages=en", "--format")
# Reads a list however it is compressed.
READ = ("/usr/lib/apt/apt-helper", "cat-file")
FETCH = "`apt-get -o Acquire::Languages=en update` fetches them"
DESCRIPTION = "Description-en"
FEWEST_WORDS = 10
# Empty packages, kept so that others are installed in their place.
EMPTY = re.compile(r"\b(?:transitional|dummy|empty)\b", re.IGNORECASE)
# Pairs that near-duplicates are sought among, for each one asked for.
SPARE = 1.5


@dataclass(frozen=True)
class Package:
    """A package as it is described.

    Attributes:
        name: of the package.
        source: what it is built from, with others.
        short: one line.
        long: paragraphs, an empty line between them.
    """

    name: str
    source: str
    short: str
    long: str


def stanzas(text: str) -> Iterator[dict[str, str]]:
    """The fields of each paragraph of a control file, as deb822(5) has it."""
    for paragraph in re.split(r"\n(?:[ \t]*\n)+", text):
        fields: dict[str, str] = {}
        name = ""
        for line in paragraph.splitlines():
            if line[:1] in (" ", "\t"):
                fields[name] = f"{fields.get(name, '')}\n{line}"
            else:
                name, _, value = line.partition(":")
                fields[name] = value.strip()
        if fields.get("Package"):
            yield fields


def described(packages: str, translations: str) -> Iterator[Package]:
    """The packages of apt's lists, the first of each name.

    Args:
        packages: the text of lists of packages, of which the source is taken.
        translations: the text of lists of descriptions in English.
    """
    # `Source: gcc-defaults (1.203)`; of most it is the package's own name.
    sources = {
        fields["Package"]: fields["Source"].split()[0]
        for fields in stanzas(packages)
        if fields.get("Source")
    }
    known: set[str] = set()
    for fields in stanzas(translations):
        name = fields["Package"]
        short, _, rest = fields.get(DESCRIPTION, "").partition("\n")
        if name not in known:
            known.add(name)
            lines = [line.strip() for line in rest.split("\n")]
            long = "\n".join("" if line == "." else line for line in lines)
            yield Package(name, sources.get(name, name), short.strip(), long.strip())


def one_of_each_source(packages: Iterator[Package]) -> Mapping[str, Package]:
    """By source the package of its name, or else the first by name; such as have
    something to say."""
    chosen: dict[str, Package] = {}
    for package in sorted(packages, key=lambda one: (one.name != one.source, one.name)):
        told = package.short and len(package.long.split()) >= FEWEST_WORDS
        if told and not EMPTY.search(package.short):
            chosen.setdefault(package.source, package)
    return chosen


def drawn(packages: Iterator[Package], count: int, seed: int) -> list[Record]:
    """So many pairs, the same for the same lists and seed, whatever their order.

    Raises:
        InputError: there are not so many that differ.
    """
    # In the order in which they are drawn: of what is alike the first stays.
    by_source = one_of_each_source(packages)
    order = sorted(by_source, key=lambda name: (uniform(seed, name), name))
    met: set[int] = set()
    differing = []
    for package in map(by_source.__getitem__, order):
        keys = {text_key(package.short), text_key(package.long)}
        if met.isdisjoint(keys):
            differing.append(package)
        met |= keys
    differing = differing[: round(count * SPARE)]
    with tempfile.TemporaryDirectory() as folder:
        # What counts as one passage where negatives are mined and judged.
        alike = Mining.duplicate_jaccard
        repeated = near_duplicates((one.long for one in differing), alike, folder)
    kept = [one for row, one in enumerate(differing) if row not in repeated]
    if len(kept) < count:
        reason = f"asks for {count:,} pairs, but apt's lists give {len(kept):,}"
        raise InputError(reason, key="--debian")
    return [
        {
            "query": one.short,
            "pos": [one.long],
            "group": one.source,
            "package": one.name,
        }
        for one in islice(kept, count)
    ]


def _output(*command: str) -> str:
    """What a program of apt's prints.

    Raises:
        InputError: there is none, or it fails.
    """
    try:
        done = subprocess.run(command, capture_output=True, check=True)
    except (OSError, subprocess.CalledProcessError) as error:
        reason = f"needs apt, as Debian and Ubuntu have it ({error})"
        raise InputError(reason, key="--debian") from None
    return done.stdout.decode("utf-8", "replace")


def lists_of_apt() -> tuple[str, str]:
    """The texts of apt's lists of packages and of their descriptions in English.

    Raises:
        InputError: there is no apt, or it has no such lists.
    """
    texts = []
    for made_by, what in (
        ("Packages", "lists of packages"),
        ("Translations", "descriptions in English"),
    ):
        files = _output(*ASK, "$(FILENAME)", f"Created-By: {made_by}").split("\n")
        found = [_output(*READ, file) for file in sorted(filter(None, files))]
        if not found:
            raise InputError(f"finds no {what}; {FETCH}", key="--debian")
        texts.append("\n\n".join(found))
    return texts[0], texts[1]


def debian_pairs(count: int, seed: int) -> list[Record]:
    """So many pairs of the descriptions that apt has on this machine.

    Raises:
        InputError: there is no apt, it has no lists, or not so many that differ.
    """
    return drawn(described(*lists_of_apt()), count, seed)
