"""Search a test collection with the dense vectors of any embedder, over all passages.

The model is one of Hugging Face's or of sentence-transformers. Vectors are kept by
content as those of mining are. Writes a TREC run.
"""

from __future__ import annotations

import logging
import sys
import time
from functools import partial

from arkiv.base.cli import parser, run
from arkiv.encode.dense import POOLINGS, SIMILARITIES, Dense
from arkiv.encode.encoder import Encoder
from arkiv.encode.flags import add_cache, add_model, run_options
from arkiv.encode.models import check_model
from arkiv.retrieve.collection import read_ordered
from arkiv.retrieve.rankings import search_dense, write_rankings

log = logging.getLogger("retrieve_embedder")


def main(argv: list[str] | None = None) -> None:
    arguments = parser(__doc__)
    arguments.add_argument("--corpus", required=True, metavar="JSONL")
    arguments.add_argument("--queries", required=True, metavar="JSONL")
    arguments.add_argument(
        "--pooling",
        choices=POOLINGS,
        help="not given: the model's own, or the mean if it says nothing",
    )
    arguments.add_argument(
        "--query-prompt",
        metavar="TEXT",
        help="put before each query; not given: the model's own",
    )
    arguments.add_argument(
        "--passage-prompt", metavar="TEXT", help="likewise before each passage"
    )
    arguments.add_argument(
        "--similarity",
        choices=SIMILARITIES,
        help="of vectors; not given: the model's own, or cosine",
    )
    arguments.add_argument("--depth", type=int, default=1000, help="passages a query")
    arguments.add_argument(
        "--query-max-length",
        type=int,
        default=256,
        help="of a query, in tokens; less if the model takes less",
    )
    add_cache(arguments)
    add_model(arguments, max_length=8192)
    arguments.add_argument("--output", required=True, metavar="TREC")
    arguments = arguments.parse_args(argv)

    check_model(arguments.model, "dense")
    passages = read_ordered(arguments.corpus)
    queries = read_ordered(arguments.queries, queries=True)
    began = time.monotonic()
    kind = Dense(
        arguments.model,
        run_options(arguments),
        pooling=arguments.pooling,
        prompts=(arguments.query_prompt, arguments.passage_prompt),
        similarity=arguments.similarity,
    )
    lengths = arguments.query_max_length, arguments.max_length
    with Encoder(kind, longest=max(lengths)) as encoder:
        embed = partial(encoder.embed, cache=arguments.cache)
        asked = embed(
            *([query["query"] for query in queries], "query"),
            max_length=arguments.query_max_length,
            job=f"{arguments.output} queries",
        )
        found = embed(
            *([passage["text"] for passage in passages], "passage"),
            max_length=arguments.max_length,
            job=f"{arguments.output} passages",
        )
    rankings = search_dense(
        asked, found, arguments.depth, cosine=encoder.similarity == "cosine"
    )
    lines = write_rankings(arguments.output, queries, passages, rankings)
    log.info(
        "searched %d passages with %d queries in %.1f s: %d lines",
        *(len(passages), len(queries), time.monotonic() - began, lines),
    )


if __name__ == "__main__":
    sys.exit(run(main))
