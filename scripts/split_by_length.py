"""Divide training rows into one file per range of token lengths.

The length of a row is that of the longest of its query, positives and negatives, in
tokens of the model, special tokens included. Rows keep the order of the input; a
range without rows gets an empty file.
"""

from __future__ import annotations

import contextlib
import json
import logging
import sys
import time
from collections.abc import Iterator
from itertools import islice

import numpy as np

from arkiv.cli import parser, run
from arkiv.errors import InputError
from arkiv.files import Record, read_records, write_json, written_whole
from arkiv.lengths import (
    TokenCounter,
    bucket_of,
    check_edges,
    check_shardable,
    is_scored,
    longest_texts,
    shard_row,
)
from arkiv.models import tokenizer_file

log = logging.getLogger("split_by_length")

ROWS = 256
QUANTILES = (0.0, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 1.0)
EDGES = [0, 500, 1000, 2000, 3000, 4000, 5000, 6000, 7000]


def read_rows(paths: list[str]) -> Iterator[Record]:
    """The rows of all files, checked, with scores in all of them or in none."""
    scored: tuple[bool, str, int] | None = None
    for path in paths:
        for line, record in read_records(path, check_shardable):
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


def summary(edges: list[int], outputs: list[str], lengths: list[list[int]]) -> dict:
    """What the log file tells of each range and of all rows together."""
    every = np.concatenate([np.array(bucket, np.int64) for bucket in lengths])
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
            }
            for low, high, output, bucket in zip(
                edges, [*edges[1:], None], outputs, lengths, strict=True
            )
        ],
        "mean_length": float(every.mean()),
        "quantiles": {
            str(share): int(np.quantile(every, share, method="inverted_cdf"))
            for share in QUANTILES
        },
    }


def main(argv: list[str] | None = None) -> None:
    arguments = parser(__doc__)
    arguments.add_argument(
        "--pairs",
        nargs="+",
        required=True,
        metavar="JSONL",
        help="rows with negatives, in order",
    )
    arguments.add_argument(
        "--tokenizer", required=True, metavar="DIR", help="model directory"
    )
    arguments.add_argument(
        "--edges",
        nargs="+",
        type=int,
        default=EDGES,
        metavar="TOKENS",
        help="where each range begins; the last has no end",
    )
    arguments.add_argument(
        "--outputs",
        nargs="+",
        required=True,
        metavar="JSONL",
        help="one file for each range, in order",
    )
    arguments.add_argument("--log", required=True, metavar="JSON")
    arguments = arguments.parse_args(argv)
    edges, outputs = arguments.edges, arguments.outputs
    check_edges(edges)
    if len(outputs) != len(edges):
        raise InputError(
            f"names {len(outputs)} files for {len(edges)} ranges", key="outputs"
        )
    if len(set(outputs)) != len(outputs):
        raise InputError("names one file twice", key="outputs")

    began = time.monotonic()
    counter = TokenCounter(tokenizer_file(arguments.tokenizer))
    lengths: list[list[int]] = [[] for _ in edges]
    # All files are written beside their places and renamed at the end, the log last.
    with contextlib.ExitStack() as stack:
        log_beside = stack.enter_context(written_whole(arguments.log))
        files = []
        for output in outputs:
            beside = stack.enter_context(written_whole(output))
            files.append(stack.enter_context(open(beside, "w", encoding="utf-8")))
        stream = read_rows(arguments.pairs)
        while rows := list(islice(stream, ROWS)):
            for row, length in zip(rows, longest_texts(rows, counter), strict=True):
                bucket = bucket_of(length, edges)
                lengths[bucket].append(length)
                json.dump(row, files[bucket], ensure_ascii=False, allow_nan=False)
                files[bucket].write("\n")
        if not any(lengths):
            raise InputError("holds no training pairs", file=arguments.pairs[0])
        report = summary(edges, outputs, lengths)
        write_json(log_beside, report)
    for bucket in report["buckets"]:
        log.info(
            "%d to %s tokens: %d pairs, longest %s",
            bucket["from"],
            bucket["to"] or "any number of",
            bucket["pairs"],
            bucket["max_length"],
        )
    log.info(
        "divided %d pairs of %d file(s) in %.1f s",
        *(report["pairs"], len(arguments.pairs)),
        time.monotonic() - began,
    )


if __name__ == "__main__":
    sys.exit(run(main))
