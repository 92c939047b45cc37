"""Divide training rows into one file per range of token lengths.

The length of a row is that of the longest of its query, positives and negatives, in
tokens of the model, special tokens and prompts included. Rows keep the order of the
input; a range without rows gets an empty file.

The teacher's scores, if the rows have them, become training's targets on the way: by
--filter-margin, --normalize and --temperature, in this order.
"""

from __future__ import annotations

import argparse
import contextlib
import functools
import logging
import os
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

import numpy as np

from arkiv.base.cli import parser, run
from arkiv.base.errors import InputError
from arkiv.base.files import (
    Record,
    open_records,
    read_records,
    write_json,
    written_whole,
)
from arkiv.base.setting_flags import NULL, add_settings, settings_from
from arkiv.encode.description import Description
from arkiv.encode.flags import add_reading
from arkiv.encode.limits import length_of
from arkiv.encode.settings import AUTO, Length, Reading
from arkiv.encode.tokenizer import fast_tokenizer
from arkiv.text.lengths import TokenCounter
from arkiv.train.rows import (
    batch_size_of,
    bucket_of,
    check_shardable,
    examples_of,
    is_scored,
    longest_texts,
    shard_row,
)
from arkiv.train.settings import ARGUMENTS, LENGTHS, UNSET, Split, Targets
from arkiv.train.teacher import softened, without_near

log = logging.getLogger("split_by_length")

ROWS = 256
QUANTILES = (0.0, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 1.0)
NONE_LEFT = "the teacher scores every negative too high"
ALL_POSITIVE = "every negative is a positive of the query"


def read_rows(paths: list[str], *, negatives: bool) -> Iterator[Record]:
    """The rows of all files, checked, with scores in all of them or in none."""
    check = functools.partial(check_shardable, negatives=negatives)
    scored: tuple[bool, str, int] | None = None
    for path in paths:
        for line, record in read_records(path, check):
            if scored is None:
                scored = is_scored(record), path, line
            elif is_scored(record) != scored[0]:
                this, other = ("no ", "them") if scored[0] else ("", "none")
                raise InputError(
                    f"has {this}teacher scores, but {scored[1]}, line {scored[2]} "
                    f"has {other}",
                    file=path,
                    line=line,
                    key="pos_scores",
                )
            yield shard_row(record)


@dataclass
class Examples:
    """Makes the examples to train on of rows, and counts what it changes."""

    options: argparse.Namespace
    reject: Callable[[Record], None]  # takes each row that is set aside
    scored: bool = False  # whether the rows have teacher scores
    # Rows with several positives, negatives dropped, rows with fewer of them.
    counts: Counter[str] = field(default_factory=Counter)
    aside: Counter[str] = field(default_factory=Counter)  # rows by reason

    def of(self, rows: Iterator[Record]) -> Iterator[Record]:
        """The examples of rows with scores in all of them or in none."""
        options = self.options
        for row in rows:
            self.scored = is_scored(row)
            self.counts["several_positives"] += len(row["pos"]) > 1
            if self.scored and options.filter_margin is not None:
                kept = without_near(row, options.filter_margin)
                dropped = len(row["neg"]) - len(kept["neg"])
                self.counts["negatives_dropped"] += dropped
                if not kept["neg"]:
                    self._set_aside(row, NONE_LEFT)
                    continue
                self.counts["rows_short"] += dropped > 0
                row = kept
            for example in examples_of(row) if options.positives == "each" else [row]:
                if not example["neg"] and not options.without_negatives:
                    self._set_aside(row, ALL_POSITIVE)
                    break
                if self.scored:
                    example = softened(example, options.normalize, options.temperature)
                yield example

    def _set_aside(self, row: Record, reason: str) -> None:
        self.aside[reason] += 1
        self.reject({"reason": reason, **row})

    def summary(self) -> dict:
        """The settings and the counts, for the log file."""
        options = self.options
        teacher = {
            "filter": {"margin": options.filter_margin},
            "normalize": options.normalize,
            "temperature": options.temperature,
            "negatives_dropped": self.counts["negatives_dropped"],
            "rows_short": self.counts["rows_short"],
        }
        return {
            "positives": options.positives,
            "rows_with_several_positives": self.counts["several_positives"],
            "teacher": teacher if self.scored else None,
            "set_aside": dict(sorted(self.aside.items())),
        }


def add_batch_size(path: Path, size: int) -> None:
    """Give each row of a finished file a last column `batch_size`."""
    longer = path.with_name("rows")
    with open(path, "rb") as rows, open(longer, "wb") as out:
        for row in rows:
            out.write(b'%s, "batch_size": %d}\n' % (row[:-2], size))
    os.replace(longer, path)


def batch_size(
    lengths: list[int], options: argparse.Namespace, takes: int | None
) -> int | None:
    """Of a range by the budget of tokens; None without a budget or without rows.

    Args:
        lengths: of its rows.
        options: of the command line.
        takes: tokens of a text that the model takes; None: any number.
    """
    if options.batch_tokens is None or not lengths:
        return None
    how = {name: getattr(options, name) for name in UNSET}
    how |= {name: length_of(getattr(options, name), takes) for name in LENGTHS}
    return batch_size_of(len(lengths), max(lengths), options.batch_tokens, **how)


def tokens(text: str) -> Length:
    """Parse `auto`, `null` or a number."""
    if text == NULL:
        return None
    return AUTO if text == AUTO else int(text)


def summary(
    options: argparse.Namespace, lengths: list[list[int]], sizes: list[int | None]
) -> dict:
    """What the log file tells of each range and of all rows together."""
    edges, every = options.edges, np.concatenate(lengths)
    return {
        "pairs": len(every),
        "buckets": [
            {
                "from": low,
                "to": high,
                "output": output,
                "pairs": len(bucket),
                "mean_length": float(np.mean(bucket)) if bucket else None,
                "max_length": max(bucket, default=None),
                "batch_size": size,
            }
            for low, high, output, bucket, size in zip(
                edges, [*edges[1:], None], options.outputs, lengths, sizes, strict=True
            )
        ],
        "mean_length": float(every.mean()),
        "quantiles": {
            str(share): int(np.quantile(every, share, method="inverted_cdf"))
            for share in QUANTILES
        },
    }


def command_line(argv: list[str] | None) -> argparse.Namespace:
    """What is asked for on the command line, checked.

    Raises:
        InputError: naming the option.
    """
    arguments = parser(
        __doc__,
        pairs="JSONL... rows with negatives, in order",
        tokenizer="DIR model directory",
        outputs="JSONL... one file for each range, in order",
        log="JSON",
        rejected="JSONL where rows without a negative left go, each with its reason",
    )
    arguments.add_argument(
        "--without-negatives",
        action="store_true",
        help="rows need none: training takes those of the batch alone",
    )
    add_settings(arguments, Split)
    add_settings(arguments, Targets)
    add_reading(arguments)
    for name in (*UNSET, *LENGTHS):
        arguments.add_argument(
            f"--{name.replace('_', '-')}",
            type=tokens if name in LENGTHS else int,
            default=ARGUMENTS[name],
            metavar="N",
            help="of training, with --batch-tokens",
        )
    arguments = arguments.parse_args(argv)
    settings_from(arguments, Split)
    settings_from(arguments, Targets)
    files, ranges = len(arguments.outputs), len(arguments.edges)
    if files != ranges:
        raise InputError(f"names {files} files for {ranges} ranges", key="outputs")
    if len(set(arguments.outputs)) != files:
        raise InputError("names one file twice", key="outputs")
    return arguments


def write_ranges(
    arguments: argparse.Namespace,
    description: Description,
    examples: Examples,
    paths: Sequence[Path],
) -> list[list[int]]:
    """Write each example into the file of its range; return the lengths in each.

    Raises:
        InputError: there is no example at all.
    """
    counter = TokenCounter(fast_tokenizer(arguments.tokenizer))
    lengths: list[list[int]] = [[] for _ in arguments.edges]
    stream = examples.of(
        read_rows(arguments.pairs, negatives=not arguments.without_negatives)
    )
    with contextlib.ExitStack() as stack:
        writers = [stack.enter_context(open_records(path)) for path in paths]
        while rows := list(islice(stream, ROWS)):
            longest = longest_texts(rows, counter, description)
            for row, length in zip(rows, longest, strict=True):
                bucket = bucket_of(length, arguments.edges)
                lengths[bucket].append(length)
                writers[bucket](row)
    if not any(lengths):
        aside = sum(examples.aside.values())
        why = f": all {aside} have no negative left" if aside else ""
        raise InputError(f"holds no training pairs{why}", file=arguments.pairs[0])
    return lengths


def main(argv: list[str] | None = None) -> None:
    arguments = command_line(argv)
    began = time.monotonic()
    given = settings_from(arguments, Reading)
    description = Description.of(arguments.tokenizer, given)
    # All files are written beside their places and renamed at the end, the log last.
    with contextlib.ExitStack() as stack:
        reject = stack.enter_context(open_records(arguments.rejected))
        besides = [
            stack.enter_context(written_whole(path)) for path in arguments.outputs
        ]
        examples = Examples(arguments, reject)
        lengths = write_ranges(arguments, description, examples, besides)
        sizes = [batch_size(one, arguments, description.longest) for one in lengths]
        for beside, size in zip(besides, sizes, strict=True):
            if size is not None:
                add_batch_size(beside, size)
    report = summary(arguments, lengths, sizes) | examples.summary()
    write_json(arguments.log, report)
    for bucket in report["buckets"]:
        log.info(
            "%d to %s tokens: %d pairs, longest %s",
            bucket["from"],
            bucket["to"] or "any number of",
            bucket["pairs"],
            bucket["max_length"],
        )
    log.info(
        "divided %d pairs of %d file(s), %d set aside, in %.1f s",
        report["pairs"],
        len(arguments.pairs),
        sum(examples.aside.values()),
        time.monotonic() - began,
    )


if __name__ == "__main__":
    sys.exit(run(main))
