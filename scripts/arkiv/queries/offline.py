"""Queries without a language model: of documents, and of groups of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from arkiv.base.files import Record
from arkiv.base.hashing import content_id, rng
from arkiv.example import questions
from arkiv.pairs.provenance import ORIGIN
from arkiv.queries import extractive
from arkiv.queries.extractive import Asker

# Who asks for a text, by queries.backend; nobody where it holds nothing to ask for.
ASKERS: Mapping[str, Callable[[str], Asker | None]] = {
    "extractive": extractive.asker,
    "example": questions.asker,
}
NOTHING = "holds no word that a query could be made of"


def offline_pairs(
    sources: Iterable[Record],
    asker: Callable[[str], Asker | None],
    per_document: int,
    seed: int,
    rejected: list[Record],
) -> Iterator[Record]:
    """Yield the pairs of every source's queries and the source, in order.

    What is made of a source (see `arkiv.queries.sources`) depends on it alone.

    Args:
        sources: documents, and groups of them, each of which gets one query.
        asker: of ASKERS.
        per_document: queries of each document; fewer where it has no more words.
        seed: of the choice of words and question, per document.
        rejected: where sources without a query go, each with its `reason`.
    """
    for source in sources:
        wanted = 1 if "members" in source else per_document
        made = queries_in(source, asker, wanted, seed)
        if not made:
            rejected.append({"reason": NOTHING, **source})
        for query in made:
            yield query_record(query, source)


def queries_in(
    document: Record, asker: Callable[[str], Asker | None], wanted: int, seed: int
) -> list[str]:
    """At most so many different queries for a document; none if it has no matter."""
    ask = asker(document["text"])
    queries: dict[str, None] = {}
    # A few draws more, for some repeat themselves.
    for number in range(3 * wanted if ask else 0):
        if len(queries) == wanted:
            break
        query = ask(rng(seed, "query", document["id"], number))
        queries[query] = None
    return list(queries)


def query_record(query: str, source: Record, **more: object) -> Record:
    """The pair of a query and the document, or documents, it was made from."""
    members: Sequence[Record] = source.get("members", [source])
    return {
        "id": content_id(query),
        "query": query,
        "pos": [document["text"] for document in members],
        "pos_ids": [document["id"] for document in members],
        **{key: source[key] for key in ORIGIN if key in source},
        **more,
    }
