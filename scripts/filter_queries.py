"""Put the parts of a dataset's queries together, and set aside what will not do.

With --unite queries that differ in case and signs alone become one, whose positives are
those of all. With --round-trip a query stays only if a search for it finds a passage of
its own.
"""

from __future__ import annotations

import argparse
import logging
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from arkiv.base.cli import parser, run
from arkiv.base.errors import InputError
from arkiv.base.files import (
    Record,
    check_text,
    check_texts,
    read_object,
    read_records,
    write_json,
    write_records,
)
from arkiv.base.setting_flags import add_settings
from arkiv.encode.flags import add_embedder, add_reading, add_weights_kept
from arkiv.pairs.passages import Passages
from arkiv.queries.quality import normal_form
from arkiv.queries.settings import Queries

log = logging.getLogger("filter_queries")

SAME = "says the same as another query"
ASTRAY = "does not lead back to its passage"


def check(record: Record) -> None:
    check_text(record, "query")
    check_texts(record, "pos")
    check_texts(record, "pos_ids")


@dataclass
class Kept:
    """A query that is kept so far: its text, and the passages of those like it."""

    query: str
    positives: list[str] = field(default_factory=list)


def kept_of(
    rows: Iterator[Record], unite: bool, rejected: list[Record]
) -> dict[int, Kept]:
    """The queries that are kept, by their place.

    With `unite` those that are like one of them are set aside.
    """
    kept: dict[int, Kept] = {}
    first: dict[str | int, int] = {}
    for place, row in enumerate(rows):
        form = normal_form(row["query"]) if unite else place
        known = first.setdefault(form, place)
        if known == place:
            kept[place] = Kept(row["query"])
        else:
            detail = f"its passages became positives of: {kept[known].query}"
            rejected.append(aside(row, SAME, detail=detail))
        own = kept[known].positives
        own += [name for name in row["pos_ids"] if name not in own]
    return kept


def aside(row: Record, reason: str, **more: object) -> Record:
    """The record of a query that is set aside, without its passages' texts."""
    rest = {key: value for key, value in row.items() if key != "pos"}
    return {"reason": reason, **more, **rest}


def straying(arguments, kept: dict[int, Kept], passages: Passages) -> set[int]:
    """The places of the queries that do not lead back to a passage of theirs."""
    from arkiv.queries.round_trip import Asked, led_back_by

    asked = [
        Asked(one.query, [passages.text(passages.rows[name]) for name in one.positives])
        for one in kept.values()
    ]
    found = led_back_by(asked, passages, arguments, itself=True)
    return {place for place, back in zip(kept, found, strict=True) if not back}


def command_line(argv: list[str] | None) -> argparse.Namespace:
    """What is asked for on the command line.

    Raises:
        InputError: the round trip lacks its model.
    """
    arguments = parser(
        __doc__,
        queries="JSONL...",
        part_stats="JSON... of the parts",
        documents="JSONL",
        output="JSONL",
        rejected="JSONL",
        stats="JSON",
    )
    arguments.add_argument("--unite", action="store_true")
    add_settings(arguments, Queries, "round_trip")
    add_embedder(arguments, required=False)
    add_reading(arguments)
    add_weights_kept(arguments)
    arguments = arguments.parse_args(argv)
    if arguments.round_trip_by and not arguments.model:
        raise InputError("is not given, which the round trip needs", key="model")
    return arguments


def main(argv: list[str] | None = None) -> None:
    arguments = command_line(argv)

    def rows() -> Iterator[Record]:
        for path in arguments.queries:
            for _, row in read_records(path, check):
                yield row

    rejected: list[Record] = []
    kept = kept_of(rows(), arguments.unite, rejected)
    stray: set[int] = set()
    passages = None
    if arguments.unite or arguments.round_trip_by:
        passages = Passages(arguments.documents)
    if arguments.round_trip_by and kept:
        stray = straying(arguments, kept, passages)

    def output() -> Iterator[Record]:
        for place, row in enumerate(rows()):
            if place in stray:
                rejected.append(aside(row, ASTRAY))
            elif place in kept:
                positives = kept[place].positives
                if len(positives) > len(row["pos_ids"]):
                    texts = [passages.text(passages.rows[one]) for one in positives]
                    row |= {"pos": texts, "pos_ids": positives}
                yield row

    count = write_records(arguments.output, output())
    write_records(arguments.rejected, rejected)
    parts = [read_object(path, "statistics") for path in arguments.part_stats]
    write_json(arguments.stats, summed(parts, rejected) | {"queries": count})
    log.info("kept %d queries, set aside %d", count, len(rejected))


def summed(parts: list[Record], rejected: list[Record]) -> Record:
    """What was made of the documents, of all parts and here."""
    made = sum(part["queries"] + sum(part["rejected"].values()) for part in parts)
    reasons = Counter(record["reason"] for record in rejected)
    usage: Counter[str] = Counter()
    for part in parts:
        reasons.update(part["rejected"])
        usage.update(part.get("usage", {}))
    return {
        "wanted": made,
        "rejected": dict(sorted(reasons.items())),
        "usage": {key: round(value, 9) for key, value in sorted(usage.items())},
    }


if __name__ == "__main__":
    sys.exit(run(main))
