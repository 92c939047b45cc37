"""Training rows, and the batches that they make.

A dataset's shards are buckets of token length. The rows of a bucket that fill no batch
are passed on to the dataset's next longer bucket, where they fit into memory; only the
longest bucket leaves rows out. FlagEmbedding's loader leaves out those of every shard.
"""

from __future__ import annotations

import itertools
import logging
import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from arkiv.errors import InputError
from arkiv.files import Record, read_records
from arkiv.hashing import content_id
from arkiv.lengths import check_shardable, is_scored

log = logging.getLogger(__name__)

# What FlagEmbedding reads; it passes over other files without a word.
SUFFIXES = (".jsonl", ".json")
# As split_by_length.py and FlagEmbedding's split_data_by_length.py name their files.
BUCKET_NAME = re.compile(r"(.+)_len-(\d+)-(?:\d+|inf)")
# Where rows that are left out cannot be told by dataset: batches mix all of them.
ALL = "all shards together"


@dataclass(frozen=True)
class Shard:
    """A file of training rows.

    Attributes:
        rows: how many.
        batch_size: rows per process by its column of that name; None without one.
        weight: how often its rows come in an epoch.
    """

    rows: int
    batch_size: int | None = None
    weight: float = 1.0

    @property
    def drawn(self) -> int:
        """Rows that it gives to each epoch, some of them more than once."""
        return max(1, round(self.rows * self.weight))


@dataclass(frozen=True)
class Bucket:
    """What a shard gives to each epoch.

    Attributes:
        rows: its own.
        drawn: of them, or more by a weight above 1.
        batch_size: rows per process.
        batches: over all processes.
        passed_on: rows that fill no batch here, some of them from shorter buckets.
    """

    rows: int
    drawn: int
    batch_size: int
    batches: int
    passed_on: int


@dataclass(frozen=True)
class BatchPlan:
    """The batches of one epoch.

    Attributes:
        rows: of each shard.
        drawn: of them, or more, for each epoch.
        batches: optimiser batches over all processes, before gradient accumulation.
        left_out: drawn rows of each dataset (or of `ALL`) that fill no batch. Which
            those are changes from epoch to epoch.
        buckets: by shard, if a batch takes its rows from one.
    """

    rows: dict[str, int]
    drawn: dict[str, int]
    batches: int
    left_out: dict[str, int]
    buckets: dict[str, Bucket] = field(default_factory=dict)

    @property
    def rows_used(self) -> int:
        """Rows of one epoch that are trained on."""
        return sum(self.drawn.values()) - sum(self.left_out.values())

    def buckets_by_name(self) -> dict[str, dict[str, int]]:
        """`buckets` by file name: what is reported does not depend on directories."""
        return {Path(path).name: vars(bucket) for path, bucket in self.buckets.items()}


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
    paths: Iterable[str], *, distill: bool, group_size: int
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
    paths = list(paths)
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
            *(few, group_size - 1),
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
    """Shards with the weights of their datasets.

    Args:
        shards: that have rows.
        paths: of all that are given, some of them without rows.
        weights: by name of the dataset; 1 for those not named.

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
        for path in known[name]:
            if path in found:
                found[path] = replace(found[path], weight=weight)
    return found


def drawn_rows(
    rows: int, count: int, *, seed: int, name: int, epoch: int
) -> np.ndarray:
    """The rows of a shard that an epoch takes, (count,) int64 below `rows`.

    Epochs go on one after another through the shard in an order that is drawn anew each
    time it has been gone through, so that no row comes a second time before all have
    come once. Where `count` is `rows`, an epoch is one time through.
    """
    begin, end = epoch * count, (epoch + 1) * count
    first, last = begin // rows, -(-end // rows)
    passes = [
        np.random.default_rng((seed, number, name)).permutation(rows)
        for number in range(first, last)
    ]
    return np.concatenate(passes)[begin - first * rows : end - first * rows]


def plan_buckets(
    shards: Mapping[str, Shard], *, batch_size: int, world_size: int
) -> dict[str, Bucket]:
    """How the rows of each shard, and those passed on to it, fill batches.

    Args:
        shards: that have rows.
        batch_size: rows per process of shards without a column `batch_size`. Such a
            column, which is about memory, is an upper bound: a bucket with too few rows
            for it, but one for each process, makes one smaller batch.
        world_size: processes on all nodes.
    """
    buckets = {}
    for paths in datasets_of(shards).values():
        rows = 0
        for path in paths:
            shard = shards[path]
            rows += shard.drawn
            size = batch_size
            if shard.batch_size is not None:
                size = max(1, min(shard.batch_size, rows // world_size))
            batches, rows = divmod(rows, size * world_size)
            buckets[path] = Bucket(shard.rows, shard.drawn, size, batches, rows)
    return {path: buckets[path] for path in shards}


def epoch_batches(
    buckets: Mapping[str, Bucket],
    groups: np.ndarray,
    *,
    world_size: int,
    seed: int,
    epoch: int,
) -> list[tuple[str, np.ndarray]]:
    """The batches of an epoch: a pure function of what is given.

    Rows of one group, such as a query's examples with different positives or a row that
    its weight takes twice, are in one batch only if there are more of them than the
    bucket has batches.

    Args:
        buckets: of `plan_buckets`.
        groups: (n_rows,) int64, the group of each row; rows are numbered through the
            buckets in their order.
        world_size: processes on all nodes.
        seed: of the order of rows and batches.
        epoch: from 0.

    Returns:
        For each batch its shard and the numbers of its rows, (batch_size x world_size,)
        int64; process i takes the i-th share of them.
    """
    counts = [bucket.rows for bucket in buckets.values()]
    first = dict(zip(buckets, itertools.accumulate([0, *counts]), strict=False))
    batches = []
    for paths in datasets_of(buckets).values():
        spare = np.empty(0, np.int64)
        for path in paths:
            bucket = buckets[path]
            name = int(content_id(Path(path).name), 16)
            own = drawn_rows(
                bucket.rows, bucket.drawn, seed=seed, name=name, epoch=epoch
            )
            rows = np.concatenate([spare, first[path] + own])
            used = bucket.batches * bucket.batch_size * world_size
            rows, spare = rows[:used], rows[used:]
            # Rows of one group come to stand together and are dealt out one by one.
            _, place, group = np.unique(
                groups[rows], return_index=True, return_inverse=True
            )
            rows = rows[np.argsort(place[group], kind="stable")]
            batches += [
                (path, rows[start :: bucket.batches]) for start in range(bucket.batches)
            ]
    order = np.random.default_rng((seed, epoch)).permutation(len(batches))
    return [batches[place] for place in order]


def plan_batches(
    shards: Mapping[str, Shard],
    *,
    batch_size: int,
    world_size: int,
    same_dataset: bool = True,
    drop_last: bool = True,
    small_threshold: int = 0,
    most_rows: int = 100_000_000,
) -> BatchPlan:
    """How the rows of one epoch are divided into batches.

    Args:
        shards: that have rows.
        batch_size: rows per process (`per_device_train_batch_size`).
        world_size: processes on all nodes.
        same_dataset: a batch takes the rows of one bucket, and those passed on to it
            (`same_dataset_within_batch`).
        drop_last: leave the last, incomplete batch out (`dataloader_drop_last`);
            without effect when `same_dataset`. Otherwise that batch is filled up with
            rows from the beginning.
        small_threshold: shards with fewer rows are not used, when `same_dataset`.
        most_rows: of a shard, drawn at random (`max_example_num_per_dataset`).

    Raises:
        InputError: not one batch.
    """
    rows = {path: shard.rows for path, shard in shards.items()}
    drawn = {path: shard.drawn for path, shard in shards.items()}
    taken = {
        path: replace(shard, rows=min(shard.rows, most_rows))
        for path, shard in shards.items()
    }
    buckets: dict[str, Bucket] = {}
    whole = batch_size * world_size
    if same_dataset:
        taken = {
            path: one for path, one in taken.items() if one.rows >= small_threshold
        }
        buckets = plan_buckets(taken, batch_size=batch_size, world_size=world_size)
        used = {
            path: bucket.batches * bucket.batch_size * world_size
            for path, bucket in buckets.items()
        }
        datasets = datasets_of(rows)
        left_out = {
            name: sum(drawn[path] - used.get(path, 0) for path in paths)
            for name, paths in datasets.items()
        }
        total = sum(bucket.batches for bucket in buckets.values())
        largest = max(
            sum(taken[path].drawn for path in paths if path in taken)
            for paths in datasets.values()
        )
        where = "the largest dataset has"
        if any(shard.batch_size for shard in taken.values()):
            whole = world_size
    else:
        largest, where = sum(one.rows for one in taken.values()), "the shards have"
        capped = sum(rows.values()) - largest
        if drop_last:
            total = largest // batch_size // world_size
            left_out = {ALL: capped + largest - total * whole}
        else:
            total = -(-largest // whole)
            left_out = {ALL: capped}
    if not total:
        raise InputError(
            f"is {batch_size}, which gives no batch: {where} {largest} rows, and a "
            f"batch on {world_size} processes takes {whole}; lower it or "
            "`train.processes`",
            key="train.args.per_device_train_batch_size",
        )
    return BatchPlan(rows, drawn, total, left_out, buckets)


def log_plan(plan: BatchPlan) -> None:
    """Tell what batches each shard makes, and how many rows are left out."""
    for path, bucket in plan.buckets.items():
        log.info(
            "%s: %d rows, %d an epoch, %d batches of %d per process, %d passed on",
            *(path, bucket.rows, bucket.drawn),
            *(bucket.batches, bucket.batch_size, bucket.passed_on),
        )
    every = {ALL: sum(plan.drawn.values())} | {
        name: sum(plan.drawn[path] for path in paths)
        for name, paths in datasets_of(plan.rows).items()
    }
    for name, lost in plan.left_out.items():
        level = logging.WARNING if lost == every[name] else logging.INFO
        log.log(level, "%s: %d of %d rows fill no batch", name, lost, every[name])
    log.info(
        "an epoch: %d batches with %d of %d rows",
        *(plan.batches, plan.rows_used, sum(plan.drawn.values())),
    )
