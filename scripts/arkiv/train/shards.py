"""Shards of training rows: their order, their rows, their datasets."""

from __future__ import annotations

import itertools
import logging
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from arkiv.base.errors import InputError
from arkiv.base.files import Record, read_records
from arkiv.train.rows import check_shardable, is_scored

log = logging.getLogger(__name__)

# What FlagEmbedding reads; it passes over other files without a word.
SUFFIXES = (".jsonl", ".json")
# As split_by_length.py and FlagEmbedding's split_data_by_length.py name their files.
BUCKET_NAME = re.compile(r"(.+)_len-(\d+)-(?:\d+|inf)")


@dataclass(frozen=True)
class Shard:
    """A file of training rows."""

    rows: int
    batch_size: int | None = None  # rows per process by its column of that name
    weight: float = 1.0  # how often its rows come in an epoch

    @property
    def drawn(self) -> int:
        """Rows that it gives to each epoch, some of them more than once."""
        return max(1, round(self.rows * self.weight))


def in_order(paths: Iterable[str]) -> list[str]:
    """The shards sorted by file name, whatever the order they were given in.

    Raises:
        InputError: FlagEmbedding would not read a file with that name, or two files
            have the same.
    """
    paths = sorted(paths, key=lambda path: (Path(path).name, path))
    for one, other in itertools.pairwise(paths):
        if Path(one).name == Path(other).name:
            raise InputError(f"has the file name of {other}", file=one)
    for path in paths:
        if Path(path).suffix not in SUFFIXES:
            raise InputError(
                f"does not end in {' or '.join(SUFFIXES)}, so it would not be read",
                file=path,
            )
        if Path(path).stem.endswith("no_in_batch_neg"):
            log.info("%s: trained without in-batch negatives, by its name", path)
    return paths


def count_rows(
    paths: Sequence[str], *, distill: bool, group_size: int
) -> dict[str, Shard]:
    """Check every row and count them; shards without rows are left out.

    Args:
        paths: JSON Lines files.
        distill: teacher scores are needed. Without them FlagEmbedding would train
            without distillation and say nothing.
        group_size: passages per query; a row with fewer negatives repeats some, and
            with a group of 1 needs none.

    Raises:
        InputError: a row that cannot be trained on, a column `batch_size` that is not
            one number from 1 in all rows of a shard, or no rows at all.
    """
    sizes: set[int | None] = set()  # of the present shard

    def check(record: Record) -> None:
        check_shardable(record, negatives=group_size > 1)
        if distill and not is_scored(record):
            raise InputError(
                "is missing, but `knowledge_distillation` is on and needs teacher "
                "scores",
                key="pos_scores",
            )
        size = record.get("batch_size")
        if size is not None and (type(size) is not int or size < 1):
            raise InputError(
                f"is {size!r}, expected a whole number from 1", key="batch_size"
            )
        sizes.add(size)
        if len(sizes) > 1:
            raise InputError(
                f"is {size}, but the row before has another; a file has one",
                key="batch_size",
            )

    shards: dict[str, Shard] = {}
    few = 0  # negatives
    for path in paths:
        count = 0
        sizes.clear()
        for _, record in read_records(path, check):
            count += 1
            few += len(record.get("neg", [])) < group_size - 1
        if count:
            shards[path] = Shard(count, sizes.pop())
        else:
            log.info("%s: empty, left out", path)
    if not shards:
        raise InputError(f"hold no rows: {len(paths)} file(s), all empty", key="shards")
    if few:
        log.info(
            "%d rows have fewer than %d negatives: some are used twice",
            few,
            group_size - 1,
        )
    return shards


def datasets_of(paths: Iterable[str]) -> dict[str, list[str]]:
    """The shards of each dataset, the shortest bucket first.

    A file that is not named as a bucket is a dataset of its own.
    """
    found: dict[str, list[tuple[int, str]]] = {}
    for path in paths:
        bucket = BUCKET_NAME.fullmatch(Path(path).stem)
        name, low = bucket.groups() if bucket else (Path(path).name, 0)
        found.setdefault(name, []).append((int(low), path))
    return {name: [path for _, path in sorted(some)] for name, some in found.items()}


def weighted(
    shards: Mapping[str, Shard], paths: Iterable[str], weights: Mapping[str, float]
) -> dict[str, Shard]:
    """The shards with the weights of their datasets.

    `paths` are of all that were given, also of those without rows.

    Raises:
        InputError: a weight that is none, or of no dataset that is given.
    """
    known = datasets_of(paths)
    for name, weight in weights.items():
        if name not in known:
            raise InputError(
                f"names {name}, expected one of {', '.join(sorted(known))}",
                key="train.weights",
            )
        if not 0 < weight < math.inf:
            raise InputError(
                f"is {weight} for {name}, expected a number above 0",
                key="train.weights",
            )
    found = dict(shards)
    for name, weight in weights.items():
        for path in found.keys() & known[name]:
            found[path] = replace(found[path], weight=weight)
    return found
