"""Respell and misread some texts of a dataset's train rows.

So many texts as --share says, by one of the ways each: a variant of spelling, or noise.
Ids and scores of the rows stay; `altered` tells what the texts were, and is no part of
what is trained on.
"""

from __future__ import annotations

import functools
import logging
import sys
from collections.abc import Iterator, Sequence

from arkiv.base.cli import parser, run
from arkiv.base.declared import Seeded
from arkiv.base.errors import InputError
from arkiv.base.files import Record, read_records, write_json, write_records
from arkiv.base.setting_flags import add_settings, settings_from
from arkiv.train.altering import ARCHIVE, Augment
from arkiv.train.augment import NONE, Augmenting, ways_of
from arkiv.train.rows import check_shardable

log = logging.getLogger("augment_pairs")


def rows_of(paths: Sequence[str]) -> Iterator[Record]:
    """The rows of files, one after the other, checked."""
    check = functools.partial(check_shardable, negatives=False)
    for path in paths:
        yield from (row for _, row in read_records(path, check))


def main(argv: list[str] | None = None) -> None:
    arguments = parser(
        __doc__,
        pairs="JSONL... rows to train on, in order",
        rules="YAML a table such as config/spelling/sv.yaml",
        confusions="[JSON] of learn_confusions.py, for --noise archive",
        output="JSONL",
        stats="JSON",
    )
    add_settings(arguments, Augment)
    add_settings(arguments, Seeded)
    arguments = arguments.parse_args(argv)
    augment = settings_from(arguments, Augment)
    if not augment.spelling and not augment.noise:
        reason = "is 0, and no spelling is asked for either"
        raise InputError(reason, key="--noise")
    if augment.noise == ARCHIVE and arguments.confusions is None:
        reason = "is missing, which noise of the archive needs"
        raise InputError(reason, key="--confusions")

    ways = ways_of(augment, arguments.rules, arguments.confusions)
    augmenting = Augmenting(augment, ways, arguments.seed)
    write_records(arguments.output, augmenting.of(rows_of(arguments.pairs)))
    stats = augmenting.stats()
    write_json(arguments.stats, stats)
    for texts in augment.texts:
        of = stats[texts]
        log.info("%s: %d of %d altered", texts, of["altered"], of["texts"])
        for way, count in of["by"].items():
            if not count and way != NONE and of["texts"]:
                log.warning("%s: %s alters none of them", texts, way)
            log.info("%s, %s: %d", texts, way, count)


if __name__ == "__main__":
    sys.exit(run(main))
