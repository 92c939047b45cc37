"""Divide a dataset's query-passage pairs into train, dev and test without leakage.

Reads the queries made from documents, or ready files of FlagEmbedding rows, and
writes the three sides, the corpus that evaluation searches (every passage, those of a
pool of candidates included) and the corpus that mining searches (the passages on the
train side alone, so that no held-out passage is seen in training).
"""

from __future__ import annotations

import argparse
import contextlib
import logging
import sys
from collections import Counter
from collections.abc import Hashable, Iterator
from dataclasses import dataclass, field
from itertools import chain

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
from arkiv.base.hashing import content_id, text_key
from arkiv.base.setting_flags import add_settings, settings_from
from arkiv.pairs.aside import NO_NEGATIVE, tell, why_aside
from arkiv.pairs.division import (
    SPLITS,
    Division,
    check_pair,
    divide,
    text_keys,
    with_ids,
)
from arkiv.pairs.given import SPLIT, check_side
from arkiv.pairs.held_out import HeldOut
from arkiv.pairs.periods import UNDATED, Periods
from arkiv.pairs.pool import read_pool
from arkiv.pairs.provenance import PLACE
from arkiv.pairs.settings import Pairs, Shares, check_pairs
from arkiv.pairs.shares import check_left, compared
from arkiv.pairs.uniting import united

log = logging.getLogger("split_pairs")

# What is given of a place decides where a passage of a pool stands.
NAMED_PLACE = ("volume", "group", "year")
SCORES = ("pos_scores", "neg_scores")


def only(record: Record, *keys: str) -> Record:
    """What a record has of these keys."""
    return {key: record[key] for key in keys if key in record}


def check_scored(record: Record) -> None:
    """Refuse, by an InputError, a checked row without the teacher's scores."""
    for texts, key in zip(("pos", "neg"), SCORES, strict=True):
        if record.get(texts) and record.get(key) is None:
            raise InputError(
                f"is missing, expected a number for each text of `{texts}`; give the "
                "file as `negatives` to have the teacher score it",
                key=key,
            )


def rows(
    arguments: argparse.Namespace, rejected: list[Record] | None
) -> Iterator[tuple[str, int, Record]]:
    """File, line and pair of all rows, as they stand there."""

    def check(record: Record) -> None:
        check_pair(record)
        check_side(record)
        if arguments.scores:
            check_scored(record)

    for path in arguments.input:
        for line, record in read_records(path, check, rejected=rejected):
            yield path, line, record


def keyed(pair: Record) -> Record:
    """What the division needs of a pair: ids, its place and side, of texts their
    keys."""
    pair = with_ids(only(pair, "query", "pos", SPLIT, *PLACE))
    known = only(pair, "id", "pos_ids", SPLIT, *PLACE)
    return known | {"text_keys": text_keys(pair)}


@dataclass
class Rows:
    """What the first reading finds.

    Attributes:
        keys: of each row what the division needs.
        scored: how many have the teacher's scores of all their texts.
        without: where the first row without a negative stands.
    """

    keys: list[Record] = field(default_factory=list)
    scored: int = 0
    without: tuple[str, int] | None = None

    @classmethod
    def read(cls, arguments: argparse.Namespace, rejected: list[Record] | None) -> Rows:
        """Of all files.

        Raises:
            InputError: as `read_records`, or there is no row.
        """
        found = cls()
        for path, line, row in rows(arguments, rejected):
            found.keys.append(keyed(row))
            found.scored += all(row.get(key) is not None for key in SCORES)
            if found.without is None and not row.get("neg"):
                found.without = path, line
        if not found.keys:
            reason = "holds no usable pair"
            if rejected:
                reason += f"; line {rejected[0]['line']}: {rejected[0]['reason']}"
            raise InputError(reason, file=arguments.input[0])
        log.info("read %d pairs from %d file(s)", len(found.keys), len(arguments.input))
        return found

    def again(self, arguments: argparse.Namespace) -> Iterator[Record]:
        """The rows once more; scores that only some have are left out of all."""
        partly = not arguments.scores and self.scored < len(self.keys)
        if partly and self.scored:
            log.warning(
                "%d of %d rows have the teacher's scores, which are left out",
                self.scored,
                len(self.keys),
            )
        # Bad lines were collected (or stopped the program) in the first reading.
        for _, _, row in rows(arguments, []):
            if partly:
                for key in SCORES:
                    row.pop(key, None)
            yield row


def held_out(arguments: argparse.Namespace) -> HeldOut:
    """What test queries of other datasets hold out; their own division tells of lines
    that are none."""
    rejected: list[Record] | None = [] if arguments.on_bad_input == "skip" else None
    return HeldOut.of(
        keyed(pair)
        for path in arguments.held_out
        for _, pair in read_records(path, check_pair, rejected=rejected)
    )


def origins(
    arguments: argparse.Namespace, keys: list[Record], rejected: list[Record] | None
) -> dict[str, Record]:
    """Where each document stands, by the id that its text has in pairs; of a pool
    those that are positives."""
    path = arguments.documents
    documents = (document for _, document in read_records(path)) if path else ()
    found = {content_id(one["text"]): only(one, *PLACE) for one in documents}
    positives = {name for pair in keys for name in pair["pos_ids"]}
    for one in read_pool(arguments.pool, rejected):
        placed = any(one.get(key) is not None for key in NAMED_PLACE)
        if placed and one["id"] in positives:
            found.setdefault(one["id"], only(one, *PLACE))
    return found


def divided(
    arguments: argparse.Namespace,
    settings: Pairs,
    shares: dict[str, float],
    found: Rows,
    rejected: list[Record] | None,
) -> Division:
    """On which side each pair and passage is."""
    keys = found.keys
    if arguments.role:
        others = sum(pair.get(SPLIT) in ("train", "dev") for pair in keys)
        if others and arguments.role == "test":
            log.warning(
                "%d rows say by `%s` that they are not for test, and are test queries "
                "all the same (`role: test`)",
                others,
                SPLIT,
            )
        return Division(settings.group_by, settings.block_pages, only=arguments.role)
    held = held_out(arguments)
    by_year = settings.group_by == "year"
    division = divide(
        keys,
        shares,
        by=settings.group_by,
        block_pages=settings.block_pages,
        seed=arguments.seed,
        origins=origins(arguments, [*keys, *held.pairs], rejected),
        periods=Periods(settings.test_years, settings.dev_years) if by_year else None,
        held=held,
    )
    if held:
        asked = sum(held.among(pair["text_keys"]) for pair in keys)
        log.info(
            "%d pairs share a text with one of %d test queries of other datasets",
            asked,
            len(held.pairs),
        )
    return division


def write_sides(
    arguments: argparse.Namespace, division: Division, found: Rows, stats: dict
) -> tuple[dict[str, Record], list[Record]]:
    """Write the three sides; return the passages met and the pairs set aside."""
    passages: dict[str, Record] = {}
    aside: list[Record] = []
    counts: Counter[str] = Counter()

    def asks(row: Record) -> Hashable:
        """Of rows that ask the same; by side, where the rows say which."""
        key = row["text_keys"][0] if "text_keys" in row else text_key(row["query"])
        return key, division.pair_side(row) if division.given else None

    repeats = Counter(map(asks, found.keys))
    with contextlib.ExitStack() as stack:
        write = {
            split: stack.enter_context(open_records(getattr(arguments, split)))
            for split in SPLITS
        }
        for pair, own, origins, dropped in united(
            found.again(arguments), asks, repeats
        ):
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
            elif side == "train" and arguments.negatives and not pair.get("neg"):
                aside.append({"reason": NO_NEGATIVE, **pair})
            else:
                counts[side] += 1
                write[side](pair)
    stats |= {key: counts[key] for key in (*SPLITS, "positives_as_negatives")}
    return passages, aside


def whole_corpus(
    arguments: argparse.Namespace, passages: dict[str, Record], division: Division
) -> Iterator[Record]:
    """Every document, every passage of the pool, and every other one, with its side."""
    path = arguments.documents
    documents = (document for _, document in read_records(path)) if path else ()
    pool = (
        passages.get(one["id"], {})
        | {key: value for key, value in one.items() if value is not None}
        for one in read_pool(arguments.pool, [])
    )
    seen: set[str] = set()
    for document in chain(documents, pool):
        document["id"] = name = content_id(document["text"])
        document.pop("positive", None)
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


def command_line(argv: list[str] | None) -> argparse.Namespace:
    """What is asked for on the command line."""
    arguments = parser(
        __doc__,
        input="JSONL...",
        documents="[JSONL] all documents of the archive, those without a query "
        "included",
        pool="[JSONL...] passages to search beside those of the pairs",
        held_out="[JSONL...] pairs of other datasets that are all test queries: what "
        "they ask of is test here too",
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
    arguments.add_argument(
        "--role",
        choices=("train", "test"),
        help="put all pairs and passages on this side",
    )
    for flag, told in (
        ("--negatives", "pairs that are trained on need a negative: they bring it"),
        ("--scores", "all rows need the teacher's scores: they bring them"),
    ):
        arguments.add_argument(flag, action="store_true", help=told)
    return arguments.parse_args(argv)


def main(argv: list[str] | None = None) -> None:
    arguments = command_line(argv)
    settings = settings_from(
        arguments, Pairs, "group_by", "block_pages", "test_years", "dev_years"
    )
    shares = dict(zip(SPLITS, arguments.shares, strict=True))
    check_pairs(plain(settings) | {"shares": shares})
    by_year = settings.group_by == "year" and not arguments.role
    rejected: list[Record] | None = [] if arguments.on_bad_input == "skip" else None
    found = Rows.read(arguments, rejected)
    keys = found.keys
    division = divided(arguments, settings, shares, found, rejected)

    queries = {pair["text_keys"][0] for pair in keys}
    stats: dict = {"pairs": len(keys), "queries": len(queries)}
    if by_year:
        stats["undated"] = sum(UNDATED in division.periods_of(pair) for pair in keys)
    passages, aside = write_sides(arguments, division, found, stats)
    reasons = Counter(row["reason"] for row in aside)
    stats["groups_given_to_several_sides"] = division.parted
    tell(stats, reasons, found.without)
    as_asked = {}
    if not arguments.role:
        check_left(arguments.input[0], shares, stats, reasons, division)
        as_asked["shares"] = compared(division, shares, len(keys), stats, reasons)

    stats["passages"] = write_records(
        arguments.corpus, whole_corpus(arguments, passages, division)
    )
    everything = (row for _, row in read_records(arguments.corpus))
    of_train = (row for row in everything if row["split"] == "train")
    stats["mining_passages"] = write_records(arguments.mining, of_train)
    stats["held_out_negatives"] = held_out_negatives(arguments.corpus, arguments.train)
    stats |= {
        "groups": division.groups,
        "bad_lines": len(rejected or ()),
        "set_aside": dict(sorted(reasons.items())),
    }
    write_records(arguments.rejected, [*(rejected or ()), *aside])
    write_json(arguments.stats, stats | as_asked)
    log.info("%s", ", ".join(f"{key} {value}" for key, value in stats.items()))


if __name__ == "__main__":
    sys.exit(run(main))
