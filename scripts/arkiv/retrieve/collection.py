"""The datasets' passages and test queries joined into one test collection.

The passages that a query was made from are its known items. What else is relevant,
`arkiv.gold.standard` says.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Container, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from arkiv.base.errors import InputError
from arkiv.base.files import Record, check_text, check_texts, read_records
from arkiv.base.hashing import content_id, text_key
from arkiv.encode.tokenizer import fast_tokenizer
from arkiv.pairs.provenance import PROVENANCE, name_of, settle_provenance
from arkiv.retrieve.trec import Qrels
from arkiv.text.lengths import TokenCounter

RELEVANT = 1
# What a query keeps of its pair: whatever made the queries says what kind each is of.
OF_PAIRS = ("type", "kind", "query_type")
# Of a passage what a search needs.
SEARCHED = ("id", "text")


def _check_id(record: Record) -> None:
    check_text(record, "id")
    if len(record["id"].split()) > 1 or record["id"] != record["id"].strip():
        raise InputError("holds white space, which TREC files cannot", key="id")


def check_passage(record: Record) -> None:
    """Refuse, by an InputError with the key, what is not a passage with an id."""
    _check_id(record)
    check_text(record, "text")


def check_query(record: Record) -> None:
    """Likewise what is not a query with an id."""
    _check_id(record)
    check_text(record, "query")


def check_judged(record: Record) -> None:
    """Likewise what is not a pair with ids."""
    check_query(record)
    check_texts(record, "pos_ids")


def _check_same(known: Record, record: Record, key: str) -> None:
    if known[key] != record[key]:
        reason = f"is {record['id']}, which stands for another {key} already"
        raise InputError(reason, key="id")


def read_ordered(
    path: str | Path, *, queries: bool = False, keys: Sequence[str] | None = None
) -> list[Record]:
    """The passages (or queries) of a collection, which stand in the order of their ids.

    Runs break ties by id; with the ids in order the row number does that.

    Args:
        keys: what is kept of each; None: all of it, which is several times as much.

    Raises:
        InputError: no record at all, a record that will not do, or ids out of order.
    """
    records: list[Record] = []
    for line, record in read_records(path, check_query if queries else check_passage):
        if records and record["id"] <= records[-1]["id"]:
            raise InputError(
                "is not above the id of the line before; expected the order that "
                "build_collection.py writes",
                file=path,
                line=line,
                key="id",
            )
        if keys is not None:
            record = {key: record[key] for key in keys}
        records.append(record)
    if not records:
        reason = f"is empty, expected {'queries' if queries else 'passages'}"
        raise InputError(reason, file=path)
    return records


def read_passages(path: str | Path, wanted: Container[str]) -> dict[str, Record]:
    """The passages of these ids, those that are there; no others are held.

    Raises:
        InputError: a record that is not a passage.
    """
    return {
        row["id"]: row
        for _, row in read_records(path, check_passage)
        if row["id"] in wanted
    }


def cluster_of(passages: Iterable[Record]) -> str | None:
    """What a query about these passages is alike with others by; None: not known.

    Dataset and volume, or else group, of most of them; of several such the first by
    name.
    """
    clusters = Counter(
        f"{passage.get('dataset', '')}/{place}"
        for passage in passages
        if (place := passage.get("volume") or passage.get("group"))
    )
    return min(clusters, key=lambda one: (-clusters[one], one), default=None)


def volumes_of(
    queries: Sequence[Record], qrels: Qrels, corpus: str | Path | None = None
) -> list[str | None]:
    """The volume that each query of the collection is about; None: not known.

    Args:
        qrels: the judgements; of a query that was made from no passage, those of the
            highest grade decide.
        corpus: the passages, to be read if there are such queries; None: they have no
            volume.
    """
    found = [query.get("cluster") or query.get("volume") for query in queries]
    if corpus is None or None not in found:
        return found
    best = {
        query["id"]: [
            key for key, grade in grades.items() if grade == max(grades.values())
        ]
        for query, known in zip(queries, found, strict=True)
        if known is None and (grades := qrels.get(query["id"]))
    }
    passages = read_passages(corpus, set().union(*best.values()))
    return [
        known
        or cluster_of(
            passages[key] for key in best.get(query["id"], ()) if key in passages
        )
        for query, known in zip(queries, found, strict=True)
    ]


def _told_of(pair: Record) -> dict[str, str]:
    """What a pair says of its query, a number as a text; a blank says nothing."""
    return {
        key: name
        for key in OF_PAIRS
        if isinstance(value := pair.get(key), str | int | float)
        and not isinstance(value, bool)
        and (name := name_of(value)) is not None
    }


def _is_placed(passage: Record) -> bool:
    """Whether anything is said of where a passage stands."""
    return any(passage.get(key) is not None for key in PROVENANCE)


def _known(passages: Iterable[Record], key: str) -> list[Any]:
    """The values of a key in those passages that have one."""
    return [value for one in passages if (value := one.get(key)) is not None]


@dataclass
class Collection:
    """A test collection in the making.

    Attributes:
        passages: by id.
        queries: by id, each `{"id", "query"}`, `dataset` and what else is known.
        judgements: query id -> the ids of its known items.
        asked: the id of the query of each text, by the text's key.
        trained: keys of the passages that some dataset trains on.
    """

    passages: dict[str, Record] = field(default_factory=dict)
    queries: dict[str, Record] = field(default_factory=dict)
    judgements: dict[str, set[str]] = field(default_factory=dict)
    asked: dict[int, str] = field(default_factory=dict)
    trained: set[int] = field(default_factory=set)

    def add_passages(self, dataset: str, path: str | Path) -> int:
        """Add the corpus of a dataset; return how many passages were new.

        Of several datasets that have a passage, the first that says where it stands
        has it in the collection; where none does, the first.

        Raises:
            InputError: a record that is not a passage, or an id that stands for
                another text already.
        """

        def check(record: Record) -> None:
            check_passage(record)
            settle_provenance(record)
            _check_same(self.passages.get(record["id"], record), record, "text")

        before = len(self.passages)
        for _, record in read_records(path, check):
            if record.pop("split", None) == "train":
                self.trained.add(text_key(record["text"]))
            known = self.passages.get(record["id"])
            if known is None or (not _is_placed(known) and _is_placed(record)):
                self.passages[record["id"]] = record | {"dataset": dataset}
        return len(self.passages) - before

    def add_queries(self, dataset: str, path: str | Path) -> int:
        """Add the test pairs of a dataset; return how many there are.

        A query that another dataset has too, however it is written there, is kept
        once, and its relevant passages are united.

        Raises:
            InputError: a record that is not a pair with ids, a judged passage that no
                corpus holds, or an id that stands for another query.
        """

        def check(pair: Record) -> None:
            check_judged(pair)
            _check_same(self.queries.get(pair["id"], pair), pair, "query")
            for passage_id in pair["pos_ids"]:
                if passage_id not in self.passages:
                    reason = f"names the passage {passage_id}, which no corpus holds"
                    raise InputError(reason, key="pos_ids")

        count = 0
        for _, pair in read_records(path, check):
            count += 1
            query_id = self.asked.setdefault(text_key(pair["query"]), pair["id"])
            if query_id not in self.queries:
                self.queries[query_id] = {
                    "id": query_id,
                    "query": pair["query"],
                    "dataset": dataset,
                    **_told_of(pair),
                }
            self.judgements.setdefault(query_id, set()).update(pair["pos_ids"])
        return count

    def add_judged_queries(self, names: Iterable[str]) -> int:
        """Add the queries that are judged from elsewhere; return how many were new.

        Args:
            names: of each query its text, or the id of a query that is known.
        """
        before = len(self.queries)
        for name in names:
            if name not in self.queries and text_key(name) not in self.asked:
                self.asked[text_key(name)] = query_id = content_id(name)
                self.queries[query_id] = {"id": query_id, "query": name}
        return len(self.queries) - before

    def seen_in_training(self) -> int:
        """How many known items another dataset trains on, under whatever id."""
        relevant = set().union(*self.judgements.values())
        texts = (self.passages[passage_id]["text"] for passage_id in relevant)
        return sum(text_key(text) in self.trained for text in texts)

    def set_lengths(self, model: str | Path) -> None:
        """Give each query `tokens`, the length of its longest known item.

        In tokens of the model, special tokens counted; measures can then be told apart
        by the length of what was to be found.
        """
        judged = sorted(set().union(*self.judgements.values()))
        texts = [self.passages[passage_id]["text"] for passage_id in judged]
        counts = TokenCounter(fast_tokenizer(model)).lengths(texts)
        lengths = dict(zip(judged, map(int, counts), strict=True))
        for query_id, passage_ids in self.judgements.items():
            longest = max(lengths[passage_id] for passage_id in passage_ids)
            self.queries[query_id]["tokens"] = longest

    def set_origins(self) -> None:
        """Give each query `volume`, `type`, `year` and `confidence` of its known items.

        Volume and type if they have one and no other, the first year, and the mean
        confidence of the recogniser, of those of which it is known. A query of its own
        type keeps it where its known items have none.

        `cluster` is the volume that the query is about (see `cluster_of`).
        """
        for query_id, passage_ids in self.judgements.items():
            query = self.queries[query_id]
            relevant = [self.passages[passage_id] for passage_id in passage_ids]
            volumes = {passage.get("volume") for passage in relevant}
            if len(volumes) == 1 and None not in volumes:
                query["volume"] = volumes.pop()
            if cluster := cluster_of(relevant):
                query["cluster"] = cluster
            if any(types := {passage.get("type") for passage in relevant}):
                query.pop("type", None)
                if len(types) == 1:
                    query["type"] = types.pop()
            if years := _known(relevant, "year"):
                query["year"] = min(years)
            if known := _known(relevant, "confidence"):
                query["confidence"] = round(math.fsum(known) / len(known), 6)

    def ordered_passages(self) -> Iterator[Record]:
        """The passages in the order of their ids."""
        return (self.passages[key] for key in sorted(self.passages))

    def ordered_queries(self) -> Iterator[Record]:
        """The queries in the order of their ids."""
        return (self.queries[key] for key in sorted(self.queries))

    def qrels(self) -> dict[str, dict[str, int]]:
        """The known items by query id and passage id."""
        return {
            query_id: dict.fromkeys(passage_ids, RELEVANT)
            for query_id, passage_ids in self.judgements.items()
        }
