"""Encode a test collection with M3: dense vectors and, if asked for, token weights.

Writes a directory with `corpus.dense.npy` and `queries.dense.npy` (float16, row i =
line i) and with --sparse `corpus.sparse.npz` and `queries.sparse.npz` (SciPy CSR,
float32, a column for each token of the vocabulary). Both are kept by content: what
mining has encoded is not encoded again. Multi-vector representations are too large to
keep; retrieve.py makes them for the passages it re-ranks. Without --corpus the queries
alone are encoded, to be searched for in what is encoded already.
"""

from __future__ import annotations

import logging
import sys
import time

from arkiv.base.cli import parser, run
from arkiv.base.files import write_array, written_whole
from arkiv.encode.flags import add_embedder, add_reading, encoder_of
from arkiv.encode.kind import Side
from arkiv.encode.models import check_model
from arkiv.retrieve.collection import read_ordered

log = logging.getLogger("encode_collection")


def main(argv: list[str] | None = None) -> None:
    arguments = parser(__doc__, corpus="[JSONL]", queries="JSONL", output="DIR")
    arguments.add_argument(
        "--sparse", action="store_true", help="token weights too, in the same pass"
    )
    add_embedder(arguments)
    add_reading(arguments)
    arguments = arguments.parse_args(argv)

    check_model(arguments.model, "m3")
    lengths = {"passage": arguments.max_length, "query": arguments.query_max_length}
    texts: dict[str, tuple[list[str], Side]] = {}
    if arguments.corpus:
        passages = read_ordered(arguments.corpus)
        texts["corpus"] = [row["text"] for row in passages], "passage"
    queries = read_ordered(arguments.queries, queries=True)
    texts["queries"] = [row["query"] for row in queries], "query"

    from scipy.sparse import save_npz

    with encoder_of(arguments) as encoder, written_whole(arguments.output) as beside:
        beside.mkdir()
        for name, (lines, side) in texts.items():
            began = time.monotonic()
            length = lengths[side]
            kept = {"cache": arguments.cache, "job": f"{arguments.output} {name}"}
            if arguments.sparse:
                encoded = encoder.embed_with_weights(
                    lines, side, max_length=length, **kept
                )
                dense = encoded.dense
                save_npz(beside / f"{name}.sparse.npz", encoded.sparse)
            else:
                dense = encoder.embed(lines, side, max_length=length, **kept)
            write_array(beside / f"{name}.dense.npy", dense)
            seconds = time.monotonic() - began
            log.info("%s: %d texts in %.1f s", name, len(lines), seconds)


if __name__ == "__main__":
    sys.exit(run(main))
