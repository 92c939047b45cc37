"""Volumes by what someone types of their names.

An archive may have ten thousand, which no page can list.
"""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Iterable, Sequence
from difflib import get_close_matches

# Names that a page suggests, and near ones; characters of one that are looked at for
# these, and names that are compared, which takes a fifth of a second.
SUGGESTED = 100
NEAREST = 5
LOOKED_AT = 100
COMPARED = 2000


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
    close: list[str] = []
    if len(holding) < NEAREST:
        close = get_close_matches(key, _beginning_like(key, names), NEAREST)
    found = dict.fromkeys([*holding, *close])
    return [names[name] for name in found][:NEAREST]


def _beginning_like(key: str, names: Iterable[str]) -> list[str]:
    """The names that have most of their beginning in common with a text."""

    def common(name: str) -> int:
        pairs = enumerate(zip(key, name, strict=False))
        shorter = min(len(key), len(name))
        return next((at for at, (one, two) in pairs if one != two), shorter)

    return heapq.nlargest(COMPARED, names, key=common)


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
