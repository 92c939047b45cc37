"""Find the nearest passages of every query in one part of the corpus.

Exact inner products of the embeddings, on the GPUs that the installed faiss can use,
else on the CPU. The result does not depend on the number of parts or on the machine:
see arkiv.search.
"""

from __future__ import annotations

import logging
import sys
import time

import numpy as np

from arkiv.cli import add_part, parser, run
from arkiv.errors import InputError
from arkiv.files import check_text, count_lines, read_records, written_whole
from arkiv.search import NEIGHBOUR, gpu_count, id_ranks, load_embeddings, search

log = logging.getLogger("search_corpus")


def main(argv: list[str] | None = None) -> None:
    arguments = parser(__doc__)
    arguments.add_argument(
        "--queries", required=True, metavar="NPY", help="embeddings of all queries"
    )
    arguments.add_argument(
        "--embeddings", required=True, metavar="NPY", help="embeddings of this part"
    )
    arguments.add_argument(
        "--corpus",
        required=True,
        metavar="JSONL",
        help="the whole corpus; equal scores are ordered by its ids",
    )
    add_part(arguments)
    arguments.add_argument(
        "--depth", type=int, default=200, help="passages to find per query"
    )
    arguments.add_argument(
        "--output",
        required=True,
        metavar="NPY",
        help="(queries, depth) of row in the whole corpus and score",
    )
    arguments = arguments.parse_args(argv)
    if arguments.depth < 1:
        raise InputError(f"is {arguments.depth}, expected at least 1", key="depth")

    began = time.monotonic()
    queries = load_embeddings(arguments.queries)
    embeddings = load_embeddings(arguments.embeddings)
    if embeddings.shape[1] != queries.shape[1]:
        raise InputError(
            f"has vectors of {embeddings.shape[1]} dimensions, but the queries "
            f"({arguments.queries}) have {queries.shape[1]}",
            file=arguments.embeddings,
        )
    records = read_records(
        arguments.corpus, lambda record: check_text(record, "id"), part=arguments.part
    )
    ids = [record["id"] for _, record in records]
    part = f"part {arguments.part.index}-of-{arguments.part.count}"
    if len(ids) != len(embeddings):
        raise InputError(
            f"has {len(embeddings)} rows, but {part} of {arguments.corpus} has "
            f"{len(ids)} lines",
            file=arguments.embeddings,
        )
    first_row = arguments.part.bounds(count_lines(arguments.corpus)).start
    log.info(
        "read %d queries and the %d passages of %s, %d dimensions, in %.1f s",
        len(queries),
        len(embeddings),
        part,
        queries.shape[1],
        time.monotonic() - began,
    )

    began = time.monotonic()
    gpus = gpu_count()
    shape = (len(queries), arguments.depth)
    header = {
        "descr": np.lib.format.dtype_to_descr(NEIGHBOUR),
        "fortran_order": False,
        "shape": shape,
    }
    with written_whole(arguments.output) as beside, open(beside, "wb") as out:
        np.lib.format.write_array_header_1_0(out, header)
        for found in search(
            queries,
            embeddings,
            id_ranks(ids),
            arguments.depth,
            first_row=first_row,
        ):
            out.write(found.tobytes())
    log.info(
        "found up to %d passages for each of %d queries on %s in %.1f s",
        *(arguments.depth, len(queries)),
        f"{gpus} GPU(s)" if gpus else "the CPU",
        time.monotonic() - began,
    )


if __name__ == "__main__":
    sys.exit(run(main))
