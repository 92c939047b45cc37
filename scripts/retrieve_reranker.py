"""Put the first passages of a run into the order of a reranker's scores.

The passages below follow in the order of the run. Scores are kept by content, as the
teacher's are. Writes a TREC run.
"""

from __future__ import annotations

import logging
import sys
import time

import numpy as np

from arkiv.base.cli import parser, run
from arkiv.base.errors import InputError
from arkiv.base.files import Record
from arkiv.encode.flags import add_reranker, scores_by
from arkiv.encode.models import check_model
from arkiv.retrieve.collection import read_ordered
from arkiv.retrieve.rankings import Ranking, reranked, write_rankings
from arkiv.retrieve.trec import read_scores

log = logging.getLogger("retrieve_reranker")


def read_rankings(
    path: str, queries: list[Record], passages: list[Record]
) -> list[Ranking]:
    """The ranking of each query in a run; one that the run lacks has none.

    Raises:
        InputError: the run names a passage that the corpus lacks.
    """
    row_of = {passage["id"]: row for row, passage in enumerate(passages)}
    found = read_scores(path)
    rankings = []
    for query in queries:
        scores = found.get(query["id"], {})
        for passage_id in scores:
            if passage_id not in row_of:
                raise InputError(
                    f"names the passage {passage_id}, which the corpus lacks", file=path
                )
        rankings.append(
            Ranking(
                np.array([row_of[passage_id] for passage_id in scores], np.int64),
                np.array(list(scores.values()), np.float32),
            )
        )
    return rankings


def main(argv: list[str] | None = None) -> None:
    arguments = parser(__doc__)
    arguments.add_argument("--corpus", required=True, metavar="JSONL")
    arguments.add_argument("--queries", required=True, metavar="JSONL")
    arguments.add_argument("--run", required=True, metavar="TREC", help="to re-rank")
    arguments.add_argument(
        "--rerank-depth", type=int, default=100, help="how many passages of a query"
    )
    add_reranker(arguments)
    arguments.add_argument("--output", required=True, metavar="TREC")
    arguments = arguments.parse_args(argv)

    check_model(arguments.model, "cross_encoder")
    passages = read_ordered(arguments.corpus)
    queries = read_ordered(arguments.queries, queries=True)
    rankings = read_rankings(arguments.run, queries, passages)
    heads = [ranking.rows[: arguments.rerank_depth] for ranking in rankings]
    pairs = [
        (query["query"], passages[row]["text"])
        for query, head in zip(queries, heads, strict=True)
        for row in head
    ]

    began = time.monotonic()
    scores = scores_by(arguments, pairs)
    by_query = np.split(scores.astype(np.float32), np.cumsum(list(map(len, heads))))
    lines = write_rankings(
        arguments.output,
        queries,
        passages,
        map(reranked, rankings, by_query),
    )
    log.info(
        "scored %d pairs of %d queries in %.1f s: %d lines",
        *(len(pairs), len(queries), time.monotonic() - began, lines),
    )


if __name__ == "__main__":
    sys.exit(run(main))
