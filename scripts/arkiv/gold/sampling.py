"""Which pairs of query and passage human judges are asked about."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import zip_longest

from arkiv.base.hashing import uniform
from arkiv.retrieve.trec import Qrels, Run

GOLD = "gold standard"


def sampled_queries(
    query_ids: Iterable[str],
    qrels: Qrels,
    runs: Mapping[str, Run],
    *,
    queries: int,
    passages: int,
    depth: int,
    seed: int,
) -> Iterator[tuple[str, list[str]]]:
    """Queries with the passages to be judged, both in an order that says nothing.

    Queries are drawn at random. For each, the passages that the gold standard holds
    relevant and the first ones of every system are divided by their grade there, and
    those of a grade by where they were found. Grades take turns, the places of each
    take turns, and each gives a random passage. So the many that a system finds and
    the gold standard does not know, and the few that it knows and no system may find,
    come in like numbers.

    The draws are such that a larger sample holds the smaller one's queries.

    Args:
        query_ids: all queries.
        qrels: the gold standard; what it lacks has grade 0.
        runs: of each system, of which the first `depth` passages may be drawn.
        queries: at most so many.
        passages: at most so many of each.
    """
    for query_id in _shuffled(query_ids, seed, "judge")[:queries]:
        found = {name: run.get(query_id, [])[:depth] for name, run in runs.items()}
        chosen = _passages(query_id, qrels.get(query_id, {}), found, seed)[:passages]
        yield query_id, _shuffled(chosen, seed, "show", query_id)


def _passages(
    query_id: str, grades: Mapping[str, int], found: Mapping[str, list[str]], seed: int
) -> list[str]:
    """All passages that may be judged, those to be taken first in front."""
    relevant = [key for key, grade in grades.items() if grade > 0]
    strata: dict[int, dict[str, list[str]]] = defaultdict(dict)
    for place, passage_ids in {GOLD: relevant, **found}.items():
        for key in _shuffled(passage_ids, seed, "passage", query_id, place):
            strata[grades.get(key, 0)].setdefault(place, []).append(key)
    by_grade = []
    for grade in sorted(strata, reverse=True):
        places = _shuffled(strata[grade], seed, "place", query_id)
        by_grade.append(_in_turn([strata[grade][place] for place in places]))
    return _in_turn(by_grade)


def _shuffled(names: Iterable[str], seed: int, *keys: str) -> list[str]:
    """Names in a random order; which of two comes first is up to those two alone."""
    return sorted(names, key=lambda name: (uniform(seed, *keys, name), name))


def _in_turn(lists: Sequence[Sequence[str]]) -> list[str]:
    """One of each list after the other, each passage once."""
    turns = (key for turn in zip_longest(*lists) for key in turn if key is not None)
    return list(dict.fromkeys(turns))
