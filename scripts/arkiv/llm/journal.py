"""The journal of a run: every answer and every cost, appended as it comes.

All jobs of a run share one file of JSON Lines, each append under a lock and on the disk
before the next. So what was answered is never asked again, by whichever job, and the
budget holds for all of them together: a request is entered with the most that it can
cost before it is sent, and with what it did cost when the answer is there. A request
whose fate is unknown (the job was killed, the line cut) counts as if it had cost the
most. A last line that a kill left unfinished is cut off.
"""

from __future__ import annotations

import fcntl
import json
import logging
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from arkiv.base.errors import InputError
from arkiv.base.files import Record
from arkiv.base.hashing import content_id
from arkiv.llm.protocol import Answer, Request
from arkiv.llm.settings import Budget, Cost, Prices

log = logging.getLogger("arkiv.llm.journal")


class Journal:
    """The answers of a run by key, and its spending; a context manager.

    Threads of a job share one.

    Args:
        path: the file, the same for all jobs of a run.
        job: name of the job, the same when it is tried again.
        budget: what the run may cost.
        prices: of the tokens.
        key: of the budget in the configuration.
    """

    def __init__(
        self, path: str | Path, job: str, budget: Budget, prices: Prices, *, key: str
    ) -> None:
        self._path = Path(path)
        self._job = job
        self._budget = budget
        self._prices = prices
        self._key = key
        self._changed = threading.Condition()
        self._places: dict[str, int] = {}
        self._open: dict[tuple[str, str], Cost] = {}
        self._read = 0
        self.spent = Cost()
        self.lost = 0

    def __enter__(self) -> Journal:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._guard = self._only_one()
        self._file = open(self._path, "a+b", buffering=0)
        # Requests of an earlier try that is dead: whether they were answered and
        # billed nobody knows.
        with self._changed, self._locked():
            if any(job == self._job for job, _ in self._open):
                self._append({"event": "begin"})
        if self._places:
            log.info("%s: %d answers, %s", self._path, len(self._places), self.spent)
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()
        self._guard.close()

    def _only_one(self) -> BinaryIO:
        """Keep a second job of this name out, as long as the file is open."""
        path = self._path.with_name(f".{content_id(self._job)}.lock")
        guard = open(path, "a+b")  # noqa: SIM115
        try:
            fcntl.flock(guard, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            guard.close()
            if not isinstance(error, BlockingIOError):
                raise self._without_locks(error) from None
            raise InputError(
                f"the job {self._job} is at work already and would ask everything "
                "twice; wait until it has ended",
                file=self._path,
            ) from None
        return guard

    def _without_locks(self, error: OSError) -> InputError:
        return InputError(
            f"lies on a filesystem without locks ({error.strerror}), which jobs that "
            "share it need",
            file=self._path,
        )

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """Hold the file's lock, with everything that others have appended read."""
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX)
        except OSError as error:
            raise self._without_locks(error) from None
        try:
            self._catch_up()
            yield
        finally:
            fcntl.flock(self._file, fcntl.LOCK_UN)

    def _lines(self, place: int) -> Iterator[bytes]:
        """The lines from a place on."""
        self._file.seek(place)
        return iter(open(self._file.fileno(), "rb", closefd=False))

    def _catch_up(self) -> None:
        # A line at a time: of the answers only the places are held in memory.
        for raw in self._lines(self._read):
            if not raw.endswith(b"\n"):
                log.warning("%s: cut off an unfinished last line", self._path)
                self._file.truncate(self._read)
                return
            try:
                self._take(json.loads(raw), self._read)
            except (ValueError, KeyError, TypeError):
                log.warning("%s: passed over a damaged line", self._path)
            self._read += len(raw)

    def _take(self, line: Record, place: int) -> None:
        """Take in what a line says."""
        event, job = line["event"], line["job"]
        if event == "begin":
            for at in [at for at in self._open if at[0] == job]:
                self._lose(at)
            return
        at = (job, line["key"])
        if event == "ask":
            self._open[at] = Cost(1, line["tokens"], line["money"])
        elif event == "answer":
            self._open.pop(at, None)
            self._places[line["key"]] = place
            self.spent += Cost(1, line["input"] + line["output"], line["money"])
        elif event == "lost":
            self._lose(at)
        else:
            self._open.pop(at, None)

    def _lose(self, at: tuple[str, str]) -> None:
        if (cost := self._open.pop(at, None)) is not None:
            self.spent += cost
            self.lost += 1

    def _append(self, line: Record) -> None:
        """Append a line, under the lock, and see it onto the disk."""
        data = json.dumps({"job": self._job, **line}, ensure_ascii=False) + "\n"
        raw = data.encode()
        while raw:
            raw = raw[self._file.write(raw) :]
        os.fsync(self._file.fileno())
        self._catch_up()

    def __contains__(self, key: str) -> bool:
        return key in self._places

    def answer(self, key: str) -> tuple[Answer, float]:
        """The answer to a request that is in the journal, and what it cost."""
        with self._changed:
            line = json.loads(next(self._lines(self._places[key])))
        answer = Answer(
            line["text"], line["input"], line["output"], line["cut"], line["estimated"]
        )
        return answer, line["money"]

    def ask(self, request: Request, *, wait: bool = True) -> None:
        """Enter a request that is about to be sent.

        With `wait`, where the budget has no room for the most that it can cost, those
        that other threads have under way are waited for, which mostly cost less.

        Raises:
            InputError: the budget has no room for it.
        """
        most = self._prices.cost(request.most_input, request.max_tokens)
        with self._changed:
            while True:
                with self._locked():
                    reserved = sum(self._open.values(), Cost())
                    limit = self._budget.exceeded(self.spent + reserved + most)
                    if limit is None:
                        self._append(
                            {
                                "event": "ask",
                                "key": request.key,
                                "tokens": most.tokens,
                                "money": most.money,
                            }
                        )
                        return
                if not (wait and any(job == self._job for job, _ in self._open)):
                    raise InputError(
                        f"is {getattr(self._budget, limit)}, and the next request "
                        f"could go beyond it: {self.spent} are spent; raise it and "
                        "run again, what was answered is kept",
                        key=f"{self._key}.{limit}",
                    )
                self._changed.wait()

    def settle(self, request: Request, answer: Answer) -> None:
        """Enter an answer."""
        cost = self._prices.cost(answer.input, answer.output)
        self._enter(
            {
                "event": "answer",
                "key": request.key,
                "input": answer.input,
                "output": answer.output,
                "estimated": answer.estimated,
                "cut": answer.cut,
                "money": cost.money,
                "text": answer.text,
            }
        )

    def lose(self, request: Request, reason: str) -> None:
        """Enter that a request may have been answered and billed, without an answer."""
        self._enter({"event": "lost", "key": request.key, "reason": reason})

    def refuse(self, request: Request, reason: str) -> None:
        """Enter that a request was turned away and cost nothing."""
        self._enter({"event": "refused", "key": request.key, "reason": reason})

    def _enter(self, line: Record) -> None:
        with self._changed:
            with self._locked():
                self._append(line)
            self._changed.notify_all()
