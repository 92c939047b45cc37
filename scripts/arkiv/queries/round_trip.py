"""The round trip: whether a query leads back to its passage.

A query stays only if one of its passages is among the first that a search for it finds
(consistency filtering; Dai et al., Promptagator, 2022): a query that was made from a
passage among all documents, a pair to train on among the passages of the train side.

Found is a passage by its text, whatever its id, or by one that says nearly the same:
what shares as much of its wording as mining takes for no negative. No search could tell
the two apart. Of equal scores the smaller id's is first, so that what an embedder takes
all for the same is not found.
"""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from arkiv.base.hashing import text_key
from arkiv.encode.flags import also_kept
from arkiv.mining.settings import Mining
from arkiv.pairs.passages import Passages
from arkiv.retrieve.bm25 import BM25Index, TokenIds
from arkiv.retrieve.rankings import search_texts
from arkiv.text.shingles import shingles

# By which searches each choice goes, one of which must find a passage, or all.
SEARCHES: Mapping[str, tuple[str, ...]] = {
    "bm25": ("bm25",),
    "dense": ("dense",),
    "either": ("dense", "bm25"),
    "both": ("dense", "bm25"),
}
# Share of the word triples of both together that makes two passages one.
NEAR = Mining.duplicate_jaccard
# Passages whose word triples are held.
HELD = 1 << 15


class Asked(NamedTuple):
    """A query, and the texts of the passages that answer it."""

    query: str
    passages: Sequence[str]


def looked_up(
    queries: Sequence[str],
    passages: Passages,
    options: Namespace,
    by: str | None = None,
    depth: int | None = None,
) -> Iterator[np.ndarray]:
    """The rows of the first passages of each query; of equal scores the smaller id's.

    Args:
        queries: texts.
        passages: all that are searched.
        options: `round_trip_by`, `round_trip_top`, `model`, and for `dense` the rest of
            what `add_embedder`, `add_reading` and `add_weights_kept` add.
        by: `dense` or `bm25`; None: as the options say.
        depth: passages per query; None: as the options say.

    Raises:
        InputError: the model's faults.
    """
    by, depth = by or options.round_trip_by, depth or options.round_trip_top
    rows = by_id(passages)
    texts = map(passages.text, rows)
    if by == "bm25":
        rankings = BM25Index(texts, TokenIds(options.model)).rankings(queries, depth)
    else:
        # Their vectors are kept for the embedding rules that come after.
        rankings = search_texts(
            *(queries, list(texts), depth, options), also=also_kept(options)
        )
    for ranking in rankings:
        yield rows[ranking.rows]


def by_id(passages: Passages) -> np.ndarray:
    """(n_passages,) int64: the rows in the order of their ids, by which ties go."""
    return np.array([passages.rows[name] for name in sorted(passages.ids)], np.int64)


def depth_for(asked: Iterable[Asked], passages: Passages, top: int) -> int:
    """How many passages to find for `top` beside those that are the query itself."""
    keys, counts = np.unique(passages.keys, return_counts=True)
    copies = dict(zip(keys.tolist(), counts.tolist(), strict=True))
    return top + max((copies.get(text_key(one.query), 0) for one in asked), default=0)


def found_at(
    asked: Iterable[Asked],
    passages: Passages,
    rankings: Iterable[np.ndarray],
    top: int,
    *,
    itself: bool = False,
) -> Iterator[int | None]:
    """The rank, from 0, of the first passage of each query; None below the first `top`.

    Args:
        asked: queries with their passages.
        passages: all that were searched.
        rankings: of each query the rows found, best first; of ready pairs as many as
            `depth_for` says.
        top: ranks that count.
        itself: whether a passage with the query's own text takes a rank. In pairs whose
            queries are passages too (letters and their answers) every query would find
            itself first, which all searches leave out.
    """

    @lru_cache(maxsize=HELD)
    def wording(row: int) -> np.ndarray:
        return shingles(passages.text(row))

    for one, rows in zip(asked, rankings, strict=True):
        own = list(map(text_key, one.passages))
        if not itself and (query := text_key(one.query)) not in own:
            rows = rows[passages.keys[rows] != np.uint64(query)]
        rows = rows[:top]
        same = np.isin(passages.keys[rows], np.array(own, np.uint64))
        before = int(same.argmax()) if same.any() else len(rows)
        found = [wording(row) for row in rows[:before].tolist()]
        near = _near([shingles(text) for text in one.passages], found)
        places = np.flatnonzero(np.append(near, before < len(rows)))
        yield int(places[0]) if len(places) else None


def _near(ours: Sequence[np.ndarray], found: Sequence[np.ndarray]) -> np.ndarray:
    """(n_found,) bool: which sets of word triples are nearly one of ours."""
    near = np.zeros(len(found), bool)
    together = np.concatenate([np.zeros(0, np.uint32), *found])
    ends = np.cumsum([0, *map(len, found)])
    for mine in ours:
        if not len(mine):
            continue
        places = np.minimum(np.searchsorted(mine, together), len(mine) - 1)
        sums = np.concatenate([[0], np.cumsum(mine[places] == together)])
        shared = sums[ends[1:]] - sums[ends[:-1]]
        both = len(mine) + np.diff(ends) - shared
        near |= (shared > 0) & (shared >= NEAR * both)
    return near


def led_back_by(
    asked: Sequence[Asked],
    passages: Passages,
    options: Namespace,
    *,
    itself: bool = False,
) -> list[bool]:
    """Whether each query leads back to a passage of its own, as `round_trip_by` asks.

    Args, raises: as `looked_up` and `found_at`.
    """
    queries, top = [one.query for one in asked], options.round_trip_top
    depth = top if itself else depth_for(asked, passages, top)
    found = []
    for by in SEARCHES[options.round_trip_by]:
        rankings = looked_up(queries, passages, options, by, depth)
        found.append(found_at(asked, passages, rankings, top, itself=itself))
    enough = all if options.round_trip_by == "both" else any
    return [
        enough(rank is not None for rank in ranks) for ranks in zip(*found, strict=True)
    ]
