"""Merge the neighbours found in all parts and choose hard negatives for every pair.

Of the passages nearest to the query, the window (as in hn_mine's
--range_for_sampling: 2 200 is the slice [2:200) of the ranking) is cleared of
positives, of the query's own text and of repeats; the negatives come from the rest.
Negatives that the pairs have already are replaced.
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

from arkiv.cli import parser, run
from arkiv.errors import InputError
from arkiv.files import Record, read_records, write_json, write_records
from arkiv.lookup import Passages, with_missing_ids
from arkiv.negatives import Known, Miner, Sampling, clipped_window
from arkiv.pairs import check_pair
from arkiv.search import NEIGHBOUR, id_ranks, load_array, merge_neighbours

log = logging.getLogger("pick_negatives")

QUERY_BLOCK = 256


def read_pairs(path: str | Path) -> Iterator[Record]:
    def check(record: Record) -> None:
        check_pair(record)
        with_missing_ids(record)

    for _, record in read_records(path, check):
        yield with_missing_ids(record)


def load_parts(paths: list[str], pairs: int) -> list[np.ndarray]:
    """Neighbours of every part, each checked to have a row for every pair."""
    parts = [load_array(path, NEIGHBOUR, 2) for path in paths]
    for path, part in zip(paths, parts, strict=True):
        if len(part) != pairs:
            raise InputError(
                f"has {len(part)} rows, but there are {pairs} pairs", file=path
            )
        if part.shape[1] != parts[0].shape[1]:
            raise InputError(
                f"goes {part.shape[1]} passages deep, but {paths[0]} goes "
                f"{parts[0].shape[1]}",
                file=path,
            )
    return parts


def mined(
    miner: Miner, pairs: Iterator[Record], parts: list[np.ndarray]
) -> Iterator[Record]:
    """Every pair that got negatives, in order."""
    ranks = id_ranks(miner.passages.ids)
    depth = parts[0].shape[1]
    full = min(depth, len(miner.passages))
    for start in range(0, len(parts[0]), QUERY_BLOCK):
        block = [part[start : start + QUERY_BLOCK] for part in parts]
        rankings = merge_neighbours(block, ranks, depth)
        if (rankings["row"][:, :full] < 0).any():
            raise InputError(
                f"hold fewer than {full} of the corpus's "
                f"{len(miner.passages)} passages for a query; is a part missing?",
                key="neighbours",
            )
        for pair, ranking in zip(islice(pairs, len(rankings)), rankings, strict=True):
            record = miner.mine(pair, ranking)
            if record is not None:
                yield record
    if miner.counts["without_negatives"] == miner.counts["queries"]:
        raise InputError(
            f"leaves no negative for any query: the corpus of {len(miner.passages)} "
            "passage(s) holds nothing but positives",
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
    arguments.add_argument("--seed", type=int, default=0)
    arguments.add_argument("--output", required=True, metavar="JSONL")
    arguments.add_argument("--stats", required=True, metavar="JSON")
    arguments = arguments.parse_args(argv)
    if arguments.negatives < 1:
        raise InputError(
            f"is {arguments.negatives}, expected 1 or more", key="negatives"
        )

    began = time.monotonic()
    known, pairs, replaced = Known(), 0, 0
    for pair in read_pairs(arguments.pairs):
        known.add(pair)
        pairs += 1
        replaced += bool(pair.get("neg"))
    if not pairs:
        raise InputError("holds no training pairs", file=arguments.pairs)
    parts = load_parts(arguments.neighbours, pairs)
    with Passages(arguments.corpus) as passages:
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
        miner = Miner(
            passages=passages,
            known=known,
            window=window,
            negatives=arguments.negatives,
            sampling=arguments.sampling,
            seed=arguments.seed,
        )
        kept = write_records(
            arguments.output, mined(miner, read_pairs(arguments.pairs), parts)
        )
    stats = miner.report()
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
        "wrote %d pairs in %.1f s; dropped from the windows: %s; %d negatives of %d "
        "pairs come from outside the window",
        *(kept, time.monotonic() - began),
        ", ".join(f"{rule} {count}" for rule, count in stats["dropped"].items()),
        stats["topped_up_negatives"],
        stats["topped_up"],
    )


if __name__ == "__main__":
    sys.exit(run(main))
