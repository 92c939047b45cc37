"""Make the gold standard of a test collection: by the method that is given.

known_item: the passages that a query was made from. teacher_pool: the grades of a pool.
embedder: the first passages of a run, graded by rank. file: judgements from elsewhere.
Passages with the text of a relevant passage, whatever its case and white space, count
as it does, and so do its near-duplicates; a query that is itself a passage is not
relevant for itself. Writes TREC qrels and what they hold, as
numbers.
"""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from arkiv.base.cli import add_on_bad_input, parser, run
from arkiv.base.errors import InputError
from arkiv.base.files import (
    Record,
    check_texts,
    read_records,
    write_json,
    write_records,
)
from arkiv.base.hashing import text_key
from arkiv.base.quantiles import quantiles
from arkiv.base.setting_flags import add_settings
from arkiv.gold.file import finder, read_judgements
from arkiv.gold.settings import Gold
from arkiv.gold.standard import (
    POOLED,
    SHARES,
    by_rank,
    check_graded,
    check_pooled,
    counts,
    pairs_of,
    relevant,
    with_known_items,
    with_near_duplicates,
    without_themselves,
)
from arkiv.pairs.passages import Passages
from arkiv.retrieve.collection import check_judged, check_passage, read_ordered
from arkiv.retrieve.trec import Qrels, read_qrels, read_run, write_qrels
from arkiv.text.duplicates_of import duplicates_of

log = logging.getLogger("build_gold")

# What each method is made from.
NEEDS = {
    "known_item": (),
    "embedder": ("run",),
    "file": ("file",),
    **dict.fromkeys(POOLED, ("pool", "grades")),
}


def texts_of(path: str) -> Iterator[tuple[str, str]]:
    """Id and text of each passage, read one at a time."""
    for _, passage in read_records(path, check_passage):
        yield passage["id"], passage["text"]


def graded(arguments: argparse.Namespace, known: Qrels) -> tuple[Qrels, dict[str, Any]]:
    """The grades of a pool, and what is told of them."""
    pooled = {
        (pair["query_id"], pair["passage_id"])
        for _, pair in read_records(arguments.pool, check_pooled)
    }
    qrels: Qrels = {}
    scores: dict[str, list[float]] = {"known_items": [], "others": []}
    for path in arguments.grades:
        for line, row in read_records(path, check_graded):
            pair = row["query_id"], row["passage_id"]
            if pair not in pooled:
                raise InputError(
                    f"grades the passage {pair[1]} for the query {pair[0]}, a pair "
                    f"that {arguments.pool} lacks or that is graded already",
                    file=path,
                    line=line,
                )
            pooled.remove(pair)
            qrels.setdefault(pair[0], {})[pair[1]] = row["grade"]
            if row.get("score") is not None:
                kind = "known_items" if pair[1] in known.get(pair[0], ()) else "others"
                scores[kind].append(row["score"])
    told = {
        "pooled": len(pooled) + sum(map(len, qrels.values())),
        "ungraded": len(pooled),
        "scores": {
            kind: {
                share: round(value, 4)
                for share, value in quantiles(values, SHARES).items()
            }
            for kind, values in scores.items()
        },
    }
    return qrels, told


def judged(
    arguments: argparse.Namespace, queries: list[Record], known: Qrels
) -> tuple[Qrels, dict[str, Any]]:
    """The judgements of the method alone, and what is told of them."""
    if arguments.method == "known_item":
        return known, {}
    if arguments.method in POOLED:
        return graded(arguments, known)
    if arguments.method == "embedder":
        found = read_run(arguments.run, depth=arguments.depth)
        return {key: by_rank(ids) for key, ids in found.items()}, {}
    rejected: list[Record] | None = [] if arguments.on_bad_input == "skip" else None
    qrels = read_judgements(
        arguments.file,
        finder("query", ((query["id"], query["query"]) for query in queries)),
        finder("passage", texts_of(arguments.corpus)),
        rejected,
    )
    return qrels, {"rejected": rejected or []}


def check_held(qrels: Qrels, passages: Passages, corpus: str) -> None:
    """Refuse, by an InputError, a relevant passage that the corpus lacks."""
    wanted = {key for grades in relevant(qrels).values() for key in grades}
    if lacking := wanted - passages.rows.keys():
        raise InputError(
            f"lacks the passage {min(lacking)}, which is judged relevant", file=corpus
        )


def near_duplicates_of(
    qrels: Qrels, passages: Passages, jaccard: float | None, folder: Path
) -> dict[str, list[str]]:
    """Of each relevant passage the ids of those with its text, and of those nearly so.

    Args:
        jaccard: of near-duplicates; None: none but those with the same text.
        folder: where there is room for a file.
    """
    wanted = sorted(
        {passages.rows[key] for grades in relevant(qrels).values() for key in grades}
    )
    order = np.argsort(passages.keys, kind="stable")
    in_order = passages.keys[order]
    starts, ends = (
        np.searchsorted(in_order, passages.keys[wanted], side)
        for side in ("left", "right")
    )
    found = [
        set(order[start:end].tolist()) for start, end in zip(starts, ends, strict=True)
    ]
    if jaccard is not None:
        texts = list(map(passages.text, wanted))
        every = map(passages.text, range(len(passages)))
        near = duplicates_of(texts, every, jaccard, folder)
        found = [same.union(rows) for same, rows in zip(found, near, strict=True)]
    return {
        passages.ids[own]: [passages.ids[row] for row in sorted(rows - {own})]
        for own, rows in zip(wanted, found, strict=True)
    }


def themselves(queries: list[Record], passages: Passages) -> dict[str, set[str]]:
    """Of each query that is itself a passage the passages that have its text."""
    ids = {text_key(query["query"]): query["id"] for query in queries}
    rows = np.flatnonzero(np.isin(passages.keys, np.array(list(ids), np.uint64)))
    found: dict[str, set[str]] = {}
    for row in rows.tolist():
        found.setdefault(ids[int(passages.keys[row])], set()).add(passages.ids[row])
    return found


def check_trained(record: Record) -> None:
    """Refuse a record that is not a pair to train on, with ids."""
    check_judged(record)
    check_texts(record, "pos")


def trained_on(
    paths: list[str], queries: list[Record], qrels: Qrels, passages: Passages
) -> dict[str, int]:
    """How many test queries, and how many relevant passages, are trained on."""
    asked: set[int] = set()
    taught: set[str | int] = set()
    for path in paths:
        for _, pair in read_records(path, check_trained):
            asked.add(text_key(pair["query"]))
            taught.update(pair["pos_ids"], map(text_key, pair["pos"]))
    found = [
        passage_id in taught or int(passages.keys[passages.rows[passage_id]]) in taught
        for _, passage_id in pairs_of(relevant(qrels))
    ]
    return {
        "queries_trained_on": sum(text_key(row["query"]) in asked for row in queries),
        "relevant_trained_on": sum(found),
    }


def command_line(argv: list[str] | None) -> argparse.Namespace:
    """What is asked for on the command line."""
    arguments = parser(
        __doc__,
        corpus="JSONL",
        queries="JSONL",
        known_items="TREC",
        pool="[JSONL] what was to be graded",
        grades="[JSONL...] of the pool",
        run="[TREC] of the embedder",
        file="[FILE] qrels, or JSONL of {query, documents}",
        trained="[JSONL...] pairs that are trained on, to count what of them is tested",
        qrels="TREC",
        stats="JSON",
    )
    add_settings(arguments, Gold, "method", "depth", "duplicate_jaccard")
    arguments.add_argument(
        "--known-grade",
        type=int,
        default=0,
        help="the lowest grade of a known item of the pool, whatever its own",
    )
    add_on_bad_input(arguments, Gold)
    return arguments.parse_args(argv)


def main(argv: list[str] | None = None) -> None:
    arguments = command_line(argv)
    method = arguments.method
    for need in NEEDS[method]:
        if not getattr(arguments, need):
            raise InputError(
                f"is missing, the method {method} needs it", key=f"--{need}"
            )
    queries = read_ordered(arguments.queries, queries=True)
    query_ids = [query["id"] for query in queries]
    known = read_qrels(arguments.known_items, may_be_empty=True)
    own, told = judged(arguments, queries, known)
    rejected = told.pop("rejected", [])
    if strays := own.keys() - set(query_ids):
        raise InputError(
            f"lacks the query {min(strays)}, which is judged", file=arguments.queries
        )
    refused = len(pairs_of(known)) - len(pairs_of(known) & pairs_of(relevant(own)))
    qrels = own
    if method in POOLED and arguments.known_grade:
        qrels = with_known_items(own, known, arguments.known_grade)
    folder = Path(arguments.qrels).parent
    folder.mkdir(parents=True, exist_ok=True)
    with Passages(arguments.corpus) as passages:
        check_held(qrels, passages, arguments.corpus)
        near = near_duplicates_of(qrels, passages, arguments.duplicate_jaccard, folder)
        qrels, added = with_near_duplicates(qrels, near)
        qrels, of_themselves = without_themselves(qrels, themselves(queries, passages))
        if not relevant(qrels):
            raise InputError(
                "holds no relevant passage for any query", key="gold.method"
            )
        trained = trained_on(arguments.trained, queries, qrels, passages)
    write_qrels(arguments.qrels, qrels)
    stats = {
        "method": method,
        **counts(qrels, query_ids),
        "near_duplicates": added,
        **({"queries_themselves": of_themselves} if of_themselves else {}),
        "known_items": len(pairs_of(known)),
        "known_items_not_relevant": refused,
        **trained,
        "rejected": len(rejected),
        **told,
    }
    write_records(arguments.rejected, rejected)
    write_json(arguments.stats, stats)
    if without := stats["queries_without_relevant"]:
        log.warning("%d test queries have no relevant passage", without)
    if of_themselves:
        log.warning(
            "%d passages have the text of the query that they are relevant to, and are "
            "left out: no query is to find itself",
            of_themselves,
        )
    if seen := stats["queries_trained_on"]:
        log.warning(
            "%d test queries are trained on, which flatters the tuned model", seen
        )
    if rejected:
        log.warning("%d judgements of %s are set aside", len(rejected), arguments.file)
    log.info("%s", ", ".join(f"{key} {value}" for key, value in stats.items()))


if __name__ == "__main__":
    sys.exit(run(main))
