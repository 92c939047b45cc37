"""Join the datasets' passages and test pairs into one test collection.

Passages of equal id are kept once, queries of equal text are merged with their relevant
passages united. The passages that a query was made from are its known items, one gold
standard among others (build_gold.py). All three files are in the order of their ids.
"""

from __future__ import annotations

import argparse
import logging
import sys

from arkiv.base.cli import parser, run
from arkiv.base.errors import InputError
from arkiv.base.files import write_records
from arkiv.base.setting_flags import add_settings
from arkiv.evaluate.settings import Measuring
from arkiv.evaluate.units import check_known
from arkiv.gold.file import queries_of
from arkiv.retrieve.collection import Collection
from arkiv.retrieve.trec import write_qrels

log = logging.getLogger("build_collection")


def command_line(argv: list[str] | None) -> argparse.Namespace:
    """What is asked for on the command line."""
    arguments = parser(
        __doc__,
        corpora="JSONL... all passages of each dataset",
        tests="JSONL... the test pairs of each dataset, in the same order",
        datasets="NAME... the names of the datasets, in the same order",
        sources="[NAME...] datasets that are test queries alone: what others ask too "
        "counts as theirs",
        tokenizer="[MODELDIR] give each query the length in tokens of its longest "
        "known item",
        judged="[JSONL] {query, documents} from elsewhere, whose queries become test "
        "queries too",
        corpus="JSONL",
        queries="JSONL",
        known_items="TREC",
    )
    arguments.add_argument(
        "--side", choices=("dev", "test"), default="test", help="of the pairs"
    )
    add_settings(arguments, Measuring, "unit")
    arguments.add_argument(
        "--on-bad-input",
        choices=("stop", "skip"),
        default="stop",
        help="stop at a bad line of it, or leave it to build_gold.py to set it aside",
    )
    return arguments.parse_args(argv)


def main(argv: list[str] | None = None) -> None:
    arguments = command_line(argv)
    names = arguments.datasets
    for option in ("corpora", "tests"):
        given = len(getattr(arguments, option))
        if given != len(names):
            raise InputError(
                f"names {given} file(s) for {len(names)} dataset(s)", key=f"--{option}"
            )

    collection = Collection()
    for name, path in zip(names, arguments.corpora, strict=True):
        new = collection.add_passages(name, path)
        log.info("%s: %d new passages from %s", name, new, path)
    tests = zip(names, arguments.tests, strict=True)
    for name, path in sorted(tests, key=lambda one: one[0] not in arguments.sources):
        count = collection.add_queries(name, path)
        log.info("%s: %d test pairs from %s", name, count, path)
    if arguments.judged:
        names = queries_of(
            arguments.judged, [] if arguments.on_bad_input == "skip" else None
        )
        count = collection.add_judged_queries(names)
        log.info("%d new queries from %s", count, arguments.judged)
    if not collection.queries:
        raise InputError(
            f"leaves no {arguments.side} query in {', '.join(names)}; raise the share "
            f"of {arguments.side}, or have `pairs.{arguments.side}_years` hold more "
            "years",
            key="pairs.shares",
        )
    if seen := collection.seen_in_training():
        log.warning(
            "%d relevant passages are trained on by another dataset, which flatters "
            "the tuned model; join these datasets into one to divide them together",
            seen,
        )
    check_known(
        arguments.unit,
        collection.passages.values(),
        set().union(*collection.judgements.values()),
    )
    collection.set_origins()
    if arguments.tokenizer:
        collection.set_lengths(arguments.tokenizer)

    passages = write_records(arguments.corpus, collection.ordered_passages())
    queries = write_records(arguments.queries, collection.ordered_queries())
    known = write_qrels(arguments.known_items, collection.qrels())
    log.info("%d passages, %d queries, %d known items", passages, queries, known)


if __name__ == "__main__":
    sys.exit(run(main))
