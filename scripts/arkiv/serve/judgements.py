"""The search page's judgements: a file that only grows, one verdict a line.

A line is written whole under a lock and has reached the disk before the judge is told,
so that several servers may write to one file and a crash takes nothing that was
confirmed. Of several verdicts of a judge on a passage for a query the last one counts.
"""

from __future__ import annotations

import fcntl
import json
import os
import threading
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from arkiv.base.errors import InputError
from arkiv.base.files import Record, check_text, parse_record
from arkiv.base.hashing import text_key
from arkiv.gold.sheet import Judgement, Place, sheet_row

RELEVANT, NOT_RELEVANT, WITHDRAWN = "relevant", "not_relevant", "withdrawn"
KINDS = (RELEVANT, NOT_RELEVANT, WITHDRAWN)


def check_verdict(record: Record) -> None:
    """Refuse a record that is no verdict.

    Raises:
        InputError: naming the key at fault.
    """
    for key in ("query", "query_id", "passage_id", "judge"):
        check_text(record, key)
    if record.get("verdict") not in KINDS:
        raise InputError(f"is not one of {', '.join(KINDS)}", key="verdict")


class Verdicts:
    """The verdicts in a file of JSON Lines, which others may write to as well.

    Raises:
        InputError: it holds a line that is no verdict.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self._lock = threading.Lock()
        # By judge, key of the query and passage id.
        self._latest: dict[tuple[str, int, str], Record] = {}
        self._read_to = self._lines = 0
        with self._lock:
            self._follow()

    def add(self, record: Record) -> None:
        """Append a verdict; it is on the disk when this returns."""
        line = json.dumps(record, ensure_ascii=False, allow_nan=False) + "\n"
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self._lock:
            new = not self.path.exists()
            with open(self.path, "ab") as file:
                fcntl.flock(file, fcntl.LOCK_EX)
                self._follow()
                # What a crash has left of a line: nobody was told that it stands.
                if file.seek(0, os.SEEK_END) > self._read_to:
                    file.truncate(self._read_to)
                file.write(line.encode())
                file.flush()
                os.fsync(file.fileno())
            if new:
                _sync_folder(self.path.parent)
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

    def _follow(self) -> None:
        """Read the whole lines that are new since the last time."""
        try:
            with open(self.path, "rb") as file:
                file.seek(self._read_to)
                new = file.read()
        except FileNotFoundError:
            return
        for raw in new[: new.rfind(b"\n") + 1].splitlines(keepends=True):
            self._lines += 1
            self._read_to += len(raw)
            try:
                record = parse_record(raw)
                check_verdict(record)
            except InputError as fault:
                raise InputError(
                    fault.reason, file=self.path, line=self._lines, key=fault.key
                ) from None
            key = record["judge"], text_key(record["query"]), record["passage_id"]
            self._latest.pop(key, None)
            self._latest[key] = record


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


def read_verdicts(path: str | Path) -> list[Judgement]:
    """The verdicts that count in a file of the search page.

    Raises:
        InputError: no such file, or a line of it is no verdict.
    """
    if not Path(path).is_file():
        raise InputError("no such file", file=path)
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
        for verdict in Verdicts(path).latest()
    ]


def _grade(verdict: Record) -> int:
    return int(verdict["verdict"] == RELEVANT)
