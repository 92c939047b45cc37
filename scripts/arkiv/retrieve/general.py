"""The general set: queries of another kind than the archive's, by which it shows what
training has forgotten.

Its passages are those of its own rows, and its queries are searched among them alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from arkiv.base.files import Record, read_records
from arkiv.base.hashing import text_key
from arkiv.pairs.division import check_pair, with_ids
from arkiv.retrieve.collection import RELEVANT
from arkiv.retrieve.trec import Qrels


def read_general(path: str | Path) -> tuple[list[Record], dict[str, str]]:
    """Of a JSONL file of `{"query", "pos"}`, with `neg` if wanted, the pairs as
    `{"id", "query", "pos_ids"}` and the texts of all passages by id.

    Raises:
        InputError: a row that is none.
    """
    texts: dict[str, str] = {}
    pairs = []
    for _, record in read_records(path, check_pair):
        pair = with_ids(record)
        for kind in ("pos", "neg"):
            texts |= zip(pair.get(f"{kind}_ids", ()), pair.get(kind, ()), strict=True)
        pairs.append({key: pair[key] for key in ("id", "query", "pos_ids")})
    return pairs, texts


def collection_of(
    pairs: Iterable[Record], texts: Mapping[str, str]
) -> tuple[list[Record], list[Record], Qrels]:
    """Passages and queries in the order of their ids, and which are relevant.

    What is written alike up to case and white space is one passage, or one query with
    the passages of all its rows. A query without a passage that is not itself is left
    out.
    """
    first: dict[int, str] = {}
    for one in sorted(texts):
        first.setdefault(text_key(texts[one]), one)
    known = {one: first[text_key(text)] for one, text in texts.items()}
    queries: dict[int, Record] = {}
    relevant: dict[str, set[str]] = {}
    for pair in pairs:
        key = text_key(pair["query"])
        query = queries.setdefault(key, {"id": pair["id"], "query": pair["query"]})
        found = {known[one] for one in pair["pos_ids"]} - {first.get(key)}
        relevant.setdefault(query["id"], set()).update(found)
    asked = sorted(
        (query for query in queries.values() if relevant[query["id"]]),
        key=lambda query: query["id"],
    )
    passages = [{"id": one, "text": texts[one]} for one in sorted(first.values())]
    qrels = {
        query["id"]: dict.fromkeys(sorted(relevant[query["id"]]), RELEVANT)
        for query in asked
    }
    return passages, asked, qrels
