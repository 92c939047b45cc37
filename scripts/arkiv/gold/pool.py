"""The pairs of query and passage that a machine grades for the gold standard."""

from __future__ import annotations

import argparse
from typing import NamedTuple

from arkiv.base.cli import add_part, add_words
from arkiv.base.errors import InputError
from arkiv.base.files import Record, read_records
from arkiv.gold.standard import check_pooled
from arkiv.retrieve.collection import read_ordered, read_passages


class Pair(NamedTuple):
    """A query and a passage that may be relevant to it."""

    query_id: str
    query: str
    passage: Record

    @property
    def ids(self) -> Record:
        """What a line of the pool says of it."""
        return {"query_id": self.query_id, "passage_id": self.passage["id"]}


def add_pool(arguments: argparse.ArgumentParser) -> None:
    """Add the pool, or a part of it, and the collection that it is of."""
    add_words(arguments, corpus="JSONL", queries="JSONL", pool="JSONL")
    add_part(arguments)


def pool_of(arguments: argparse.Namespace) -> list[Pair]:
    """The pairs that `add_pool` speaks of; of the passages only those are held.

    Raises:
        InputError: a line that is no pair, or a query or passage that is not there.
    """
    path, queries, corpus = arguments.pool, arguments.queries, arguments.corpus
    pooled = [row for _, row in read_records(path, check_pooled, part=arguments.part)]
    asked = {row["id"]: row["query"] for row in read_ordered(queries, queries=True)}
    passages = read_passages(corpus, {row["passage_id"] for row in pooled})
    for name, known, file in (("query", asked, queries), ("passage", passages, corpus)):
        if lacking := {row[f"{name}_id"] for row in pooled} - known.keys():
            raise InputError(
                f"names the {name} {min(lacking)}, which {file} lacks", file=path
            )
    return [
        Pair(row["query_id"], asked[row["query_id"]], passages[row["passage_id"]])
        for row in pooled
    ]
