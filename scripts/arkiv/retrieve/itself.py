"""Queries that are passages themselves, which do not count themselves found.

In symmetric pairs a query is a passage to other queries: it would be first for itself.
What has its text is left out of its ranking, as it is when negatives are mined, and as
BEIR leaves out what has its id.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from arkiv.base.hashing import UNSEEN, as_compared, text_key
from arkiv.retrieve.rankings import Ranking


def own_rows(
    queries: Iterable[tuple[str, str]], passages: Iterable[tuple[str, str]]
) -> list[list[int]]:
    """Of each query the rows of the passages that have its text, or its id.

    Ids are made of texts: a query that was respelled has the id of what it was.

    Args:
        queries: id and text of each.
        passages: id and text of each.
    """
    queries = list(queries)
    by_id: dict[str, list[int]] = {}
    by_key: dict[int, list[int]] = {}
    for place, (name, text) in enumerate(queries):
        by_id.setdefault(name, []).append(place)
        by_key.setdefault(text_key(text), []).append(place)
    firsts = {_first_word(text) for _, text in queries}
    own: list[list[int]] = [[] for _ in queries]
    for row, (name, text) in enumerate(passages):
        places = set(by_id.get(name, ()))
        # Few texts begin as a query does, and need to be looked at as a whole.
        if _first_word(text) in firsts:
            places.update(by_key.get(text_key(text), ()))
        for place in places:
            own[place].append(row)
    return own


def without(ranking: Ranking, rows: Sequence[int], depth: int) -> Ranking:
    """The first passages of a ranking, so many, without some rows."""
    kept = np.flatnonzero(~np.isin(ranking.rows, rows))[:depth]
    return Ranking(ranking.rows[kept], ranking.scores[kept])


def _first_word(text: str) -> str:
    """As `text_key` compares it."""
    return as_compared("".join(UNSEEN.sub("", text).split(None, 1)[:1]))
