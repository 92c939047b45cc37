"""Training rows, and how many of them fill whole batches."""

from __future__ import annotations

import itertools
import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from arkiv.errors import InputError
from arkiv.files import Record, read_records
from arkiv.lengths import check_shardable, is_scored

log = logging.getLogger(__name__)

# What FlagEmbedding reads; it passes over other files without a word.
SUFFIXES = (".jsonl", ".json")
# Where rows that are left out cannot be told by shard: batches mix all of them.
ALL = "all shards together"


@dataclass(frozen=True)
class BatchPlan:
    """The batches of one epoch.

    Attributes:
        rows: of each shard.
        batches: optimiser batches over all processes, before gradient accumulation.
        left_out: rows of each shard (or of `ALL`) that fill no batch. Which rows those
            are changes from epoch to epoch.
    """

    rows: dict[str, int]
    batches: int
    left_out: dict[str, int]

    @property
    def rows_used(self) -> int:
        """Rows of one epoch that are trained on."""
        return sum(self.rows.values()) - sum(self.left_out.values())

    def left_out_by_name(self) -> dict[str, int]:
        """`left_out` by file name: what is reported does not depend on directories."""
        return {Path(path).name: count for path, count in self.left_out.items()}


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
) -> dict[str, int]:
    """Check every row and count them; shards without rows are left out.

    Args:
        paths: JSON Lines files.
        distill: teacher scores are needed. Without them FlagEmbedding would train
            without distillation and say nothing.
        group_size: passages per query; a row with fewer negatives repeats some.

    Raises:
        InputError: a row that cannot be trained on, or no rows at all.
    """

    def check(record: Record) -> None:
        check_shardable(record)
        if distill and not is_scored(record):
            raise InputError(
                "is missing, but `knowledge_distillation` is on and needs teacher "
                "scores",
                key="pos_scores",
            )

    rows: dict[str, int] = {}
    few = 0  # negatives
    paths = list(paths)
    for path in paths:
        count = 0
        for _, record in read_records(path, check):
            count += 1
            few += len(record["neg"]) < group_size - 1
        if count:
            rows[path] = count
        else:
            log.info("%s: empty, left out", path)
    if not rows:
        raise InputError(f"hold no rows: {len(paths)} file(s), all empty", key="shards")
    if few:
        log.info(
            "%d rows have fewer than %d negatives: some are used twice",
            *(few, group_size - 1),
        )
    return rows


def plan_batches(
    rows: Mapping[str, int],
    *,
    batch_size: int,
    world_size: int,
    same_dataset: bool = True,
    drop_last: bool = True,
    small_threshold: int = 0,
    most_rows: int = 100_000_000,
) -> BatchPlan:
    """How FlagEmbedding divides the rows of one epoch into batches.

    Args:
        rows: of each shard that has any.
        batch_size: rows per process (`per_device_train_batch_size`).
        world_size: processes on all nodes.
        same_dataset: a batch takes the rows of one shard only
            (`same_dataset_within_batch`); each shard then loses the rows beyond a
            multiple of `batch_size * world_size`.
        drop_last: leave the last, incomplete batch out (`dataloader_drop_last`);
            without effect when `same_dataset`. Otherwise that batch is filled up with
            rows from the beginning.
        small_threshold: shards with fewer rows are not used, when `same_dataset`.
        most_rows: of a shard, drawn at random (`max_example_num_per_dataset`).

    Raises:
        InputError: not one batch.
    """
    whole = batch_size * world_size
    taken = {path: min(count, most_rows) for path, count in rows.items()}
    if same_dataset:
        batches = {
            path: count // whole if count >= small_threshold else 0
            for path, count in taken.items()
        }
        left_out = {path: rows[path] - batches[path] * whole for path in rows}
        total, largest = sum(batches.values()), max(taken.values())
        where = "the largest shard has"
    else:
        largest, where = sum(taken.values()), "the shards have"
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
            "`train.processes`, or give fewer `split.edges`",
            key="train.args.per_device_train_batch_size",
        )
    return BatchPlan(dict(rows), total, left_out)


def log_plan(plan: BatchPlan) -> None:
    """Tell how many rows each shard has and how many of them are left out."""
    for path, count in plan.rows.items():
        lost = plan.left_out.get(path, 0)
        level = logging.WARNING if lost == count else logging.INFO
        log.log(level, "%s: %d rows, %d fill no batch", path, count, lost)
    if ALL in plan.left_out:
        log.info("%d rows of all shards fill no batch", plan.left_out[ALL])
    log.info(
        "an epoch: %d batches with %d of %d rows",
        *(plan.batches, plan.rows_used, sum(plan.rows.values())),
    )
