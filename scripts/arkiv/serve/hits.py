"""What systems find, side by side, and gathered by page, volume or case."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain

from arkiv.base.files import Record
from arkiv.base.html import shares_word
from arkiv.retrieve.systems.system import Column
from arkiv.serve.filters import gathered_by
from arkiv.serve.index import Index
from arkiv.serve.view import View


@dataclass(frozen=True)
class Hit:
    """A passage that a system has found.

    Attributes:
        passage: itself.
        rank: from 1.
        score: the system's.
        others: its ranks in the other systems asked, by their names.
        in_pieces: whether it was found by pieces of words alone, having no word of the
            query in whole.
    """

    passage: Record
    rank: int
    score: float
    others: Mapping[str, int]
    in_pieces: bool


@dataclass(frozen=True)
class Found:
    """What one system has found.

    Attributes:
        system: which.
        groups: hits that belong together, best first, as their best ones are ranked;
            where nothing is gathered each has one. As many as were asked for.
        count: groups there are.
    """

    system: Column
    groups: Sequence[Sequence[Hit]]
    count: int


def found(
    index: Index, view: View, first: int = 0, *, lines: bool = False
) -> list[Found]:
    """What the systems of a search find: of each `view.hits`, from a place on.

    Args:
        index, view: what is searched, and for what.
        first: the place.
        lines: whether the index will be asked for the hits' regions.
    """
    ranks = {name: index.ranks(name, view.query, view.filters) for name in view.systems}
    asked = slice(first, first + view.hits)
    # To be gathered passages must be known, all of them.
    wanted = {
        name: list(ranked) if view.group else list(ranked)[asked]
        for name, ranked in ranks.items()
    }
    ids = dict.fromkeys(chain(*wanted.values()))
    passages = index.passages(ids, lines=lines)
    result, shares = [], shares_word(view.query)
    for name, ranked in ranks.items():
        by_tokens = index.systems[name].by_tokens
        hits = [
            Hit(
                passages[key],
                *ranked[key],
                _elsewhere(ranks, name, key),
                by_tokens and not shares(passages[key]["text"]),
            )
            for key in wanted[name]
        ]
        groups = gathered(hits, view.group)
        count = len(groups) if view.group else len(ranked)
        shown = groups[asked] if view.group else groups
        result.append(Found(index.systems[name], shown, count))
    return result


def _elsewhere(
    ranks: Mapping[str, Mapping[str, tuple[int, float]]], name: str, passage_id: str
) -> dict[str, int]:
    """The ranks of a passage in the other systems, by their names."""
    return {
        other: found[passage_id][0]
        for other, found in ranks.items()
        if other != name and passage_id in found
    }


def gathered(hits: Iterable[Hit], unit: str | None) -> list[list[Hit]]:
    """Hits by what they are of; one of which that is not known stands by itself."""
    groups: dict[object, list[Hit]] = {}
    for hit in hits:
        of = None if unit is None else gathered_by(hit.passage, unit)
        key = ("passage", hit.passage["id"]) if of is None else ("unit", of)
        groups.setdefault(key, []).append(hit)
    return list(groups.values())
