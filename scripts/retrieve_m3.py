"""Search a test collection with one of M3's four ways of scoring.

dense and sparse rank the whole corpus, exactly. multi_vector and combined re-rank the
first passages of the dense ranking, with late interaction alone or with the weighted
mean of all three scores; the passages below follow in dense order. Writes a TREC run.
"""

from __future__ import annotations

import logging
import sys
import time
import zipfile
from pathlib import Path

import numpy as np

from arkiv.cli import add_model, parser, run, run_options
from arkiv.collection import read_ordered
from arkiv.errors import InputError
from arkiv.files import Record
from arkiv.models import check_model
from arkiv.retrieval import (
    Ranking,
    multi_vector_scores,
    reranked,
    search_dense,
    search_sparse,
    sparse_scores,
    write_rankings,
)

log = logging.getLogger("retrieve_m3")

MODES = ("dense", "sparse", "multi_vector", "combined")


def read_encodings(directory: str, kind: str, passages: int, queries: int):
    """The encoded queries and corpus of a kind, checked against the number of lines.

    Raises:
        InputError: a file is missing, unreadable, or of other texts.
    """
    from scipy.sparse import load_npz

    result = []
    for name, lines in (("queries", queries), ("corpus", passages)):
        path = Path(directory) / f"{name}.{kind}.{'npy' if kind == 'dense' else 'npz'}"
        try:
            rows = np.load(path, mmap_mode="r") if kind == "dense" else load_npz(path)
        except FileNotFoundError:
            raise InputError(
                "no such file; encode_collection.py makes it", file=path
            ) from None
        except (ValueError, OSError, EOFError, zipfile.BadZipFile) as error:
            raise InputError(f"is not an array ({error})", file=path) from None
        if rows.shape[0] != lines:
            raise InputError(
                f"has {rows.shape[0]} rows for {lines} lines of the collection; encode "
                "it again",
                file=path,
            )
        result.append(rows)
    return result


def rerank(
    first: list[Ranking], passages: list[Record], queries: list[Record], arguments
) -> list[Ranking]:
    """Re-rank the first passages of each query by multi-vector or combined scores."""
    combined = arguments.mode == "combined"
    if combined:
        sparse = read_encodings(
            arguments.encodings, "sparse", len(passages), len(queries)
        )

    from arkiv.m3 import M3Encoder

    encoder = M3Encoder(
        arguments.model,
        max_length=arguments.max_length,
        options=run_options(arguments),
    )

    def encode(texts: list[str]) -> list[np.ndarray]:
        return encoder.encode(texts, dense=False, multi_vector=True).multi_vector

    encoder.max_length = arguments.query_max_length
    query_vectors = encode([query["query"] for query in queries])
    encoder.max_length = arguments.max_length
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
        weights = np.array(arguments.weights, np.float32) / sum(arguments.weights)
        scores = [
            weights[0] * ranking.scores[: len(multi_vector)]
            + weights[1] * lexical
            + weights[2] * multi_vector
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
    arguments.add_argument("--mode", choices=MODES, required=True)
    arguments.add_argument(
        "--weights",
        nargs=3,
        type=float,
        default=[1.0, 0.3, 1.0],
        metavar=("DENSE", "SPARSE", "MULTI_VECTOR"),
        help="of the scores in mode combined",
    )
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
    check_model(arguments.model, "embedder")
    passages = read_ordered(arguments.corpus)
    queries = read_ordered(arguments.queries, queries=True)

    began = time.monotonic()
    kind = "sparse" if arguments.mode == "sparse" else "dense"
    search = search_sparse if kind == "sparse" else search_dense
    encodings = read_encodings(arguments.encodings, kind, len(passages), len(queries))
    rankings = list(search(*encodings, arguments.depth))
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
