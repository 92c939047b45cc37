"""Divide a dataset's query-passage pairs into train, dev and test without leakage.

Reads the queries made from documents, or a ready file of FlagEmbedding rows, and
writes the three sides, the corpus that evaluation searches (every passage) and the
corpus that mining searches (the passages on the train side alone, so that no held-out
passage is seen in training).
"""

from __future__ import annotations

import argparse
import contextlib
import logging
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from arkiv.base.cli import add_on_bad_input, parser, run
from arkiv.base.declared import Seeded, plain
from arkiv.base.errors import InputError
from arkiv.base.files import (
    Record,
    open_records,
    read_records,
    write_json,
    write_records,
)
from arkiv.base.hashing import content_id, nfc, text_key
from arkiv.base.setting_flags import add_settings, settings_from
from arkiv.pairs.division import (
    SPLITS,
    Division,
    check_pair,
    divide,
    merged,
    text_keys,
    with_ids,
)
from arkiv.pairs.periods import BETWEEN, UNDATED, Periods
from arkiv.pairs.provenance import PLACE, origin_of
from arkiv.pairs.settings import Pairs, Shares, check_pairs

log = logging.getLogger("split_pairs")

# Why a pair is on no side.
OF_PAGES = "its pages lie on more than one side of the split"
OF_YEARS = "the years of its volume lie on more than one side of the split"
OF_TEXTS = "a text of it, or another passage, is of years on another side of the split"


def only(record: Record, *keys: str) -> Record:
    """What a record has of these keys."""
    return {key: record[key] for key in keys if key in record}


def origins(path: str | None) -> dict[str, Record]:
    """Where each document stands, by the id that its text has in pairs."""
    documents = (document for _, document in read_records(path)) if path else ()
    return {content_id(one["text"]): only(one, *PLACE) for one in documents}


def rows(paths: list[str], rejected: list[Record] | None) -> Iterator[Record]:
    """The pairs of all files, as they stand there."""
    for path in paths:
        for _, record in read_records(path, check_pair, rejected=rejected):
            yield record


def keyed(pair: Record) -> Record:
    """What the division needs of a pair: ids and its place, of texts their keys."""
    pair = with_ids(only(pair, "query", "pos", *PLACE))
    known = only(pair, "id", "pos_ids", *PLACE)
    return known | {"text_keys": text_keys(pair)}


class United(NamedTuple):
    """A pair of all rows that ask the same.

    Attributes:
        pair: with ids.
        rows: what it was made of, with ids.
        origins: where each positive stands, by its id.
        dropped: how many given negatives are positives of it.
    """

    pair: Record
    rows: list[Record]
    origins: dict[str, Record]
    dropped: int


def united(pairs: Iterator[Record], repeats: Counter[int]) -> Iterator[United]:
    """One pair for each query text, see `merged`, where the last of its rows stands.

    Args:
        pairs: of all rows, without ids.
        repeats: how often each text stands as a query, by its key.
    """
    waiting: dict[int, list[Record]] = {}
    for pair in pairs:
        key = text_key(pair["query"])
        same = waiting.setdefault(key, [])
        same.append(pair)
        if len(same) < repeats[key]:
            continue
        del waiting[key]
        with_own_ids = list(map(with_ids, same))
        pair = merged(same) if len(same) > 1 else with_own_ids[0]
        given = [text for one in same for text in one.get("neg", ())]
        dropped = 0
        if len(pair.get("neg", ())) < len(given):
            positives = set(map(text_key, pair["pos"]))
            dropped = sum(text_key(text) in positives for text in given)
        origins = {
            content_id(text): origin_of(row)
            for row in reversed(same)
            for text in map(nfc, row["pos"])
        }
        yield United(pair, with_own_ids, origins, dropped)


def why_aside(division: Division, rows: Iterable[Record]) -> str:
    """Why a pair that was made of these rows is on no side."""
    if division.periods is None:
        return OF_PAGES
    of_years = any(BETWEEN in division.periods_of(row) for row in rows)
    return OF_YEARS if of_years else OF_TEXTS


def write_sides(
    arguments, division: Division, repeats: Counter[int], stats: dict
) -> tuple[dict[str, Record], list[Record]]:
    """Write the three sides; return the passages met and the pairs set aside."""
    passages: dict[str, Record] = {}
    aside: list[Record] = []
    counts: Counter[str] = Counter()
    with contextlib.ExitStack() as stack:
        write = {
            split: stack.enter_context(open_records(getattr(arguments, split)))
            for split in SPLITS
        }
        # Bad lines were collected (or stopped the program) in the first reading.
        for pair, own, origins, dropped in united(rows(arguments.input, []), repeats):
            counts["positives_as_negatives"] += dropped
            # Each row's pages and years count.
            sides = set(map(division.pair_side, own))
            side = sides.pop() if len(sides) == 1 else None
            for name, text in zip(pair["pos_ids"], pair["pos"], strict=True):
                if name not in passages or not passages[name]["positive"]:
                    origin = origins[name] | {"positive": True}
                    passages[name] = {"id": name, "text": text, **origin}
            given = zip(pair.get("neg_ids", ()), pair.get("neg", ()), strict=True)
            for name, text in given:
                passages.setdefault(name, {"id": name, "text": text, "positive": False})
            if side is None:
                aside.append({"reason": why_aside(division, own), **pair})
                continue
            counts[side] += 1
            write[side](pair)
    stats |= {key: counts[key] for key in (*SPLITS, "positives_as_negatives")}
    if counts["positives_as_negatives"]:
        log.warning(
            "%d given negatives are positives of their query and are left out",
            counts["positives_as_negatives"],
        )
    return passages, aside


def whole_corpus(
    documents: str | None, passages: dict[str, Record], division: Division
) -> Iterator[Record]:
    """Every document, and every passage that is none of them, with its side."""
    seen: set[str] = set()
    if documents:
        for _, document in read_records(documents):
            document["id"] = name = content_id(document["text"])
            if name not in seen:
                seen.add(name)
                yield document | {"split": division.side(document, name)}
    for passage_id, passage in passages.items():
        if passage_id in seen:
            continue
        del passage["positive"]
        yield passage | {"split": division.side(passage, passage_id)}


def held_out_negatives(corpus: str, train: str) -> int:
    """How many given negatives of train pairs are passages of dev or test."""
    # What has one text with a passage of dev or test is not on the side of train.
    others = {
        one["id"]: (text_key(one["text"]), one["split"])
        for _, one in read_records(corpus)
        if one["split"] != "train"
    }
    texts = {key for key, split in others.values() if split is not None}
    held_out = {name for name, (key, _) in others.items() if key in texts}
    given = (pair.get("neg_ids", ()) for _, pair in read_records(train))
    count = sum(passage_id in held_out for ids in given for passage_id in ids)
    if count:
        log.warning(
            "%d given negatives of train pairs are positives of dev or test; they are "
            "kept, and can only make the tuned model look worse",
            count,
        )
    return count


def nothing_left(split: str, by_year: bool) -> InputError:
    """What is said where all pairs of a side were set aside."""
    if by_year:
        return InputError(
            f"leaves no pair for {split}: the texts of all are of held-out years too",
            key="pairs.test_years",
        )
    return InputError(
        f"no pair is left for {split}: all its documents run over the end of "
        "their block of pages; use a larger block",
        key="pairs.block_pages",
    )


def command_line(argv: list[str] | None) -> argparse.Namespace:
    """What is asked for on the command line."""
    arguments = parser(
        __doc__,
        input="JSONL...",
        documents="[JSONL] all documents of the archive, those without a query "
        "included",
        **dict.fromkeys((*SPLITS, "corpus", "mining"), "JSONL"),
        stats="JSON",
    )
    arguments.add_argument(
        "--shares",
        nargs=3,
        type=float,
        default=list(plain(Shares()).values()),
        metavar=("TRAIN", "DEV", "TEST"),
        help="of the pairs on each side",
    )
    add_settings(arguments, Pairs, "group_by", "block_pages", "test_years", "dev_years")
    add_settings(arguments, Seeded)
    add_on_bad_input(arguments, Pairs)
    return arguments.parse_args(argv)


def main(argv: list[str] | None = None) -> None:
    arguments = command_line(argv)
    settings = settings_from(
        arguments, Pairs, "group_by", "block_pages", "test_years", "dev_years"
    )
    check_pairs(plain(settings))
    by_year = settings.group_by == "year"
    rejected: list[Record] | None = [] if arguments.on_bad_input == "skip" else None
    keys = [keyed(pair) for pair in rows(arguments.input, rejected)]
    if not keys:
        reason = "holds no usable pair"
        if rejected:
            reason += f"; line {rejected[0]['line']}: {rejected[0]['reason']}"
        raise InputError(reason, file=arguments.input[0])
    log.info("read %d pairs from %d file(s)", len(keys), len(arguments.input))
    repeats = Counter(pair["text_keys"][0] for pair in keys)
    division = divide(
        keys,
        dict(zip(SPLITS, arguments.shares, strict=True)),
        by=settings.group_by,
        block_pages=settings.block_pages,
        seed=arguments.seed,
        origins=origins(arguments.documents),
        periods=Periods(settings.test_years, settings.dev_years) if by_year else None,
    )

    stats: dict = {"pairs": len(keys), "queries": len(repeats)}
    if by_year:
        stats["undated"] = sum(UNDATED in division.periods_of(pair) for pair in keys)
    passages, aside = write_sides(arguments, division, repeats, stats)
    for split, share in zip(SPLITS, arguments.shares, strict=True):
        if by_year and split != "train" and not stats[split]:
            log.warning("no pair is of the years of %s, or none is left", split)
        elif share > 0 and not stats[split]:
            raise nothing_left(split, by_year)

    stats["passages"] = write_records(
        arguments.corpus, whole_corpus(arguments.documents, passages, division)
    )
    everything = (row for _, row in read_records(arguments.corpus))
    of_train = (row for row in everything if row["split"] == "train")
    stats["mining_passages"] = write_records(arguments.mining, of_train)
    stats["held_out_negatives"] = held_out_negatives(arguments.corpus, arguments.train)
    reasons = Counter(row["reason"] for row in aside)
    stats |= {
        "groups": division.groups,
        "bad_lines": len(rejected or ()),
        "set_aside": dict(sorted(reasons.items())),
    }
    write_records(arguments.rejected, [*(rejected or ()), *aside])
    write_json(arguments.stats, stats)
    log.info("%s", ", ".join(f"{key} {value}" for key, value in stats.items()))


if __name__ == "__main__":
    sys.exit(run(main))
