"""Embed the passages of a corpus, or of one part of it, with the dense head of M3.

The output is a float16 array, rows of length 1: row i is line i of the part.
"""

from __future__ import annotations

import sys

from arkiv.base.cli import add_part, parser, run
from arkiv.encode.embedding import embed_lines
from arkiv.encode.flags import (
    add_cache,
    add_model,
    add_reading,
    add_weights_kept,
    also_kept,
)


def main(argv: list[str] | None = None) -> None:
    arguments = parser(__doc__, corpus="JSONL", output="NPY")
    add_part(arguments)
    add_cache(arguments)
    add_model(arguments)
    add_reading(arguments)
    add_weights_kept(arguments)
    arguments = arguments.parse_args(argv)
    embed_lines(
        *(arguments.corpus, "text", "passage", arguments),
        part=arguments.part,
        also=also_kept(arguments),
    )


if __name__ == "__main__":
    sys.exit(run(main))
