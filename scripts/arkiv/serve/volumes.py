"""Volumes by what someone types of their names.

An archive may have ten thousand, which no page can list.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from difflib import get_close_matches

# Names that a page suggests, and characters of one that are looked at for near ones.
SUGGESTED = 100
NEAREST = 5
LOOKED_AT = 100


def named(volumes: Sequence[str], typed: str) -> list[str]:
    """The volumes that a text means: the one of this name, else those that begin so.

    Args:
        volumes: names of all.
        typed: a name or its beginning, whatever the case; not empty.
    """
    if typed in volumes:
        return [typed]
    key = typed.strip().casefold()
    beginning = [name for name in volumes if name.casefold().startswith(key)]
    return [name for name in beginning if name.casefold() == key] or beginning


def nearest(volumes: Sequence[str], typed: str) -> list[str]:
    """A few volumes whose names have the text in them, or are much like it."""
    key = typed.strip().casefold()[:LOOKED_AT]
    names = {name.casefold(): name for name in volumes}
    holding = sorted((name for name in names if key in name), key=len)
    close = get_close_matches(key, names, NEAREST) if len(holding) < NEAREST else []
    found = dict.fromkeys([*holding, *close])
    return [names[name] for name in found][:NEAREST]


def suggestions(volumes: Sequence[str], typed: str | None) -> list[str]:
    """What a field suggests: names, or where there are too many how they begin.

    Args:
        volumes: names of all, in order.
        typed: what they begin with; None: anything.
    """
    names = volumes if typed is None else named(volumes, typed)
    found = list(names)
    if len(found) <= SUGGESTED:
        return found
    for length in itertools.count(1):
        longer = list(dict.fromkeys(name[:length] for name in names))
        if len(longer) > SUGGESTED:
            break
        found = longer
    return found if len(found) <= SUGGESTED else []
