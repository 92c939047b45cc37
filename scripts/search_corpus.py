"""Find the nearest passages of every query in one part of the corpus.

Exact inner products of the embeddings, on the GPUs that the installed faiss can use,
else on the CPU. The result does not depend on the number of parts or on the machine:
see arkiv.mining.nearest. With --index ivf only the likeliest lists of passages are
looked at, and how much is missed is measured.
"""

from __future__ import annotations

import logging
import sys
import time

import numpy as np

from arkiv.base.cli import add_part, parser, run
from arkiv.base.errors import InputError
from arkiv.base.files import (
    check_text,
    count_lines,
    read_records,
    write_json,
    written_whole,
)
from arkiv.mining.ivf import (
    LEAST_PASSAGES,
    InvertedLists,
    recall,
    sampled,
)
from arkiv.mining.nearest import (
    NEIGHBOUR,
    gpu_count,
    id_ranks,
    load_embeddings,
    search,
)

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
        "--index",
        choices=("exact", "ivf"),
        default="exact",
        help="compare with every passage, or with the nearest inverted lists",
    )
    arguments.add_argument(
        "--probes", type=int, default=32, help="lists compared with each query, of ivf"
    )
    arguments.add_argument("--seed", type=int, default=0, help="of ivf's k-means")
    arguments.add_argument(
        "--output",
        required=True,
        metavar="NPY",
        help="(queries, depth) of row in the whole corpus and score",
    )
    arguments.add_argument(
        "--recall",
        metavar="JSON",
        help="how much ivf finds of what the exact search finds, on a sample",
    )
    arguments = arguments.parse_args(argv)
    for key in ("depth", "probes"):
        if getattr(arguments, key) < 1:
            value = getattr(arguments, key)
            raise InputError(f"is {value}, expected at least 1", key=key)
    approximate = arguments.index == "ivf"
    if approximate != bool(arguments.recall):
        raise InputError("goes together with --index ivf", key="recall")

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
    ranks = id_ranks(ids)
    lists = None
    if approximate and len(ids) >= LEAST_PASSAGES:
        lists = InvertedLists(embeddings, arguments.probes, arguments.seed)
        log.info(
            "put the passages into %d lists in %.1f s",
            lists.lists,
            time.monotonic() - began,
        )
    header = {
        "descr": np.lib.format.dtype_to_descr(NEIGHBOUR),
        "fortran_order": False,
        "shape": (len(queries), arguments.depth),
    }
    with written_whole(arguments.output) as beside:
        with open(beside, "wb") as out:
            np.lib.format.write_array_header_1_0(out, header)
            for found in search(
                *(queries, embeddings, ranks, arguments.depth),
                first_row=first_row,
                candidates=lists,
            ):
                out.write(found.tobytes())
        gpus = gpu_count()
        log.info(
            "found up to %d passages for each of %d queries on %s in %.1f s",
            *(arguments.depth, len(queries)),
            f"{gpus} GPU(s)" if gpus else "the CPU",
            time.monotonic() - began,
        )
        if approximate:
            rows = sampled(len(queries), arguments.seed)
            shares = [1.0] * len(rows)
            if lists is not None:
                found = np.load(beside, mmap_mode="r")[rows]
                shares = recall(found, queries[rows], embeddings, ranks, first_row)
            mean = float(np.mean(shares)) if shares else 1.0
            log.info("recall of the %d nearest: %.4f", arguments.depth, mean)
            write_json(
                arguments.recall,
                {
                    "recall": mean,
                    "lowest": min(shares, default=1.0),
                    "queries": len(rows),
                    "depth": arguments.depth,
                    "lists": lists.lists if lists else None,
                    "probes": lists.probes if lists else None,
                },
            )


if __name__ == "__main__":
    sys.exit(run(main))
