"""Set aside the train pairs whose query does not lead back to a passage of theirs.

A pair stays if a search for its query finds one of its passages, or one that says
nearly the same, among the first --round-trip-top of the passages that negatives are
mined from. Pairs to watch training with and to measure with are never asked: a search
that is measured does not choose by what.
"""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Iterator

from arkiv.base.cli import parser, run
from arkiv.base.errors import InputError
from arkiv.base.files import Record, open_records, write_json, write_records
from arkiv.base.setting_flags import add_settings, settings_from
from arkiv.encode.flags import add_embedder, add_reading, add_weights_kept
from arkiv.pairs.division import read_pairs
from arkiv.pairs.judged import PART, percent
from arkiv.pairs.passages import Passages
from arkiv.pairs.settings import Pairs
from arkiv.queries.round_trip import Asked, led_back_by

log = logging.getLogger("filter_pairs")

ASTRAY = "no passage of it is found by its query"


def command_line(argv: list[str] | None) -> argparse.Namespace:
    """What is asked for on the command line.

    Raises:
        InputError: it is not said which search is to find the passages.
    """
    arguments = parser(
        __doc__,
        pairs="JSONL of the side of train",
        corpus="JSONL the passages on that side",
        output="JSONL",
        rejected="JSONL",
        stats="JSON",
    )
    add_settings(arguments, Pairs, "round_trip")
    add_embedder(arguments)
    add_reading(arguments)
    add_weights_kept(arguments)
    arguments = arguments.parse_args(argv)
    settings_from(arguments, Pairs, "round_trip")
    if arguments.round_trip_by is None:
        raise InputError("is not given, which decides", key="round_trip_by")
    return arguments


def main(argv: list[str] | None = None) -> None:
    arguments = command_line(argv)
    asked = [
        Asked(pair["query"], pair["pos"]) for _, pair in read_pairs(arguments.pairs)
    ]
    if not asked:
        raise InputError("holds no training pairs", file=arguments.pairs)
    top = arguments.round_trip_top
    with Passages(arguments.corpus) as passages:
        searched = len(passages)
        found = led_back_by(asked, passages, arguments)
    if not any(found):
        raise InputError(
            f"leaves none of the {len(found)} train pairs: of none is a passage among "
            f"the first {top} of {searched}; take a larger top, or look at the pairs",
            file=arguments.pairs,
            key="pairs.round_trip",
        )
    if top * PART > searched:
        log.warning(
            "the %d first that count are %s of the %d passages: luck alone keeps that "
            "share of the pairs; take a smaller top",
            *(top, percent(min(top, searched), searched), searched),
        )
    with open_records(arguments.rejected) as reject:

        def kept() -> Iterator[Record]:
            pairs = read_pairs(arguments.pairs)
            for (_, pair), back in zip(pairs, found, strict=True):
                if back:
                    yield pair
                else:
                    reject({"reason": ASTRAY, **pair})

        count = write_records(arguments.output, kept())
    astray = len(found) - count
    stats = {"pairs": len(found), "passages": searched, "kept": count}
    write_json(
        arguments.stats, stats | {"rejected": {ASTRAY: astray} if astray else {}}
    )
    log.info("kept %d of %d train pairs, set aside %d", count, len(found), astray)


if __name__ == "__main__":
    sys.exit(run(main))
