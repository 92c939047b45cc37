"""Find the nearest passages of every query in one part of the corpus.

Exact inner products of the embeddings, by faiss or torch, on the GPUs that it sees,
else on the CPU. The result does not depend on that, nor on the number of parts: see
arkiv.mining.nearest. With --index ivf only the likeliest lists of passages are looked
at, and how much is missed is measured.
"""

from __future__ import annotations

import argparse
import logging
import sys
import time

from arkiv.base.cli import add_part, parser, run
from arkiv.base.declared import Seeded
from arkiv.base.errors import InputError
from arkiv.base.files import Part, check_text, count_lines, read_records, write_json
from arkiv.base.progress import followed
from arkiv.base.setting_flags import add_settings, settings_from
from arkiv.mining.embeddings import check_dimensions, load_embeddings
from arkiv.mining.ivf import build_lists, recall_report
from arkiv.mining.nearest import (
    CorpusPart,
    find_neighbours,
    id_ranks,
    write_neighbours,
)
from arkiv.mining.settings import Depth, Mining
from arkiv.mining.ways import choose, where

log = logging.getLogger("search_corpus")


def read_part(embeddings: str, corpus: str, part: Part) -> CorpusPart:
    """The embeddings of a part, with the ids that order equal scores.

    Raises:
        InputError: as `load_embeddings`, or not one row for each passage of the part.
    """
    vectors = load_embeddings(embeddings)
    records = read_records(corpus, lambda record: check_text(record, "id"), part=part)
    ids = [record["id"] for _, record in records]
    if len(ids) != len(vectors):
        raise InputError(
            f"has {len(vectors)} rows, but part {part.index}-of-{part.count} of "
            f"{corpus} has {len(ids)} lines",
            file=embeddings,
        )
    first_row = part.bounds(count_lines(corpus)).start
    return CorpusPart(vectors, id_ranks(ids), first_row)


def parse(argv: list[str] | None) -> argparse.Namespace:
    """The arguments, checked against each other."""
    arguments = parser(
        __doc__,
        queries="NPY embeddings of all queries",
        embeddings="NPY embeddings of this part",
        corpus="JSONL the whole corpus; equal scores are ordered by its ids",
        output="NPY (queries, depth) of row in the whole corpus and score",
        recall="[JSON] how much ivf finds of what the exact search finds, on a sample",
    )
    add_part(arguments)
    add_settings(arguments, Depth)
    add_settings(arguments, Mining, "index", "probes", "search")
    add_settings(arguments, Seeded)
    arguments = arguments.parse_args(argv)
    settings_from(arguments, Depth)
    settings_from(arguments, Mining, "index", "probes", "search")
    if (arguments.index == "ivf") != bool(arguments.recall):
        raise InputError("goes together with --index ivf", key="recall")
    return arguments


def main(argv: list[str] | None = None) -> None:
    arguments = parse(argv)
    choice = choose(arguments.search)

    began = time.monotonic()
    queries = load_embeddings(arguments.queries)
    part = read_part(arguments.embeddings, arguments.corpus, arguments.part)
    check_dimensions(part.embeddings, arguments.embeddings, queries, arguments.queries)
    log.info(
        "read %d queries and the %d passages of part %d-of-%d, %d dimensions, in "
        "%.1f s",
        len(queries),
        len(part.embeddings),
        arguments.part.index,
        arguments.part.count,
        queries.shape[1],
        time.monotonic() - began,
    )

    began = time.monotonic()
    lists = None
    if arguments.index == "ivf":
        lists = build_lists(part.embeddings, arguments.probes, arguments.seed)
    if lists:
        log.info(
            "put the passages into %d lists in %.1f s",
            lists.lists,
            time.monotonic() - began,
        )
    write_neighbours(
        arguments.output,
        followed(
            find_neighbours(queries, part, arguments.depth, lists, choice.way),
            *(len(queries), "queries searched", len),
        ),
        (len(queries), arguments.depth),
    )
    log.info(
        "found up to %d passages for each of %d queries by %s in %.1f s",
        arguments.depth,
        len(queries),
        f"lists of faiss on {where(lists.gpus)}" if lists else choice,
        time.monotonic() - began,
    )
    if arguments.recall:
        report = recall_report(
            arguments.output, queries, part, lists, arguments.seed, choice.way
        )
        write_json(arguments.recall, report)
        log.info("recall of the %d nearest: %.4f", arguments.depth, report["recall"])


if __name__ == "__main__":
    sys.exit(run(main))
