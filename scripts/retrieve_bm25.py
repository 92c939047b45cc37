"""Search a test collection with BM25, over the tokens of a model or over words.

The lexical baseline: the same tokens that the sparse scores of M3 weigh, counted; or
words, stemmed if asked for. Writes a TREC run.
"""

from __future__ import annotations

import logging
import sys
import time

from arkiv.base.cli import parser, run
from arkiv.base.errors import InputError
from arkiv.retrieve.bm25 import search_bm25, search_texts_bm25
from arkiv.retrieve.collection import read_ordered
from arkiv.retrieve.rankings import write_rankings
from arkiv.text.words import Words

log = logging.getLogger("retrieve_bm25")


def main(argv: list[str] | None = None) -> None:
    arguments = parser(__doc__)
    arguments.add_argument("--corpus", required=True, metavar="JSONL")
    arguments.add_argument("--queries", required=True, metavar="JSONL")
    units = arguments.add_mutually_exclusive_group(required=True)
    units.add_argument("--tokenizer", metavar="MODELDIR", help="count its tokens")
    units.add_argument("--words", action="store_true", help="count words")
    arguments.add_argument(
        "--stemming", metavar="LANGUAGE", help="of words, such as swedish"
    )
    arguments.add_argument("--depth", type=int, default=1000, help="passages a query")
    arguments.add_argument("--k1", type=float, default=1.5)
    arguments.add_argument("--b", type=float, default=0.75)
    arguments.add_argument("--output", required=True, metavar="TREC")
    arguments = arguments.parse_args(argv)

    if arguments.stemming and not arguments.words:
        raise InputError("is of words; give --words too", key="--stemming")
    passages = read_ordered(arguments.corpus)
    queries = read_ordered(arguments.queries, queries=True)
    began = time.monotonic()
    query_texts = (query["query"] for query in queries)
    passage_texts = (passage["text"] for passage in passages)
    settings = {"k1": arguments.k1, "b": arguments.b}
    if arguments.words:
        words = Words(arguments.stemming)
        passage_words = words.ids(passage_texts)
        rankings = search_bm25(
            words.ids(query_texts), passage_words, arguments.depth, **settings
        )
    else:
        rankings = search_texts_bm25(
            query_texts,
            passage_texts,
            arguments.tokenizer,
            arguments.depth,
            **settings,
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
