"""Embed the texts of training rows, by which a guide says what may answer a query.

The outputs are float16 arrays, rows of length 1, in which train_model.py finds the
queries and the passages of the same shards by their numbers. What mining has embedded
is taken from the cache.
"""

from __future__ import annotations

import logging
import sys

from arkiv.base.cli import parser, run
from arkiv.base.files import write_array
from arkiv.encode.flags import add_embedder, add_reading, encoder_of
from arkiv.train.false_negatives import numbered_texts
from arkiv.train.shards import in_order

log = logging.getLogger("embed_guide")


def main(argv: list[str] | None = None) -> None:
    arguments = parser(
        __doc__, shards="JSONL... training rows", queries="NPY", passages="NPY"
    )
    add_embedder(arguments)
    add_reading(arguments)
    arguments = arguments.parse_args(argv)
    queries, passages = numbered_texts(in_order(arguments.shards))
    todo = (
        (queries, "query", arguments.query_max_length, arguments.queries),
        (passages, "passage", arguments.max_length, arguments.passages),
    )
    with encoder_of(arguments) as encoder:
        for texts, side, length, output in todo:
            vectors = encoder.embed(
                texts, side, max_length=length, cache=arguments.cache, job=output
            )
            write_array(output, vectors)
            log.info("%d texts on the side of the %s", len(texts), side)


if __name__ == "__main__":
    sys.exit(run(main))
