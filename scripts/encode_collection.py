"""Encode a test collection with M3: dense vectors and, if asked for, token weights.

Writes a directory with `corpus.dense.npy` and `queries.dense.npy` (float16, row i =
line i) and with --sparse `corpus.sparse.npz` and `queries.sparse.npz` (SciPy CSR,
float32, a column for each token of the vocabulary). Dense vectors alone are kept by
content: what mining has embedded is not encoded again. Multi-vector representations are
too large to keep; retrieve_m3.py makes them for the passages it re-ranks. Without
--corpus the queries alone are encoded, to be searched for in what is encoded already.
"""

from __future__ import annotations

import logging
import sys
import time

import numpy as np

from arkiv.base.cli import parser, run
from arkiv.base.files import write_array, written_whole
from arkiv.encode.flags import add_cache, add_model, run_options
from arkiv.encode.models import check_model
from arkiv.retrieve.collection import read_ordered

log = logging.getLogger("encode_collection")


def main(argv: list[str] | None = None) -> None:
    arguments = parser(__doc__)
    arguments.add_argument("--corpus", metavar="JSONL")
    arguments.add_argument("--queries", required=True, metavar="JSONL")
    arguments.add_argument("--output", required=True, metavar="DIR")
    arguments.add_argument(
        "--query-max-length", type=int, default=256, help="of a query, in tokens"
    )
    arguments.add_argument(
        "--sparse", action="store_true", help="token weights too, in the same pass"
    )
    add_cache(arguments)
    add_model(arguments, max_length=8192)
    arguments = arguments.parse_args(argv)

    model = check_model(arguments.model, "embedder")
    texts = {}
    if arguments.corpus:
        passages = read_ordered(arguments.corpus)
        texts["corpus"] = [row["text"] for row in passages], arguments.max_length
    queries = read_ordered(arguments.queries, queries=True)
    texts["queries"] = [row["query"] for row in queries], arguments.query_max_length

    from scipy.sparse import save_npz

    from arkiv.encode.m3 import M3Encoder

    encoder = M3Encoder(
        model, max_length=arguments.max_length, options=run_options(arguments)
    )
    with encoder, written_whole(arguments.output) as beside:
        beside.mkdir()
        for name, (lines, encoder.max_length) in texts.items():
            began = time.monotonic()
            if arguments.sparse:
                encoded = encoder.encode(lines, dense=True, sparse=True)
                dense = encoded.dense.astype(np.float16)
                save_npz(beside / f"{name}.sparse.npz", encoded.sparse)
            else:
                job = f"{arguments.output} {name}"
                dense = encoder.dense(lines, arguments.cache, job=job)
            write_array(beside / f"{name}.dense.npy", dense)
            seconds = time.monotonic() - began
            log.info("%s: %d texts in %.1f s", name, len(lines), seconds)


if __name__ == "__main__":
    sys.exit(run(main))
