"""Count how many train queries lead back to a passage of theirs, before training.

Each query (of many a sample) is searched for among the passages that negatives are
mined from, by the embeddings of the model that mines them and by BM25. Of rows that
bring their negatives along, it is also counted how many of these the embeddings prefer
to the positive; of mined ones the audit knows that.
"""

from __future__ import annotations

import argparse
import heapq
import logging
import sys
from collections.abc import Iterator, Sequence

import numpy as np

from arkiv.base.cli import parser, run
from arkiv.base.declared import Seeded
from arkiv.base.errors import InputError
from arkiv.base.files import Record, write_json
from arkiv.base.hashing import text_key, uniform
from arkiv.base.setting_flags import add_settings
from arkiv.mining.embeddings import CorpusEmbeddings
from arkiv.mining.nearest import exact_scores
from arkiv.pairs.division import read_pairs
from arkiv.pairs.judged import MOST, TOP, percent, top_of
from arkiv.pairs.passages import Passages
from arkiv.queries.round_trip import Asked, by_id, depth_for, found_at
from arkiv.retrieve.bm25 import BM25Index, TokenIds
from arkiv.retrieve.rankings import Ranking, descending, search_dense

log = logging.getLogger("judge_pairs")

# Vectors read at once.
BLOCK = 1 << 14


def drawn(path: str, most: int, seed: int) -> tuple[list[tuple[int, Record]], int]:
    """So many pairs of a file with their places, in its order, and how many it has.

    Which, depends on seed and ids alone.
    """
    places = heapq.nsmallest(
        most,
        (
            (uniform(seed, "judged", pair["id"]), place)
            for place, (_, pair) in enumerate(read_pairs(path))
        ),
    )
    chosen = {place for _, place in places}
    count, found = 0, []
    for place, (_, pair) in enumerate(read_pairs(path)):
        count += 1
        if place in chosen:
            found.append((place, pair))
    if not found:
        raise InputError("holds no training pairs", file=path)
    return found, count


def nearest(
    asked: np.ndarray, embeddings: CorpusEmbeddings, rows: np.ndarray, depth: int
) -> list[np.ndarray]:
    """Of each query the places among the rows of the nearest passages, best first.

    The vectors are read a block at a time, once: those of a million passages are 2 GB.

    Args:
        asked: (n_queries, dim) float16.
        embeddings: of all passages.
        rows: of the passages that are searched, in the order by which ties go.
        depth: passages per query.
    """
    none = Ranking(np.zeros(0, np.int64), np.zeros(0, np.float32))
    found = [none] * len(asked)
    for start in range(0, len(rows), BLOCK):
        vectors = embeddings.take(rows[start : start + BLOCK]).astype(np.float32)
        for query, own in enumerate(search_dense(asked, vectors, depth)):
            places = np.concatenate([found[query].rows, start + own.rows])
            scores = np.concatenate([found[query].scores, own.scores])
            # Places of one score are in their order already.
            first = descending(scores)[:depth]
            found[query] = Ranking(places[first], scores[first])
    return [one.rows for one in found]


def searched(
    asked: Sequence[Asked],
    vectors: np.ndarray,
    passages: Passages,
    embeddings: CorpusEmbeddings,
    model: str,
) -> Record:
    """How many of the queries lead back to a passage of theirs, by each search.

    Args:
        asked: queries with their passages.
        vectors: (n_queries, dim) float16, theirs.
        passages: that are searched.
        embeddings: of the passages.
        model: whose tokens BM25 counts.
    """
    counts: Record = {"top": top_of(len(passages)), f"lost_at_{TOP}": None}
    counts |= {"found": None, "lost": None}
    if not (top := counts["top"]):
        return counts
    rows = by_id(passages)
    deepest = TOP if len(passages) > TOP else top
    depth = depth_for(asked, passages, deepest)
    lexical = BM25Index(map(passages.text, rows), TokenIds(model))
    found = {
        "dense": nearest(vectors, embeddings, rows, depth),
        "bm25": (
            one.rows for one in lexical.rankings([one.query for one in asked], depth)
        ),
    }
    ranks = {
        name: np.array(
            [
                deepest if rank is None else rank
                for rank in found_at(
                    *(asked, passages, (rows[places] for places in each), deepest)
                )
            ]
        )
        for name, each in found.items()
    }
    best = np.min(list(ranks.values()), axis=0)
    counts["found"] = {name: int((of < top).sum()) for name, of in ranks.items()}
    counts["lost"] = int((best >= top).sum())
    if len(passages) > TOP:
        counts[f"lost_at_{TOP}"] = int((best >= TOP).sum())
    return counts


def preferred(
    pairs: Sequence[Record],
    vectors: np.ndarray,
    passages: Passages,
    embeddings: CorpusEmbeddings,
) -> Record | None:
    """How many given negatives the embeddings prefer to the positive that has least.

    Passages that are not among those embedded, as held-out ones, are not compared.
    """
    row_of = {int(passages.keys[row]): row for row in passages.distinct_rows().tolist()}

    def scores(texts: Sequence[str], vector: np.ndarray) -> np.ndarray:
        known = [row_of[key] for key in map(text_key, texts) if key in row_of]
        return exact_scores(embeddings.take(np.array(known, np.int64)) @ vector)

    counts = dict.fromkeys(("of", "above", "pairs", "pairs_above"), 0)
    for pair, vector in zip(pairs, vectors.astype(np.float64), strict=True):
        positive, negative = (scores(pair[side], vector) for side in ("pos", "neg"))
        if len(positive) and len(negative):
            above = int((negative > positive.min()).sum())
            counts["of"] += len(negative)
            counts["above"] += above
            counts["pairs"] += 1
            counts["pairs_above"] += above > 0
    return counts if counts["pairs"] else None


def command_line(argv: list[str] | None) -> argparse.Namespace:
    """What is asked for on the command line."""
    arguments = parser(
        __doc__,
        pairs="JSONL of the side of train",
        corpus="JSONL the passages on that side",
        queries="NPY embeddings of the queries",
        embeddings="NPY... of all parts of the corpus, in order",
        tokenizer="MODELDIR",
        output="JSON",
    )
    arguments.add_argument(
        "--given", action="store_true", help="the rows' own negatives are trained on"
    )
    add_settings(arguments, Seeded)
    return arguments.parse_args(argv)


def main(argv: list[str] | None = None) -> None:
    arguments = command_line(argv)
    chosen, count = drawn(arguments.pairs, MOST, arguments.seed)
    places, pairs = map(list, zip(*chosen, strict=True))
    with Passages(arguments.corpus) as passages:
        embeddings = CorpusEmbeddings(
            arguments.embeddings, arguments.queries, len(passages), count
        )
        vectors = np.asarray(embeddings.queries[places])
        asked = [Asked(pair["query"], pair["pos"]) for pair in pairs]
        given = vectors, passages, embeddings
        found = {"pairs": count, "judged": len(pairs), "passages": len(passages)}
        found |= searched(asked, *given, arguments.tokenizer)
        with_negatives = arguments.given and all(pair.get("neg") for pair in pairs)
        found["negatives"] = preferred(pairs, *given) if with_negatives else None
    write_json(arguments.output, found)
    for line in told(found):
        log.info("%s", line)


def told(found: Record) -> Iterator[str]:
    """What was counted, in words."""
    judged = found["judged"]
    yield f"searched for {judged} of {found['pairs']} train queries"
    if found["lost"] is not None:
        yield (
            f"of {percent(found['lost'], judged)} no search finds the passage among "
            f"the first {found['top']} of {found['passages']}"
        )


if __name__ == "__main__":
    sys.exit(run(main))
