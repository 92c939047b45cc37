"""Judgements from elsewhere: a TREC qrels file, or ranked documents of each query.

A line of the latter is `{"query", "documents"}`, the documents best first: what a
strong embedder finds, say. A query or a document is named by its id in the collection
or by its text, which may differ in case and white space; a document may also be a map
of `id` or `text`, and `score`. Of n documents the first gets the grade n, the last 1.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from arkiv.base.errors import InputError
from arkiv.base.files import Record, check_text, read_records
from arkiv.base.hashing import text_key
from arkiv.gold.standard import by_rank, holds_rankings
from arkiv.retrieve.trec import Qrels, qrels_lines


def finder(what: str, texts: Iterable[tuple[str, str]]) -> Callable[[str], str]:
    """What finds the ids of queries or passages that are named by their id or text.

    It raises InputError for one that the collection lacks.

    Args:
        what: what each of them is, for that message.
        texts: id and text of each, in the order of the ids.
    """
    ids: set[str] = set()
    by_text: dict[int, str] = {}
    for key, text in texts:
        ids.add(key)
        by_text.setdefault(text_key(text), key)

    def find(name: str) -> str:
        found = name if name in ids else by_text.get(text_key(name))
        if found is None:
            short = name if len(name) <= 60 else f"{name[:60]}…"
            raise InputError(f"names the {what} {short!r}, which the collection lacks")
        return found

    return find


def check_ranking(record: Record) -> None:
    """Refuse a record that is not a query with ranked documents.

    Raises:
        InputError: naming the key at fault.
    """
    check_text(record, "query")
    documents = record.get("documents")
    if not isinstance(documents, list) or not documents:
        raise InputError("is not a list of documents", key="documents")
    for document in documents:
        _name_of(document)
    scores = [
        one["score"] for one in documents if isinstance(one, dict) and "score" in one
    ]
    if not all(type(score) in (int, float) for score in scores):
        raise InputError("has a score that is no number", key="documents")
    if sorted(scores, reverse=True) != scores:
        raise InputError(
            "has scores that are not descending, expected the best document first",
            key="documents",
        )


def _name_of(document: Any) -> str:
    """The id or the text by which a document is named."""
    if isinstance(document, dict):
        document = document.get("id") or document.get("text")
    if not isinstance(document, str) or not document.strip():
        raise InputError(
            "has an entry that is neither a text nor a map of `id` or `text`",
            key="documents",
        )
    return document


def queries_of(path: str | Path, rejected: list[Record] | None) -> Iterator[str]:
    """The queries of a file of rankings, as they are named there.

    Raises:
        InputError: as `read_records` does.
    """
    for _, record in read_records(path, check_ranking, rejected=rejected):
        yield record["query"]


def read_judgements(
    path: str | Path,
    query_named: Callable[[str], str],
    passage_named: Callable[[str], str],
    rejected: list[Record] | None = None,
) -> Qrels:
    """The judgements of a file.

    Args:
        path: a qrels file, or one of rankings.
        query_named: finds the id of a test query.
        passage_named: likewise of a passage of the collection.
        rejected: where go lines that are no rankings, judgements of unknown queries or
            of unknown passages, and repetitions; without it the first ends the reading.

    Raises:
        InputError: a missing file, one that says nothing of the collection, a line of a
            qrels file that has another form; what is rejected otherwise.
    """

    def reject(line: int, reason: str, raw: str) -> None:
        if rejected is None:
            raise InputError(reason, file=path, line=line)
        rejected.append({"file": str(path), "line": line, "reason": reason, "raw": raw})

    qrels: Qrels = {}
    read = _rankings if holds_rankings(path) else _judgements
    for line, query, documents in read(path, rejected):
        try:
            judged = qrels.setdefault(query_named(query), {})
        except InputError as fault:
            reject(line, fault.reason, query)
            continue
        own: dict[str, int] = {}
        for document, grade in documents.items():
            try:
                passage_id = passage_named(document)
            except InputError as fault:
                reject(line, fault.reason, document)
                continue
            if passage_id in judged:
                reason = f"judges the passage {passage_id} again for its query"
                reject(line, reason, document)
            else:
                own[passage_id] = max(grade, own.get(passage_id, 0))
        judged |= own
    if not any(qrels.values()):
        raise InputError("holds no judgement of this collection", file=path)
    return qrels


# Line, query, and the grades of its documents as these are named.
Judged = tuple[int, str, dict[str, int]]


def _rankings(path: str | Path, rejected: list[Record] | None) -> Iterator[Judged]:
    for line, record in read_records(path, check_ranking, rejected=rejected):
        names = list(dict.fromkeys(map(_name_of, record["documents"])))
        yield line, record["query"], by_rank(names)


def _judgements(path: str | Path, _: list[Record] | None) -> Iterator[Judged]:
    # Some files have grades below 0, for junk: not relevant either.
    for line, query_id, passage_id, relevance in qrels_lines(path):
        yield line, query_id, {passage_id: max(relevance, 0)}
