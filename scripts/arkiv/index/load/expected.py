"""Whether the rows elsewhere are found as those of the index: `--check`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from arkiv.base.errors import InputError, expecting
from arkiv.base.files import read_records
from arkiv.index.load.source import Source, rows_of
from arkiv.index.schema import EXPECTED
from arkiv.retrieve.compressed import int8_codes
from arkiv.retrieve.rankings import unit

DENSE, SPARSE, FULL_TEXT = "dense", "sparse", "full_text"
FIRST = 10
# Scores so near are the same: elsewhere they are sums of floats in another order, or
# of a query in float16. As a share of the best score.
TIED = 5e-4


@dataclass(frozen=True)
class Query:
    """A test query, and what the index finds for it."""

    text: str
    dense: np.ndarray  # (d,) float32, rounded as the table's vectors are
    sparse: tuple[np.ndarray, np.ndarray]  # tokens, weights
    hits: dict[str, list[str]]  # by mode: ids of passages, best first


class Missed(NamedTuple):
    """The first rank at which a query finds another passage than was expected."""

    query: str
    rank: int
    found: str | None
    expected: str | None


def read_queries(source: Source) -> list[Query]:
    """The test queries of an index.

    Raises:
        InputError: there are none, or lines of another form.
    """
    path = source.folder / EXPECTED
    queries = []
    for _, record in read_records(path):
        with expecting("`snakemake index`", path):
            sparse = record["sparse"]
            queries.append(
                Query(
                    record["query"],
                    _rounded(np.array(record["dense"]), source.is_int8),
                    (
                        np.array(sparse["tokens"], np.int32),
                        np.array(sparse["weights"], np.float32),
                    ),
                    {mode: list(ids) for mode, ids in record["hits"].items()},
                )
            )
    if not queries:
        raise InputError("has no queries to check by", file=path)
    return queries


def _rounded(vector: np.ndarray, as_int8: bool) -> np.ndarray:
    """A query's vector as a search of the table takes it."""
    if as_int8:
        return int8_codes(vector[None])[0].astype(np.float32)
    return vector.astype(np.float16).astype(np.float32)


Find = Callable[[Sequence[Query], str], list[list[str]]]


def check(source: Source, find: Find, modes: Iterable[str]) -> list[str]:
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
        for query, found in zip(asked, find(asked, mode), strict=True):
            if missed := first_miss(source, query, mode, found):
                raise InputError(_sentence(mode, missed))
        if asked:
            held.append(
                f"{mode}: {FIRST} first passages of {len(asked)} queries as expected"
            )
    return held


def check_words(
    source: Source, matching: Callable[[str, Sequence[str]], set[str]]
) -> list[str]:
    """See that what full text finds best in the index is found elsewhere too.

    Others rank by other measures, and have other stop words: of each query only the
    best passage must be found.

    Args:
        source: the index.
        matching: gives those of some passages that a query's words find.

    Raises:
        InputError: a query does not find it.
    """
    asked = [query for query in read_queries(source) if query.hits.get(FULL_TEXT)]
    there = found = 0
    for query in asked:
        expected = query.hits[FULL_TEXT][:FIRST]
        matched = matching(query.text, expected)
        if expected[0] not in matched:
            missed = Missed(query.text, 1, None, expected[0])
            raise InputError(_sentence("full text", missed))
        there, found = there + len(expected), found + len(matched)
    held = f"full text: {found} of {there} first passages of {len(asked)} queries found"
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
    source: Source, query: Query, mode: str, found: Sequence[str]
) -> Missed | None:
    """Where a query first finds another passage that is no tie; None: nowhere."""
    expected = query.hits[mode][:FIRST]
    found = list(found[:FIRST])
    if found == expected:
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
