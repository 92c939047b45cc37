"""Search a test collection with one of M3's four ways of scoring.

dense and sparse rank the whole corpus, exactly. multi_vector and combined re-rank the
first passages of the dense ranking, with late interaction alone or with the weighted
mean of all three scores; the passages below follow in dense order. Writes a TREC run.
"""

from __future__ import annotations

import logging
import sys
import time

import numpy as np

from arkiv.base.cli import parser, run
from arkiv.base.errors import InputError
from arkiv.base.files import Record
from arkiv.encode.flags import add_model, add_weights, encoder_of
from arkiv.encode.kind import Side
from arkiv.encode.models import check_model
from arkiv.retrieve.collection import read_ordered
from arkiv.retrieve.rankings import (
    Ranking,
    combined_scores,
    multi_vector_scores,
    read_encodings,
    reranked,
    search_dense,
    search_sparse,
    sparse_scores,
    write_rankings,
)

log = logging.getLogger("retrieve_m3")

MODES = ("dense", "sparse", "multi_vector", "combined")


def encodings(
    arguments, kind: str, passages: list[Record], queries: list[Record]
) -> list:
    """The encoded queries and passages of a kind."""
    of_queries = arguments.query_encodings or arguments.encodings
    return [
        read_encodings(of_queries, "queries", kind, len(queries)),
        read_encodings(arguments.encodings, "corpus", kind, len(passages)),
    ]


def rerank(
    first: list[Ranking], passages: list[Record], queries: list[Record], arguments
) -> list[Ranking]:
    """Re-rank the first passages of each query by multi-vector or combined scores."""
    combined = arguments.mode == "combined"
    if combined:
        sparse = encodings(arguments, "sparse", passages, queries)

    lengths = {"query": arguments.query_max_length, "passage": arguments.max_length}
    encoder = encoder_of(arguments, longest=max(lengths.values()))

    def encode(texts: list[str], side: Side = "passage") -> list[np.ndarray]:
        return encoder.encode(
            *(texts, side), max_length=lengths[side], dense=False, multi_vector=True
        ).multi_vector

    query_vectors = encode([query["query"] for query in queries], "query")
    candidates = [ranking.rows[: arguments.rerank_depth] for ranking in first]
    log.info(
        "re-ranking %d passages for %d queries",
        len(set().union(*map(np.ndarray.tolist, candidates))),
        len(queries),
    )
    with encoder:
        scores = multi_vector_scores(
            query_vectors,
            lambda rows: [passages[row]["text"] for row in rows],
            candidates,
            encode,
            [len(passage["text"]) for passage in passages],
        )
    if combined:
        scores = [
            combined_scores(
                arguments.weights,
                ranking.scores[: len(multi_vector)],
                lexical,
                multi_vector,
            )
            for ranking, lexical, multi_vector in zip(
                first, sparse_scores(*sparse, candidates), scores, strict=True
            )
        ]
    return [reranked(*pair) for pair in zip(first, scores, strict=True)]


def main(argv: list[str] | None = None) -> None:
    arguments = parser(__doc__)
    arguments.add_argument("--corpus", required=True, metavar="JSONL")
    arguments.add_argument("--queries", required=True, metavar="JSONL")
    arguments.add_argument(
        "--encodings",
        required=True,
        metavar="DIR",
        help="what encode_collection.py wrote",
    )
    arguments.add_argument(
        "--query-encodings",
        metavar="DIR",
        help="of other queries; not given: those among --encodings",
    )
    arguments.add_argument("--mode", choices=MODES, required=True)
    add_weights(arguments)
    arguments.add_argument("--depth", type=int, default=1000, help="passages a query")
    arguments.add_argument(
        "--rerank-depth", type=int, default=100, help="how many of them to re-rank"
    )
    arguments.add_argument(
        "--query-max-length", type=int, default=256, help="of a query, in tokens"
    )
    add_model(arguments, max_length=8192)
    arguments.add_argument("--output", required=True, metavar="TREC")
    arguments = arguments.parse_args(argv)

    if min(arguments.weights) < 0 or not sum(arguments.weights) > 0:
        raise InputError(
            "expected three weights from 0, not all of them 0", key="--weights"
        )
    check_model(arguments.model, "m3")
    passages = read_ordered(arguments.corpus)
    queries = read_ordered(arguments.queries, queries=True)

    began = time.monotonic()
    kind = "sparse" if arguments.mode == "sparse" else "dense"
    search = search_sparse if kind == "sparse" else search_dense
    encoded = encodings(arguments, kind, passages, queries)
    rankings = list(search(*encoded, arguments.depth))
    if arguments.mode in ("multi_vector", "combined"):
        rankings = rerank(rankings, passages, queries, arguments)
    lines = write_rankings(arguments.output, queries, passages, rankings)
    log.info(
        "searched %d passages with %d queries by %s scores in %.1f s: %d lines",
        len(passages),
        len(queries),
        arguments.mode,
        time.monotonic() - began,
        lines,
    )


if __name__ == "__main__":
    sys.exit(run(main))
