"""What an address of the search page asks for: every state of the page is one."""

from __future__ import annotations

import contextlib
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from urllib.parse import urlencode

from arkiv.base.errors import InputError
from arkiv.base.hashing import UNSEEN, nfc
from arkiv.serve.filters import ANY, UNITS, Filters, shown
from arkiv.serve.index import DEPTH, Index

MOST_CHARACTERS = 2000
MOST_SYSTEMS = 4
HITS = (10, 25, 50, DEPTH)
# Control and format characters, unassigned ones and halves of surrogate pairs: none of
# them is part of a word, and some turn the direction of what follows.
NO_TEXT = frozenset({"Cc", "Cf", "Cn", "Co", "Cs"})


def clean(query: str) -> str:
    """A query on one line in Unicode's form NFC, without characters that are no text;
    of those in a word that nobody sees, such as a soft hyphen, nothing is left.

    Raises:
        InputError: it is too long.
    """
    if len(query) > MOST_CHARACTERS:
        raise InputError(
            f"The query has {len(query):,} characters; {MOST_CHARACTERS:,} are the most"
        )
    visible = "".join(
        " " if unicodedata.category(character) in NO_TEXT else character
        for character in UNSEEN.sub("", query)
    )
    return " ".join(nfc(visible).split())


def systems_of(names: Sequence[str], index: Index) -> tuple[str, ...]:
    """The systems that are asked for, each once.

    Raises:
        InputError: there is no such system, or they are too many.
    """
    for name in names:
        if name not in index.systems:
            raise InputError(f"There is no system “{shown(name)}” here")
    found = tuple(dict.fromkeys(names))
    if len(found) > MOST_SYSTEMS:
        raise InputError(
            f"{len(found)} systems are chosen; {MOST_SYSTEMS} are the most that fit "
            "side by side"
        )
    return found


def hits_of(given: str | None) -> int:
    """How many passages of each system are asked for.

    Raises:
        InputError: not one of the numbers that can be.
    """
    hits = given or str(HITS[0])
    if hits not in map(str, HITS):
        raise InputError(f"Expected {', '.join(map(str, HITS))} hits")
    return int(hits)


def group_of(given: str | None) -> str | None:
    """What hits are gathered by; None: each stands by itself.

    Raises:
        InputError: not one of what they can be gathered by.
    """
    if given and given not in UNITS:
        raise InputError(f"Hits are gathered by {', '.join(UNITS)}, or not at all")
    return given or None


@dataclass(frozen=True)
class View:
    """One search.

    Attributes:
        query: what is searched for; may be empty.
        systems: names of the systems side by side.
        filters: in which passages to search.
        hits: passages shown of each system, or pages, volumes or cases.
        group: what passages are gathered by: page, volume, case; None: nothing.
    """

    query: str
    systems: tuple[str, ...]
    filters: Filters = ANY
    hits: int = HITS[0]
    group: str | None = None

    @classmethod
    def of(
        cls,
        get: Callable[[str], str | None],
        systems: Sequence[str],
        index: Index,
        default: Sequence[str],
    ) -> View:
        """The search that an address or a form asks for.

        Args:
            get: the value of a parameter, or None.
            systems: values of the parameter `system`.
            index: what is searched.
            default: systems where none is named.

        Raises:
            InputError: with a sentence for whoever asked.
        """
        return cls(
            clean(get("q") or ""),
            systems_of(systems, index) or tuple(default),
            Filters.of(get, index),
            hits_of(get("hits")),
            group_of(get("group")),
        )

    @classmethod
    def kept(
        cls,
        get: Callable[[str], str | None],
        systems: Sequence[str],
        index: Index,
        default: Sequence[str],
    ) -> View:
        """As `of`, with what can be kept of a search that cannot be done."""
        known = [name for name in dict.fromkeys(systems) if name in index.systems]
        view = cls(
            clean((get("q") or "")[:MOST_CHARACTERS]),
            tuple(known[:MOST_SYSTEMS]) or tuple(default),
            Filters.kept(get, index),
        )
        with contextlib.suppress(InputError):
            view = replace(view, hits=hits_of(get("hits")))
        with contextlib.suppress(InputError):
            view = replace(view, group=group_of(get("group")))
        return view

    def fields(self) -> list[tuple[str, str]]:
        """The parameters that ask for this again."""
        pairs = [("q", self.query), *(("system", name) for name in self.systems)]
        pairs += self.filters.fields()
        if self.hits != HITS[0]:
            pairs.append(("hits", str(self.hits)))
        if self.group is not None:
            pairs.append(("group", self.group))
        return pairs

    @cached_property
    def search(self) -> str:
        """What follows the path in an address of this search."""
        return f"?{urlencode(self.fields())}"

    def address(self, path: str = "/", **changes: object) -> str:
        """The address of this search with some things changed."""
        view = replace(self, **changes) if changes else self
        return path + view.search

    def in_volume(self, name: str) -> str:
        """The address of this search in another volume."""
        return self.address(filters=replace(self.filters, volume=name))
