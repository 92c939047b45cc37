"""Verdicts of people on passages, made one for each query and passage.

A judge's last verdict counts. Of several judges the majority does; where as many call a
passage relevant as not, nobody knows, and it is neither.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from arkiv.base.files import Record
from arkiv.base.hashing import text_key
from arkiv.pairs.provenance import origin_of


class Verdict(NamedTuple):
    """What one judge says of a passage for a query."""

    query: str
    query_id: str
    passage_id: str
    relevant: bool


@dataclass
class Judged:
    """What people have said of passages for one query.

    Attributes:
        query: as the first verdict writes it.
        query_ids: that the verdicts give it.
        relevant, others: ids of passages that a majority calls relevant, or not.
        ties: ids of those that as many call relevant as not.
        disputed: how many the judges do not agree on, ties included.
    """

    query: str
    query_ids: set[str] = field(default_factory=set)
    relevant: list[str] = field(default_factory=list)
    others: list[str] = field(default_factory=list)
    ties: list[str] = field(default_factory=list)
    disputed: int = 0

    def __iter__(self) -> Iterator[str]:
        """The ids of all passages."""
        yield from (*self.relevant, *self.others, *self.ties)

    def rows(self, passages: Mapping[str, Record]) -> Iterator[Record]:
        """A row of `query`, `pos`, `neg` for each relevant passage, with its origin.

        Args:
            passages: records of these, by id, with `text`.
        """
        negatives = [passages[name]["text"] for name in self.others]
        for name in self.relevant:
            texts = {"query": self.query, "pos": [passages[name]["text"]]}
            yield texts | {"neg": negatives} | origin_of(passages[name])


def judged(verdicts: Iterable[Verdict]) -> list[Judged]:
    """What verdicts come to, query by query in their order.

    Queries that `text_key` takes for the same are one.

    Args:
        verdicts: those that count, one of each judge on a passage for a query.
    """
    queries: dict[int, Judged] = {}
    votes: dict[int, dict[str, list[bool]]] = {}
    for one in verdicts:
        key = text_key(one.query)
        queries.setdefault(key, Judged(one.query)).query_ids.add(one.query_id)
        votes.setdefault(key, {}).setdefault(one.passage_id, []).append(one.relevant)
    for key, passages in votes.items():
        query = queries[key]
        for name, cast in passages.items():
            lead = 2 * sum(cast) - len(cast)
            side = query.relevant if lead > 0 else query.others if lead else query.ties
            side.append(name)
            query.disputed += len(set(cast)) > 1
    return list(queries.values())
