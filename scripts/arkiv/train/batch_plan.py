"""The batches that the rows of shards make.

A dataset's shards are buckets of token length. The rows of a bucket that fill no batch
are passed on to the dataset's next longer bucket, where they fit into memory; only the
longest bucket leaves rows out. FlagEmbedding's loader leaves out those of every shard.
"""

from __future__ import annotations

import itertools
import logging
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from arkiv.base.errors import InputError
from arkiv.base.hashing import content_id
from arkiv.train.shards import Shard, datasets_of

log = logging.getLogger(__name__)

# Where rows that are left out cannot be told by dataset: batches mix all of them.
ALL = "all shards together"


@dataclass(frozen=True)
class Bucket:
    """What a shard gives to each epoch."""

    rows: int  # its own
    drawn: int  # of them, or more by a weight above 1
    batch_size: int  # rows per process
    batches: int  # over all processes
    passed_on: int  # rows that fill no batch here, some of them from shorter buckets


@dataclass(frozen=True)
class BatchPlan:
    """The batches of one epoch."""

    shards: Mapping[str, Shard]  # those that have rows
    batches: int  # over all processes, before gradient accumulation
    # Drawn rows of each dataset, or of `ALL`, that fill no batch. Which those are
    # changes from epoch to epoch.
    left_out: dict[str, int]
    buckets: dict[str, Bucket]  # by shard, if a batch takes its rows from one

    @property
    def rows_drawn(self) -> int:
        """Rows that an epoch takes."""
        return sum(shard.drawn for shard in self.shards.values())

    @property
    def rows_used(self) -> int:
        """Those of them that are trained on."""
        return self.rows_drawn - sum(self.left_out.values())

    def told(self) -> dict[str, Any]:
        """What the history tells of an epoch; it does not depend on directories."""
        return {
            "rows": sum(shard.rows for shard in self.shards.values()),
            "rows_drawn": self.rows_drawn,
            "rows_used": self.rows_used,
            "rows_left_out": self.left_out,
            "buckets": {
                Path(path).name: vars(one) for path, one in self.buckets.items()
            },
        }


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
        seed, epoch: of the order of rows and batches; epochs from 0.

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
    taken = {
        path: replace(shard, rows=min(shard.rows, most_rows))
        for path, shard in shards.items()
        if not same_dataset or min(shard.rows, most_rows) >= small_threshold
    }
    whole = batch_size * world_size
    buckets = {}
    if same_dataset:
        buckets = plan_buckets(taken, batch_size=batch_size, world_size=world_size)
        batches = sum(bucket.batches for bucket in buckets.values())
        left_out = {}
        for name, paths in datasets_of(shards).items():
            own = [buckets[path] for path in paths if path in buckets]
            used = sum(one.batches * one.batch_size * world_size for one in own)
            left_out[name] = sum(shards[path].drawn for path in paths) - used
    else:
        rows = sum(shard.rows for shard in taken.values())
        batches = rows // whole if drop_last else -(-rows // whole)
        used = min(rows, batches * whole)
        left_out = {ALL: sum(shard.rows for shard in shards.values()) - used}
    if not batches:
        raise _no_batch(taken, batch_size, world_size, same_dataset)
    return BatchPlan(shards, batches, left_out, buckets)


def _no_batch(
    taken: Mapping[str, Shard], batch_size: int, world_size: int, same_dataset: bool
) -> InputError:
    where, rows = "the shards have", sum(shard.rows for shard in taken.values())
    whole = batch_size * world_size
    if same_dataset:
        where = "the largest dataset has"
        datasets = datasets_of(taken).values()
        drawn = [sum(taken[path].drawn for path in paths) for paths in datasets]
        rows = max(drawn, default=0)
        if any(shard.batch_size for shard in taken.values()):
            whole = world_size
    return InputError(
        f"is {batch_size}, which gives no batch: {where} {rows} rows, and a batch on "
        f"{world_size} processes takes {whole}; lower it or `train.processes`",
        key="train.args.per_device_train_batch_size",
    )


def log_plan(plan: BatchPlan) -> None:
    """Tell what batches each shard makes, and how many rows are left out."""
    for path, bucket in plan.buckets.items():
        log.info(
            "%s: %d rows, %d an epoch, %d batches of %d per process, %d passed on",
            path,
            bucket.rows,
            bucket.drawn,
            bucket.batches,
            bucket.batch_size,
            bucket.passed_on,
        )
    used, drawn = plan.rows_used, plan.rows_drawn
    every = {ALL: drawn} | {
        name: sum(plan.shards[path].drawn for path in paths)
        for name, paths in datasets_of(plan.shards).items()
    }
    for name, lost in plan.left_out.items():
        level = logging.WARNING if lost == every[name] else logging.INFO
        log.log(level, "%s: %d of %d rows fill no batch", name, lost, every[name])
    log.info("an epoch: %d batches with %d of %d rows", plan.batches, used, drawn)
