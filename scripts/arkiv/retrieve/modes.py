"""M3's four ways of scoring."""

from __future__ import annotations

import logging
from argparse import Namespace
from collections.abc import Iterable, Sequence

import numpy as np

from arkiv.base.files import Record
from arkiv.encode.flags import encoder_of
from arkiv.encode.kind import Side
from arkiv.retrieve.rankings import (
    Ranking,
    combined_scores,
    multi_vector_scores,
    read_encodings,
    reranked,
    search_dense,
    search_sparse,
    sparse_scores,
)

log = logging.getLogger("arkiv.retrieve")


def search_encoded(
    mode: str,
    kinds: Sequence[str],
    given: Namespace,
    queries: Sequence[Record],
    passages: Sequence[Record],
) -> Iterable[Ranking]:
    """The ranking of each query by what encode_collection.py wrote.

    Args:
        mode: of `arkiv.encode.settings.MODES`.
        kinds: of encoding that the mode takes and that are on disk.
        given: see `arkiv.retrieve.systems.m3.M3System.add_flags`.
        queries: in the order of their encodings.
        passages: likewise.

    Raises:
        InputError: encodings are missing, damaged or of other texts, or the model's
            faults.
    """
    of_queries = given.query_encodings or given.encodings
    dense, sparse = (
        [
            read_encodings(of_queries, "queries", kind, len(queries)),
            read_encodings(given.encodings, "corpus", kind, len(passages)),
        ]
        if kind in kinds
        else None
        for kind in ("dense", "sparse")
    )
    if mode == "sparse":
        return search_sparse(*sparse, given.depth)
    first = search_dense(*dense, given.depth)
    if mode == "dense":
        return first
    first = list(first)

    lengths = {"query": given.query_max_length, "passage": given.max_length}
    encoder = encoder_of(given, longest=max(lengths.values()))

    def encode(texts: list[str], side: Side = "passage") -> list[np.ndarray]:
        return encoder.encode(
            *(texts, side), max_length=lengths[side], dense=False, multi_vector=True
        ).multi_vector

    candidates = [ranking.rows[: given.rerank_depth] for ranking in first]
    log.info(
        "re-ranking %d passages for %d queries",
        len(set().union(*map(np.ndarray.tolist, candidates))),
        len(queries),
    )
    with encoder:
        scores = multi_vector_scores(
            encode([query["query"] for query in queries], "query"),
            lambda rows: [passages[row]["text"] for row in rows],
            candidates,
            encode,
            [len(passage["text"]) for passage in passages],
        )
    if mode == "combined":
        scores = [
            combined_scores(
                given.weights,
                ranking.scores[: len(multi_vector)],
                lexical,
                multi_vector,
            )
            for ranking, lexical, multi_vector in zip(
                first, sparse_scores(*sparse, candidates), scores, strict=True
            )
        ]
    return map(reranked, first, scores)
