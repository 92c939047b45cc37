"""Merge the neighbours found in all parts and choose hard negatives for every pair.

Of the passages nearest to the query, the window (as in hn_mine's
--range_for_sampling: 2 200 is the slice [2:200) of the ranking) is cleared of
positives, of the query's own text, of repeats and of what the filters drop; the
negatives come from the rest, and a share of them from the same window of BM25's
ranking. Negatives that the pairs have already are replaced, or kept and filled up.
"""

from __future__ import annotations

import argparse
import dataclasses
import logging
import sys
import time
from collections.abc import Iterator
from functools import partial
from itertools import islice
from pathlib import Path

import numpy as np

from arkiv.base.cli import parser, run
from arkiv.base.declared import Seeded
from arkiv.base.errors import InputError
from arkiv.base.files import Record, read_object, write_json, write_records
from arkiv.base.hashing import text_key
from arkiv.base.progress import followed
from arkiv.base.setting_flags import add_settings, settings_from
from arkiv.mining.corpus import Corpus
from arkiv.mining.embeddings import CorpusEmbeddings
from arkiv.mining.filters import ORDER, filters_by, grouped
from arkiv.mining.nearest import id_ranks, load_neighbours, merge_neighbours
from arkiv.mining.negatives import Miner
from arkiv.mining.settings import PICKING, Mining, clipped_window
from arkiv.pairs.division import read_pairs
from arkiv.pairs.passages import Passages
from arkiv.pairs.settings import Pairs

log = logging.getLogger("pick_negatives")

QUERY_BLOCK = 256


def parse(argv: list[str] | None) -> tuple[argparse.Namespace, Mining]:
    """The arguments, and the settings among them, checked."""
    arguments = parser(
        __doc__,
        pairs="JSONL",
        corpus="JSONL the corpus that was searched",
        neighbours="NPY... of all parts of the corpus, as search_corpus writes them",
        queries="NPY embeddings of the queries",
        embeddings="NPY... of all parts of the corpus, in order",
        bm25="[NPY] of the whole corpus, as search_bm25 writes them",
        recall="[JSON...] of an approximate search, of all parts, for the statistics",
        output="JSONL",
        stats="JSON",
    )
    add_settings(arguments, Mining, *PICKING)
    add_settings(arguments, Pairs, "block_pages")
    add_settings(arguments, Seeded)
    arguments.add_argument(
        "--keep-given",
        action="store_true",
        help="keep negatives that the pairs have, whatever filters say, and mine only "
        "what they lack of the wanted number",
    )
    arguments = arguments.parse_args(argv)
    settings = settings_from(arguments, Mining, *PICKING)
    if bool(arguments.bm25) != (settings.bm25_share > 0):
        raise InputError(
            "goes together with --bm25: the neighbours, and a share above 0",
            key="bm25_share",
        )
    return arguments, settings


def read_known(path: str) -> tuple[dict[int, dict[str, int]], int]:
    """The positives of every query text, see `Miner`, and how many pairs there are."""
    known: dict[int, dict[str, int]] = {}
    pairs = replaced = 0
    for _, pair in read_pairs(path):
        positives = known.setdefault(text_key(pair["query"]), {})
        positives.update(zip(pair["pos_ids"], map(text_key, pair["pos"]), strict=True))
        pairs += 1
        replaced += bool(pair.get("neg"))
    if not pairs:
        raise InputError("holds no training pairs", file=path)
    log.info("read %d pairs, %d of them with negatives already", pairs, replaced)
    return known, pairs


def mined(
    miner: Miner,
    path: str,
    queries: np.ndarray,
    dense: list[np.ndarray],
    bm25: np.ndarray | None,
) -> Iterator[Record]:
    """Every pair that got negatives, in order."""
    corpus = miner.corpus.passages
    ranks = id_ranks(corpus.ids)
    depth = dense[0].shape[1]
    full = min(depth, len(corpus))
    pairs = followed(read_pairs(path), len(queries), "pairs mined")
    for start in range(0, len(queries), QUERY_BLOCK):
        block = slice(start, start + QUERY_BLOCK)
        rankings = merge_neighbours([part[block] for part in dense], ranks, depth)
        if (rankings["row"][:, :full] < 0).any():
            raise InputError(
                f"hold fewer than {full} of the corpus's {len(corpus)} passages for a "
                "query; is a part missing?",
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
                if fault.key not in ("pos_ids", "neg_ids"):
                    raise
                raise fault.at(path, line) from None
            if record is not None:
                yield record
    if miner.counts["without_negatives"] == miner.counts["queries"]:
        raise InputError(
            f"leaves no negative for any query: the corpus of {len(corpus)} passage(s) "
            "holds nothing but positives and what the filters drop",
            key="window",
        )


def write_stats(path: str, miner: Miner, recalls: list[str]) -> None:
    """Write what was counted, and say the main of it."""
    stats = miner.report()
    if recalls:
        recall = [read_object(path, "recall")["recall"] for path in recalls]
        stats["recall"] = sum(recall) / len(recall)
    write_json(path, stats)
    if stats["short"]:
        fewer = "%d pairs have fewer than %d negatives"
        log.warning(fewer, stats["short"], stats["negatives"])
    if stats["without_negatives"]:
        log.warning(
            "%d pairs have no negatives and are left out", stats["without_negatives"]
        )
    dropped = {
        one.name: sum(by[one.name] for by in stats["dropped"].values()) for one in ORDER
    }
    log.info(
        "negatives from %s; dropped %s",
        ", ".join(f"{name} {count}" for name, count in stats["sources"].items()),
        ", ".join(f"{name} {count}" for name, count in dropped.items() if count)
        or "nothing",
    )


def main(argv: list[str] | None = None) -> None:
    arguments, settings = parse(argv)

    began = time.monotonic()
    known, pairs = read_known(arguments.pairs)
    parts = load_neighbours(arguments.neighbours, pairs)
    (bm25,) = load_neighbours([arguments.bm25], pairs) if arguments.bm25 else [None]
    groups = partial(
        grouped, filters_by(vars(settings)), block_pages=arguments.block_pages
    )
    with Passages(arguments.corpus, groups) as passages:
        embeddings = CorpusEmbeddings(
            arguments.embeddings, arguments.queries, len(passages), pairs
        )
        log.info(
            "read %d passages and the neighbours of %d part(s) in %.1f s",
            len(passages),
            len(parts),
            time.monotonic() - began,
        )
        window = clipped_window(settings.window, len(passages), parts[0].shape[1])
        if window[1] < settings.window[1]:
            log.warning(
                "the window ends at rank %d, but the corpus has %d passages: clipped",
                settings.window[1],
                len(passages),
            )
        began = time.monotonic()
        folder = Path(arguments.output).parent
        miner = Miner(
            Corpus(passages, embeddings, arguments.block_pages, folder),
            known,
            dataclasses.replace(settings, window=window),
            arguments.seed,
            arguments.keep_given,
        )
        kept = write_records(
            arguments.output,
            mined(miner, arguments.pairs, embeddings.queries, parts, bm25),
        )
    log.info("wrote %d pairs in %.1f s", kept, time.monotonic() - began)
    write_stats(arguments.stats, miner, arguments.recall)


if __name__ == "__main__":
    sys.exit(run(main))
