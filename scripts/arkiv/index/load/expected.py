"""Whether the rows elsewhere are found as those of the index: `--check`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from arkiv.base.errors import InputError
from arkiv.index.exact import FIRST, nearest
from arkiv.index.load.queries import DENSE, FULL_TEXT, Query, read_queries
from arkiv.index.load.source import Source, rows_of
from arkiv.index.schema import EXPECTED
from arkiv.retrieve.rankings import unit

# Scores so near are the same: elsewhere they are sums of floats in another order, or
# of a query in float16. As a share of the best score.
TIED = 1e-3
# Of the passages that full text finds first in the index, elsewhere.
LEAST_FOUND = 0.5
# Rows that are searched at a time.
BLOCK = 4_096


class Missed(NamedTuple):
    """The first rank at which a query finds another passage than was expected."""

    query: str
    rank: int
    found: str | None
    expected: str | None


Find = Callable[[Sequence[Query], str], list[list[str]]]


def check(source: Source, find: Find, modes: Sequence[str]) -> list[str]:
    """See that the first ten of each query are those of the index, ties aside.

    Args:
        source: the index.
        find: gives the ids of the first passages of each query by a mode, best first.
        modes: `dense`, `sparse`.

    Returns:
        What held, a sentence for each mode.

    Raises:
        InputError: a query finds something else.
    """
    queries = read_queries(source)
    held = []
    for mode in modes:
        asked = [query for query in queries if mode in query.hits]
        expected = _expected(source, asked, mode)
        for query, found, of in zip(asked, find(asked, mode), expected, strict=True):
            if missed := first_miss(source, query, mode, found, of):
                raise InputError(_sentence(mode, missed))
        if asked:
            held.append(
                f"{mode}: {FIRST} first passages of {len(asked)} queries as expected"
            )
    if not held:
        reason = f"expects nothing of {' or '.join(modes)} search to check by"
        raise InputError(reason, file=source.folder / EXPECTED)
    return held


def _expected(source: Source, queries: Sequence[Query], mode: str) -> list[list[str]]:
    """What an exact search of the index finds first, by query.

    Kept are its own searches, which an index of vectors makes approximate.
    """
    if mode != DENSE or not source.about.get("approximate"):
        return [query.hits[mode][:FIRST] for query in queries]
    return nearest(source.batches(["id", DENSE], BLOCK), queries)


def check_words(
    source: Source, matching: Callable[[str, Sequence[str]], set[str]]
) -> list[str]:
    """See that most of what full text finds first in the index is found elsewhere too.

    Others rank by other measures, and leave out words that the index ranks by, such as
    `och`: what has no other word of the query is not found there.

    Args:
        source: the index.
        matching: gives those of some passages that a query's words find.

    Raises:
        InputError: fewer than half are found.
    """
    asked = [query for query in read_queries(source) if query.hits.get(FULL_TEXT)]
    expected = [query.hits[FULL_TEXT][:FIRST] for query in asked]
    pairs = zip(asked, expected, strict=True)
    found = sum(len(matching(query.text, ids)) for query, ids in pairs)
    there = sum(map(len, expected))
    held = f"full text: {found} of {there} first passages of {len(asked)} queries found"
    if found < LEAST_FOUND * there:
        raise InputError(f"{held}, expected at least half; load again, without --check")
    return [held] if asked else []


def _sentence(mode: str, missed: Missed) -> str:
    found = f"passage {missed.found}" if missed.found else "nothing"
    expected = f"passage {missed.expected}" if missed.expected else "nothing"
    return (
        f"{mode} search finds other passages than the index: for the query "
        f"{missed.query!r} {found} at rank {missed.rank}, expected {expected}; load "
        "the index again, without --check"
    )


def first_miss(
    source: Source,
    query: Query,
    mode: str,
    found: Sequence[str],
    expected: Sequence[str],
) -> Missed | None:
    """Where a query first finds another passage that is no tie; None: nowhere."""
    found = list(found[:FIRST])
    if found == list(expected):
        return None
    scores = exact_scores(source, query, mode, {*expected, *found})
    best = max((abs(one) for one in scores.values()), default=0.0)
    for place in range(max(len(expected), len(found))):
        pair = [ids[place] if place < len(ids) else None for ids in (found, expected)]
        same = pair[0] == pair[1]
        if not same and not (
            set(pair) <= scores.keys()
            and abs(scores[pair[0]] - scores[pair[1]]) <= TIED * best
        ):
            return Missed(query.text, place + 1, *pair)
    return None


def exact_scores(
    source: Source, query: Query, mode: str, ids: Iterable[str]
) -> dict[str, float]:
    """The scores that passages have in the index, of those that it has."""
    rows = rows_of(source.rows(ids))
    if mode == DENSE:
        asked = unit(query.dense[None])[0]
        return {row["id"]: float(unit(row["dense"][None])[0] @ asked) for row in rows}
    weights = dict(zip(*(part.tolist() for part in query.sparse), strict=True))
    return {
        row["id"]: sum(
            weight * weights.get(token, 0.0)
            for token, weight in zip(*(p.tolist() for p in row["sparse"]), strict=True)
        )
        for row in rows
    }
