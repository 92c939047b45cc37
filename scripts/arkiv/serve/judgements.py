"""The search page's judgements: a file that only grows, one verdict a line.

A line is written whole under a lock and has reached the disk before the judge is told,
so that several servers may write to one file and a crash takes nothing that was
confirmed. Of several verdicts of a judge on a passage for a query the last one counts.

A line that is no verdict stays where it is and is told of; all others count.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import logging
import os
import threading
from collections.abc import Callable, Container, Iterable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import BinaryIO

from arkiv.base.errors import InputError
from arkiv.base.files import (
    Record,
    check_text,
    parse_record,
    rejection,
    write_records,
)
from arkiv.base.hashing import content_id, text_key
from arkiv.gold.sheet import Judgement, Place, sheet_row

log = logging.getLogger(__name__)

RELEVANT, NOT_RELEVANT, WITHDRAWN = "relevant", "not_relevant", "withdrawn"
KINDS = (RELEVANT, NOT_RELEVANT, WITHDRAWN)
# Lines set aside that are told of one by one.
TOLD = 10


def check_verdict(
    record: Record,
    *,
    passages: Container[str] | None = None,
    queries: Container[str] | None = None,
) -> None:
    """Refuse a record that is no verdict.

    Args:
        record: what a line holds.
        passages: ids of those that may be judged; None: any.
        queries: ids of the test queries; None: any. Readers may ask others, whose id is
            made of their text.

    Raises:
        InputError: naming the key at fault.
    """
    for key in ("query", "query_id", "passage_id", "judge"):
        check_text(record, key)
    if record.get("verdict") not in KINDS:
        raise InputError(f"is not one of {', '.join(KINDS)}", key="verdict")
    passage_id, query_id = record["passage_id"], record["query_id"]
    if passages is not None and passage_id not in passages:
        raise InputError(
            f"is {passage_id}, expected a passage of this run", key="passage_id"
        )
    free = query_id == content_id(record["query"])
    if queries is not None and query_id not in queries and not free:
        raise InputError(f"is {query_id}, expected a query of this run", key="query_id")


class Verdicts:
    """The verdicts in a file of JSON Lines, which others may write to as well.

    Args:
        path: the file; none yet is an empty one.
        check: raises `InputError` for a line that is set aside.
        copied_to: file of the lines that are set aside, each with its reason, written
            anew whenever they are others and removed when there are none; None: they
            are only told of.

    Attributes:
        rejected: the lines set aside, by number, as `read_records` has them.

    Raises:
        InputError: the file cannot be read.
    """

    def __init__(
        self,
        path: str | Path,
        check: Callable[[Record], None] = check_verdict,
        copied_to: str | Path | None = None,
    ) -> None:
        self.path = Path(path)
        self.rejected: dict[int, Record] = {}
        self._check = check
        self._copied_to = None if copied_to is None else Path(copied_to)
        self._lock = threading.Lock()
        # Whether other lines are set aside than were told of; of before may be copies.
        self._others = True
        self._start_over(None)
        try:
            with self._lock:
                self._follow(ended=True)
        except OSError as error:
            reason = f"cannot be read ({error.strerror})"
            raise InputError(reason, file=path) from None

    def add(self, record: Record) -> None:
        """Append a verdict; it is on the disk when this returns.

        Raises:
            OSError: it could not be kept, and the file is as it was.
        """
        line = json.dumps(record, ensure_ascii=False, allow_nan=False).encode() + b"\n"
        self.path.parent.mkdir(parents=True, exist_ok=True)
        # Without a buffer, which would write what was taken back when it is closed.
        with self._lock, open(self.path, "a+b", buffering=0) as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            end = file.seek(0, os.SEEK_END)
            if end and os.pread(file.fileno(), 1, end - 1) != b"\n":
                # What a crash has left of a line, or a whole one that was edited.
                line = b"\n" + line
            try:
                _write_whole(file.fileno(), line)
                os.fsync(file.fileno())
                if not end:
                    _sync_folder(self.path.parent)
            except OSError:
                with contextlib.suppress(OSError):
                    file.truncate(end)
                raise
            # It is kept; what cannot be read now is read by the next who asks.
            with contextlib.suppress(OSError):
                self._follow()

    def of(self, judge: str, query: str) -> dict[str, str]:
        """What a judge has said of passages for a query, by passage id."""
        asked = judge, text_key(query)
        with self._lock:
            self._follow()
            return {
                key[2]: record["verdict"]
                for key, record in self._latest.items()
                if key[:2] == asked
            }

    def latest(self, judge: str | None = None) -> list[Record]:
        """The verdicts that count, of one judge or of all, in the order given."""
        with self._lock:
            self._follow()
            return [
                record
                for record in self._latest.values()
                if record["verdict"] != WITHDRAWN and judge in (None, record["judge"])
            ]

    def _start_over(self, file: tuple[int, int] | None) -> None:
        """Forget all, for the file (its device and inode) is another one, or none."""
        self._file = file
        # By judge, key of the query and passage id.
        self._latest: dict[tuple[str, int, str], Record] = {}
        self._others |= bool(self.rejected)
        self.rejected.clear()
        self._read_to = self._lines = 0
        self._last_line = b""

    def _follow(self, *, ended: bool = False) -> None:
        """Read what is new since the last time.

        Args:
            ended: wait until nobody is writing, so that a last line that is not whole
                is bad.
        """
        try:
            with open(self.path, "rb") as file:
                if ended:
                    # Not every file system has locks.
                    with contextlib.suppress(OSError):
                        fcntl.flock(file, fcntl.LOCK_SH)
                found = os.fstat(file.fileno())
                identity = found.st_dev, found.st_ino
                if identity != self._file or not self._goes_on(file):
                    self._start_over(identity)
                file.seek(self._read_to)
                *lines, last = file.read().split(b"\n")
        except FileNotFoundError:
            self._start_over(None)
            lines, last = [], b""
        for raw in lines:
            self._lines += 1
            self._read_to += len(raw) + 1
            self._last_line = raw + b"\n"
            self._take(self._lines, raw)
        # A line without its end: an editor has left it so, or it is being written. It
        # is whole if it is a verdict, and is read again with its end.
        if last:
            self._take(self._lines + 1, last, whole=ended)
        if self._others:
            self._others = False
            self._tell_of_rejected()

    def _goes_on(self, file: BinaryIO) -> bool:
        """Whether the file has the last line that was read where that was read."""
        file.seek(self._read_to - len(self._last_line))
        return file.read(len(self._last_line)) == self._last_line

    def _take(self, line: int, raw: bytes, *, whole: bool = True) -> None:
        """Count a line, or set it aside if it is whole."""
        try:
            record = parse_record(raw)
            self._check(record)
        except InputError as fault:
            if not whole:
                return
            if line not in self.rejected and len(self.rejected) < TOLD:
                log.warning(
                    "%s; the line is set aside, expected a verdict of the search page",
                    fault.at(self.path, line),
                )
            self._others |= line not in self.rejected
            self.rejected[line] = rejection(self.path, line, fault, raw)
            return
        self._others |= self.rejected.pop(line, None) is not None
        key = record["judge"], text_key(record["query"]), record["passage_id"]
        self._latest.pop(key, None)
        self._latest[key] = record

    def _tell_of_rejected(self) -> None:
        """Say how many lines are set aside, and have copies of them with reasons."""
        if self.rejected:
            log.warning(
                "%d of %d lines of %s are set aside%s",
                len(self.rejected),
                max(self._lines, *self.rejected),
                self.path,
                f", see {self._copied_to}" if self._copied_to else "",
            )
        if self._copied_to is None:
            return
        try:
            if self.rejected:
                write_records(self._copied_to, self.rejected.values())
            else:
                self._copied_to.unlink(missing_ok=True)
        except OSError as error:
            log.warning("%s: cannot be written (%s)", self._copied_to, error)


def _write_whole(descriptor: int, data: bytes) -> None:
    """Write all of it; a disk that is filling up takes a part first."""
    while data:
        data = data[os.write(descriptor, data) :]


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sheet_rows(
    verdicts: Iterable[Record], passages: Mapping[str, Record]
) -> Iterator[list[str]]:
    """Verdicts as lines of the human sheet: 1 for relevant, 0 for not.

    Those on other passages than these, by id, are left out.
    """
    for verdict in verdicts:
        if (passage := passages.get(verdict["passage_id"])) is not None:
            yield sheet_row(
                verdict["query_id"],
                verdict["query"],
                passage,
                grade=_grade(verdict),
                judge=verdict["judge"],
            )


def read_verdicts(
    path: str | Path,
    *,
    queries: Container[str] | None = None,
    passages: Container[str] | None = None,
    rejected: list[Record] | None = None,
) -> list[Judgement]:
    """The verdicts that count in a file of the search page; bad lines are told of.

    Args:
        path: the file.
        queries: as for `check_verdict`, likewise the passages.
        rejected: where lines that are set aside go too, as `read_records` has them.

    Raises:
        InputError: no such file.
    """
    if not Path(path).is_file():
        raise InputError("no such file", file=path)
    verdicts = Verdicts(
        path, partial(check_verdict, queries=queries, passages=passages)
    )
    if rejected is not None:
        rejected += verdicts.rejected.values()
    return [
        Judgement(
            verdict["query_id"],
            verdict["passage_id"],
            _grade(verdict),
            verdict["judge"],
            verdict["query"],
            Place(str(path)),
            graded=False,
        )
        for verdict in verdicts.latest()
    ]


def _grade(verdict: Record) -> int:
    return int(verdict["verdict"] == RELEVANT)
