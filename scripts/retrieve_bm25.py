"""Search a test collection with BM25 over the tokens of a model's tokenizer.

The lexical baseline: the same tokens that the sparse scores of M3 weigh, counted.
Writes a TREC run.
"""

from __future__ import annotations

import logging
import sys
import time

from arkiv.cli import parser, run
from arkiv.collection import read_ordered
from arkiv.retrieval import search_texts_bm25, write_rankings

log = logging.getLogger("retrieve_bm25")


def main(argv: list[str] | None = None) -> None:
    arguments = parser(__doc__)
    arguments.add_argument("--corpus", required=True, metavar="JSONL")
    arguments.add_argument("--queries", required=True, metavar="JSONL")
    arguments.add_argument("--tokenizer", required=True, metavar="MODELDIR")
    arguments.add_argument("--depth", type=int, default=1000, help="passages a query")
    arguments.add_argument("--k1", type=float, default=1.5)
    arguments.add_argument("--b", type=float, default=0.75)
    arguments.add_argument("--output", required=True, metavar="TREC")
    arguments = arguments.parse_args(argv)

    passages = read_ordered(arguments.corpus)
    queries = read_ordered(arguments.queries, queries=True)
    began = time.monotonic()
    rankings = search_texts_bm25(
        (query["query"] for query in queries),
        (passage["text"] for passage in passages),
        arguments.tokenizer,
        arguments.depth,
        k1=arguments.k1,
        b=arguments.b,
    )
    lines = write_rankings(arguments.output, queries, passages, rankings)
    log.info(
        "searched %d passages with %d queries in %.1f s: %d lines",
        len(passages),
        len(queries),
        time.monotonic() - began,
        lines,
    )


if __name__ == "__main__":
    sys.exit(run(main))
