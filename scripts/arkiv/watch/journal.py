"""What happens to a run's jobs, a line each in `logs/events.log`, as JSON.

The process that started the run writes it, wherever the jobs run; each start begins it
anew. An event has `event`, `at` (seconds since the epoch), and

- `begun`: `jobs`, how many there are to be by rule;
- `job`: `id`, `rule`, `says` (what it does), `log` (its file, or null), once more for
  each try;
- `finished`: `id`;
- `failed`: `id`, and `says`, what is known of why, or null;
- `ended`: `how`, one of well, badly, stopped.
"""

from __future__ import annotations

import contextlib
import json
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from arkiv.base.files import Record

NAME = "logs/events.log"


class Journal:
    """Appends events to a file; what cannot be written is left out.

    Args:
        path: the file.
        clock: seconds since the epoch.
    """

    def __init__(
        self, path: str | Path, clock: Callable[[], float] = time.time
    ) -> None:
        self.path, self.clock = Path(path), clock

    def begin(self, jobs: dict[str, int]) -> Record:
        """Begin anew with how many jobs of each rule there are to be."""
        with contextlib.suppress(OSError):
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self.path.unlink(missing_ok=True)
        return self.add("begun", jobs=jobs)

    def add(self, event: str, **what: Any) -> Record:
        """Append an event; return it."""
        record = {"event": event, "at": round(self.clock(), 3), **what}
        line = json.dumps(record, ensure_ascii=False) + "\n"
        # It shows how a run goes, and is not to end one.
        with (
            contextlib.suppress(OSError),
            open(self.path, "a", encoding="utf-8", errors="replace") as file,
        ):
            file.write(line)
        return record

    def beat(self) -> None:
        """Say by the time of the file that the run still goes."""
        with contextlib.suppress(OSError):
            os.utime(self.path)


def events(path: str | Path) -> Iterator[Record]:
    """The events that a file has by now; the last line may be half written."""
    try:
        text = Path(path).read_text(encoding="utf-8", errors="replace")
    except OSError:
        return
    for line in text.split("\n"):
        try:
            record = json.loads(line)
        except ValueError:
            continue
        if isinstance(record, dict):
            yield record
