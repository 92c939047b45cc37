"""A store made to hold the rows of an index, whatever it held before.

What is there is told by its fingerprint, which the store keeps with each row. So
nothing need be remembered elsewhere: a run that was killed is taken up where it was, a
second run writes nothing, and after a change only what changed is written.
"""

from __future__ import annotations

import logging
from array import array
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from arkiv.base.hashing import ID_BYTES, content_digest
from arkiv.index.load.queries import Query
from arkiv.index.load.source import KEYS, Row, Source, rows_of

log = logging.getLogger(__name__)

# Seconds of a load between two lines of the log are about those of so many rows.
TOLD_EVERY = 20_000


class Store(Protocol):
    """Where rows are put."""

    def fingerprints(self, ids: Sequence[str]) -> Mapping[str, str]:
        """Those of the rows that are there, by id."""

    def put(self, rows: Sequence[Row]) -> None:
        """Write rows, all or none, in the place of those of the same ids."""

    def count(self) -> int:
        """How many rows are there."""

    def ids(self) -> Iterator[list[str]]:
        """The ids of all rows, some at a time."""

    def remove(self, ids: Sequence[str]) -> None:
        """Remove rows."""


class Database(Store, Protocol):
    """A store that is opened, and searched to see that all is well."""

    modes: Sequence[str]

    def open(self, *, make: bool) -> None:
        """Make what holds the rows, or see that it is what this index would make."""

    def finish(self) -> None:
        """Make the indexes that are not there."""

    def found(self, queries: Sequence[Query], mode: str) -> list[list[str]]:
        """The ids of the first passages of each query, best first, by exact search."""

    def also(self) -> list[str]:
        """What else holds of the searches there, in sentences."""

    def close(self) -> None:
        """Let go of it."""


@dataclass
class Done:
    """What was done to a store."""

    written: int = 0
    kept: int = 0
    removed: int = 0

    def __str__(self) -> str:
        return (
            f"{self.written} rows written, {self.kept} were there, "
            f"{self.removed} removed"
        )


def number_of(one: str) -> int:
    """64 bits that stand for an id: two of ten million are the same once in 400,000."""
    return int.from_bytes(content_digest((one,), ID_BYTES), "little")


def synchronise(source: Source, store: Store, batch: int) -> Done:
    """Make a store hold the rows of an index.

    In memory are `batch` rows and 8 bytes for each row of the index.

    Args:
        source: the index.
        store: what shall hold its rows.
        batch: rows that are read and written at a time.
    """
    done = Done()
    numbers = array("Q")
    start = 0
    for keys in source.batches(KEYS, batch):
        ids = keys["id"].to_pylist()
        numbers.extend(map(number_of, ids))
        known = store.fingerprints(ids)
        pairs = enumerate(zip(ids, keys["fingerprint"].to_pylist(), strict=True))
        changed = [
            start + place for place, (one, is_) in pairs if known.get(one) != is_
        ]
        if changed:
            store.put(rows_of(source.take(changed)))
        done.written += len(changed)
        done.kept += len(ids) - len(changed)
        start += len(ids)
        if start // TOLD_EVERY > (start - len(ids)) // TOLD_EVERY:
            log.info("%d of %d rows are there", start, source.count)
    if store.count() > start:
        done.removed = _remove_others(store, numbers)
    return done


def _remove_others(store: Store, numbers: array) -> int:
    """Remove the rows whose ids the index has not; return how many."""
    ours = np.sort(np.frombuffer(numbers, np.uint64))
    removed = 0
    for ids in store.ids():
        theirs = np.fromiter(map(number_of, ids), np.uint64, len(ids))
        places = np.minimum(np.searchsorted(ours, theirs), max(len(ours) - 1, 0))
        is_ours = ours[places] == theirs if len(ours) else np.zeros(len(ids), bool)
        if others := [one for one, kept in zip(ids, is_ours, strict=True) if not kept]:
            store.remove(others)
            removed += len(others)
    return removed
