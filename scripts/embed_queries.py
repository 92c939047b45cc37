"""Embed the queries of a file of pairs with the dense head of M3.

The output is a float16 array, rows of length 1: row i is line i of the file.
"""

from __future__ import annotations

import sys

from arkiv.base.cli import parser, run
from arkiv.encode.embedding import embed_lines
from arkiv.encode.flags import add_cache, add_model, add_reading
from arkiv.encode.settings import Lengths


def main(argv: list[str] | None = None) -> None:
    arguments = parser(__doc__, pairs="JSONL", output="NPY")
    add_cache(arguments)
    add_model(arguments, max_length=Lengths.query_max_length)
    add_reading(arguments)
    arguments = arguments.parse_args(argv)
    embed_lines(arguments.pairs, "query", "query", arguments)


if __name__ == "__main__":
    sys.exit(run(main))
