"""Embed queries and passages of pairs whose negatives are given, to judge the pairs.

Where negatives are mined, mining has embedded both. The outputs are float16 arrays,
rows of length 1: row i is line i of the file.
"""

from __future__ import annotations

import argparse
import sys

from arkiv.base.cli import parser, run
from arkiv.encode.embedding import embed_lines
from arkiv.encode.flags import add_embedder, add_reading, add_weights_kept, also_kept


def main(argv: list[str] | None = None) -> None:
    arguments = parser(
        __doc__, pairs="JSONL", corpus="JSONL", queries="NPY", output="NPY of passages"
    )
    add_embedder(arguments)
    add_reading(arguments)
    add_weights_kept(arguments)
    arguments = arguments.parse_args(argv)
    length, output = arguments.query_max_length, arguments.queries
    of_queries = vars(arguments) | {"max_length": length, "output": output}
    asked = argparse.Namespace(**of_queries)
    embed_lines(arguments.pairs, "query", "query", asked)
    also = also_kept(arguments)
    embed_lines(arguments.corpus, "text", "passage", arguments, also=also)


if __name__ == "__main__":
    sys.exit(run(main))
