"""Names as people and programs give them, drawn."""

from __future__ import annotations

import random

# What shells, Snakemake, loggers, templates, URLs and file systems take for theirs.
PIECES = [
    *" '\"$`{}%-.&;#~()[]<>|*?!=,:@^\\",
    *("{x}", "{dataset}", "{0}", "{{y}}", "{a,b}", "<temp>", "<x>", "$(touch ran)"),
    *("`touch ran`", "$HOME", "${x}", "%s", "%(name)s", "--", "&amp;", "\\n", "\\d{4}"),
    *("..", "é", "e\u0301", "Å", "ß", "訴訟", "דין", "🙂", "👩\u200d🌾", "a", "B", "1"),
]
# Of a name in most file systems, in bytes; endings want some.
LONGEST = 240


def any_name(rng: random.Random, characters: int = 30) -> str:
    """A name of a file or directory of about so many characters."""
    name = ""
    while len(name) < characters:
        longer = name + rng.choice(PIECES)
        if len(longer.encode()) > LONGEST:
            break
        name = longer
    return name


def plain_name(rng: random.Random, characters: int = 30) -> str:
    """A name of a run, dataset or system, which has a pattern of its own."""
    letters = "abcXYZ0189"
    rest = (rng.choice([*letters, "-", "_"]) for _ in range(characters - 1))
    return rng.choice(letters) + "".join(rest)
