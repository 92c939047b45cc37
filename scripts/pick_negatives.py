"""Merge the neighbours found in all parts and choose hard negatives for every pair.

Of the passages nearest to the query, the window (as in hn_mine's
--range_for_sampling: 2 200 is the slice [2:200) of the ranking) is cleared of
positives, of the query's own text, of repeats and of what the filters drop; the
negatives come from the rest, and a share of them from the same window of BM25's
ranking. Negatives that the pairs have already are replaced.
"""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import get_args

import numpy as np

from arkiv.base.cli import parser, run
from arkiv.base.errors import InputError
from arkiv.base.files import (
    Record,
    read_object,
    read_records,
    write_json,
    write_records,
)
from arkiv.mining.embeddings import CorpusEmbeddings
from arkiv.mining.filters import Block, Filters, Limits
from arkiv.mining.nearest import (
    id_ranks,
    load_neighbours,
    merge_neighbours,
)
from arkiv.mining.negatives import (
    RULES,
    Known,
    Miner,
    Sampling,
    Shortfall,
    clipped_window,
)
from arkiv.pairs.division import check_pair
from arkiv.pairs.passages import Passages, with_missing_ids
from arkiv.text.shingles import Shingles

log = logging.getLogger("pick_negatives")

QUERY_BLOCK = 256
LIMITS = {
    "relative_margin": "drop what scores above the positive's score less this share",
    "absolute_margin": "drop what scores above the positive's score less this",
    "max_score": "drop what scores above this",
    "min_score": "drop what scores below this",
    "duplicate_jaccard": "drop what shares this much of its word shingles with a "
    "positive",
    "duplicate_cosine": "drop what comes this near to a positive's embedding",
}


def read_pairs(path: str | Path) -> Iterator[tuple[int, Record]]:
    """Yield `(line, pair with ids)`."""

    def check(record: Record) -> None:
        check_pair(record)
        with_missing_ids(record)

    for line, record in read_records(path, check):
        yield line, with_missing_ids(record)


def mined(
    miner: Miner,
    path: str,
    queries: np.ndarray,
    dense: list[np.ndarray],
    bm25: np.ndarray | None,
) -> Iterator[Record]:
    """Every pair that got negatives, in order."""
    ranks = id_ranks(miner.passages.ids)
    depth = dense[0].shape[1]
    full = min(depth, len(miner.passages))
    pairs = read_pairs(path)
    for start in range(0, len(queries), QUERY_BLOCK):
        block = slice(start, start + QUERY_BLOCK)
        rankings = merge_neighbours([part[block] for part in dense], ranks, depth)
        if (rankings["row"][:, :full] < 0).any():
            raise InputError(
                f"hold fewer than {full} of the corpus's "
                f"{len(miner.passages)} passages for a query; is a part missing?",
                key="neighbours",
            )
        lexical = [None] * len(rankings)
        if bm25 is not None:
            lexical = merge_neighbours([bm25[block]], ranks, bm25.shape[1])
        for (line, pair), query, ranking, other in zip(
            islice(pairs, len(rankings)), queries[block], rankings, lexical, strict=True
        ):
            try:
                record = miner.mine(pair, query, ranking, other)
            except InputError as fault:
                if fault.key != "pos_ids":
                    raise
                raise InputError(
                    fault.reason, file=path, line=line, key=fault.key
                ) from None
            if record is not None:
                yield record
    if miner.counts["without_negatives"] == miner.counts["queries"]:
        raise InputError(
            f"leaves no negative for any query: the corpus of {len(miner.passages)} "
            "passage(s) holds nothing but positives and what the filters drop",
            key="window",
        )


def main(argv: list[str] | None = None) -> None:
    arguments = parser(__doc__)
    arguments.add_argument("--pairs", required=True, metavar="JSONL")
    arguments.add_argument(
        "--corpus", required=True, metavar="JSONL", help="the corpus that was searched"
    )
    arguments.add_argument(
        "--neighbours",
        nargs="+",
        required=True,
        metavar="NPY",
        help="of all parts of the corpus, as search_corpus writes them",
    )
    arguments.add_argument(
        "--queries", required=True, metavar="NPY", help="embeddings of the queries"
    )
    arguments.add_argument(
        "--embeddings",
        nargs="+",
        required=True,
        metavar="NPY",
        help="of all parts of the corpus, in order",
    )
    arguments.add_argument(
        "--bm25", metavar="NPY", help="of the whole corpus, as search_bm25 writes them"
    )
    arguments.add_argument(
        "--recall",
        nargs="+",
        default=[],
        metavar="JSON",
        help="of an approximate search, of all parts, for the statistics",
    )
    arguments.add_argument(
        "--bm25-share",
        type=float,
        default=0.0,
        help="of the negatives, from BM25's window",
    )
    arguments.add_argument(
        "--window",
        nargs=2,
        type=int,
        default=[2, 200],
        metavar=("START", "STOP"),
        help="slice of the ranking, counted from 0, that negatives come from",
    )
    arguments.add_argument("--negatives", type=int, default=7, help="per pair")
    arguments.add_argument(
        "--sampling",
        choices=get_args(Sampling),
        default="random",
        help="from anywhere in the window, or the first of it",
    )
    for name, words in LIMITS.items():
        arguments.add_argument(f"--{name.replace('_', '-')}", type=float, help=words)
    arguments.add_argument(
        "--same-block",
        choices=get_args(Block),
        default="allow",
        help="drop passages of the positive's block of pages, or of its volume",
    )
    arguments.add_argument("--block-pages", type=int, default=20)
    arguments.add_argument(
        "--shortfall",
        nargs="+",
        choices=get_args(Shortfall),
        default=["random"],
        help="what to try, in turn, where the window leaves too few: ranks beyond it, "
        "as deep as the search went; any passage; or fewer negatives",
    )
    arguments.add_argument("--seed", type=int, default=0)
    arguments.add_argument("--output", required=True, metavar="JSONL")
    arguments.add_argument("--stats", required=True, metavar="JSON")
    arguments = arguments.parse_args(argv)
    if arguments.negatives < 1:
        raise InputError(
            f"is {arguments.negatives}, expected 1 or more", key="negatives"
        )

    if not 0 <= arguments.bm25_share <= 1:
        raise InputError(
            f"is {arguments.bm25_share}, expected a share from 0 to 1", key="bm25_share"
        )
    if bool(arguments.bm25) != (arguments.bm25_share > 0):
        raise InputError(
            "goes together with --bm25: the neighbours, and a share above 0",
            key="bm25_share",
        )
    limits = Limits(
        **{name: getattr(arguments, name) for name in LIMITS},
        same_block=arguments.same_block,
        block_pages=arguments.block_pages,
    )

    began = time.monotonic()
    known, pairs, replaced = Known(), 0, 0
    for _, pair in read_pairs(arguments.pairs):
        known.add(pair)
        pairs += 1
        replaced += bool(pair.get("neg"))
    if not pairs:
        raise InputError("holds no training pairs", file=arguments.pairs)
    parts = load_neighbours(arguments.neighbours, pairs)
    (bm25,) = load_neighbours([arguments.bm25], pairs) if arguments.bm25 else [None]
    with Passages(arguments.corpus, limits.groups) as passages:
        embeddings = CorpusEmbeddings(
            arguments.embeddings, arguments.queries, len(passages)
        )
        if len(embeddings.queries) != pairs:
            raise InputError(
                f"has {len(embeddings.queries)} rows, but there are {pairs} pairs",
                file=arguments.queries,
            )
        log.info(
            "read %d pairs, %d of them with negatives to replace, %d passages and the "
            "neighbours of %d part(s) in %.1f s",
            *(pairs, replaced, len(passages), len(parts)),
            time.monotonic() - began,
        )
        window = clipped_window(
            tuple(arguments.window), len(passages), parts[0].shape[1]
        )
        if window[1] < arguments.window[1]:
            log.warning(
                "the window ends at rank %d, but the corpus has %d passages: clipped",
                arguments.window[1],
                len(passages),
            )
        began = time.monotonic()
        wordings = None
        if limits.duplicate_jaccard is not None:
            folder = Path(arguments.output).parent
            folder.mkdir(parents=True, exist_ok=True)
            wordings = Shingles(passages.texts(), folder)
            log.info("hashed the wording of all passages")
        miner = Miner(
            passages=passages,
            known=known,
            filters=Filters(limits, passages, embeddings, wordings),
            window=window,
            negatives=arguments.negatives,
            sampling=arguments.sampling,
            seed=arguments.seed,
            bm25_share=arguments.bm25_share,
            shortfall=arguments.shortfall,
        )
        kept = write_records(
            arguments.output,
            mined(miner, arguments.pairs, embeddings.queries, parts, bm25),
        )
    stats = miner.report()
    if arguments.recall:
        measured = [read_object(path, "recall")["recall"] for path in arguments.recall]
        stats["recall"] = sum(measured) / len(measured)
    write_json(arguments.stats, stats)
    if stats["short"]:
        log.warning(
            "%d pairs have fewer than %d negatives", stats["short"], miner.negatives
        )
    if stats["without_negatives"]:
        log.warning(
            "%d pairs have no negatives and are left out", stats["without_negatives"]
        )
    log.info(
        "wrote %d pairs in %.1f s; negatives from %s; dropped %s",
        *(kept, time.monotonic() - began),
        ", ".join(f"{name} {count}" for name, count in stats["sources"].items()),
        ", ".join(
            f"{rule} {count}"
            for rule in RULES
            if (count := sum(by[rule] for by in stats["dropped"].values()))
        )
        or "nothing",
    )


if __name__ == "__main__":
    sys.exit(run(main))
