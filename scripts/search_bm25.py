"""Find the first passages of every query by BM25, over the whole corpus.

The second miner beside the embeddings: it finds passages that share the query's words.
Tokens are those of the model's tokenizer; equal scores are ordered by id.
"""

from __future__ import annotations

import logging
import sys
import time

import numpy as np

from arkiv.base.cli import parser, run
from arkiv.base.files import check_text, read_records, write_array
from arkiv.base.setting_flags import add_settings, settings_from
from arkiv.mining.nearest import NEIGHBOUR, NO_NEIGHBOUR
from arkiv.mining.settings import Depth
from arkiv.pairs.passages import Passages
from arkiv.retrieve.bm25 import BM25Index, TokenIds

log = logging.getLogger("search_bm25")


def main(argv: list[str] | None = None) -> None:
    arguments = parser(
        __doc__,
        pairs="JSONL",
        corpus="JSONL",
        tokenizer="MODELDIR",
        output="NPY (queries, depth) of row in the corpus and score",
    )
    add_settings(arguments, Depth)
    arguments = arguments.parse_args(argv)
    settings_from(arguments, Depth)

    began = time.monotonic()
    pairs = read_records(arguments.pairs, lambda pair: check_text(pair, "query"))
    queries = [pair["query"] for _, pair in pairs]
    found = np.full((len(queries), arguments.depth), NO_NEIGHBOUR, NEIGHBOUR)
    with Passages(arguments.corpus) as passages:
        # BM25 settles ties by the order of the passages; that of the file says nothing.
        rows = np.array([passages.rows[name] for name in sorted(passages.ids)], int)
        index = BM25Index(map(passages.text, rows), TokenIds(arguments.tokenizer))
        rankings = index.rankings(queries, arguments.depth)
        for neighbours, ranking in zip(found, rankings, strict=True):
            neighbours["row"][: len(ranking.rows)] = rows[ranking.rows]
            neighbours["score"][: len(ranking.rows)] = ranking.scores
    write_array(arguments.output, found)
    log.info(
        "searched %d passages with %d queries in %.1f s",
        *(len(rows), len(queries)),
        time.monotonic() - began,
    )


if __name__ == "__main__":
    sys.exit(run(main))
