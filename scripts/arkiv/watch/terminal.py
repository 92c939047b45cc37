"""What the terminal shows of a run that Snakemake does: a live line, one line a stage.

Snakemake tells its log of what happens to jobs (`snakemake.logging`, the events of
snakemake-interface-logger-plugins). `Watcher` hears it, keeps the journal, and on a
terminal puts one line in the place of the messages of each job, which stay in
Snakemake's own log. Elsewhere, as in the log of a login node, those messages stay too.
"""

from __future__ import annotations

import atexit
import contextlib
import logging
import os
import re
import shutil
import sys
import threading
import time
from collections.abc import Callable, Sequence
from typing import TextIO

from arkiv.base.errors import refused
from arkiv.watch import lines
from arkiv.watch.ending import faults, stopped
from arkiv.watch.journal import Journal
from arkiv.watch.state import State

# Events of Snakemake that the live line stands for, and those of a fault, which the
# last line tells.
OF_JOBS = {"job_info", "job_started", "job_finished", "progress", "job_error"}
OF_FAULTS = {"RuleException", "CalledProcessError", "SpawnedJobError"}
CHATTER = (
    "Select jobs to execute...",
    "Removing output files of failed job",
    "Shutting down, this might take some time.",
    "Exiting because a job execution failed.",
    "WorkflowError:\nAt least one job did not complete",
)
INTERRUPTED = "Terminating processes on user request"
NOTHING = "Nothing to be done"
TRACE = re.compile(r'(\n +File "[^\n]*)+\s*\Z')
# Where in our rules a fault of the configuration was found.
PLACE = re.compile(r'\AWorkflowError in file "[^\n]*", line \d+:\n(?=configuration: )')
# Of Snakemake's own, and what the system says with one.
OF_SYSTEM = {"OSError", "PermissionError", "NotADirectoryError", "IsADirectoryError"}
REFUSED = re.compile(r"\[Errno (\d+)\] ([^\n:]+)(?:: '([^\n]*)')?")
# Seconds between two looks at the logs, and between two signs of life.
TICK, BEAT = 1.0, 30.0
LOGS_A_SECOND = 20
ERASE = "\r\x1b[K"


def without_trace(record: logging.LogRecord) -> bool:
    """Leave out where in the code a fault was found that is none of it; a filter.

    Of the configuration, and of what the system refuses Snakemake itself, such as to
    write where the results go.
    """
    said, kind = str(record.msg), getattr(record, "exception", None)
    if kind == "WorkflowError":
        record.msg = PLACE.sub("error: ", TRACE.sub("", said))
    elif kind in OF_SYSTEM and (found := REFUSED.search(said)):
        number, reason, path = found.groups()
        told = refused(OSError(int(number), reason, path))
        record.msg = f"error: {told}" if told else said
    return True


class Watcher(logging.Handler):
    """Hears what Snakemake logs, from the reading of the rules on.

    Args:
        journal: of the run.
        at_end: gives the lines for a run that ended well, or had nothing to do.
        stream: where lines of ours go, until Snakemake's own handler is known.
        live: whether a line may be drawn there.
        folder: the directory that Snakemake was told to run in, if it was.
    """

    def __init__(
        self,
        journal: Journal,
        at_end: Callable[[], Sequence[str]],
        stream: TextIO = sys.stderr,
        live: bool = False,
        folder: str = "",
    ) -> None:
        super().__init__(logging.INFO)
        self.journal, self.at_end = journal, at_end
        self.folder = folder
        self.out, self.live = stream, live
        self.state = State()
        self.began = self.silent = self.nothing = False
        self.others: list[str] = []
        self.drawn = self.mute = False
        # Snakemake leaves the directory that it was told to run in before it ends.
        self.here = os.getcwd()
        self.drawing = threading.RLock()

    def attach(
        self, logger: logging.Logger, *, whole: bool = False, mute: bool = False
    ) -> None:
        """Hear a logger; on a terminal stand in for its messages.

        Args:
            logger: Snakemake's.
            whole: its messages are all asked for.
            mute: nothing is to be said, of which the journal still knows.
        """
        self.mute = mute
        logger.addHandler(self)
        for handler in logger.handlers:
            if handler.name == "DefaultStreamHandler":
                self.out = handler.stream
                plain = whole or mute or os.environ.get("TERM") == "dumb"
                self.live = self.out.isatty() and not plain
                handler.addFilter(self.shown)
        atexit.register(self.last_words)
        before = sys.excepthook

        def hook(kind, error, trace):
            if issubclass(kind, KeyboardInterrupt):
                self.silent = True
            else:
                before(kind, error, trace)

        sys.excepthook = hook

    def begin(self, jobs: dict[str, int]) -> None:
        """The run begins, with so many jobs of each rule."""
        self.state.take(self.journal.begin(jobs))
        self.began = True
        threading.Thread(target=self._tick, daemon=True).start()

    def end(self, how: str) -> None:
        """The run ended: well or badly, if nobody stopped it."""
        how = "stopped" if self.silent else how
        self.state.take(self.journal.add("ended", how=how))

    def emit(self, record: logging.LogRecord) -> None:
        """Take a message of Snakemake into account."""
        try:
            self._hear(record)
        except Exception:
            self.handleError(record)

    def _hear(self, record: logging.LogRecord) -> None:
        said = str(record.msg or "")
        if said.startswith(INTERRUPTED):
            self.silent = True
        elif said.startswith(NOTHING):
            self.nothing = True
        if not self.began:
            return
        match str(getattr(record, "event", "")):
            case "job_info":
                self._take(
                    "job",
                    id=record.jobid,
                    rule=record.rule_name,
                    says=record.rule_msg or record.rule_name,
                    log=next(iter(record.log), None),
                )
            case "job_finished":
                self._take("finished", id=record.job_id)
            case "job_error":
                self._take("failed", id=record.jobid, says=record.rule_msg)
            case "error" if record.exception not in OF_FAULTS:
                last = said.strip().splitlines()[-1:]
                self.others += [line.removeprefix("error: ") for line in last]

    def _take(self, event: str, **what) -> None:
        ended = self.state.take(self.journal.add(event, **what))
        if self._shows:
            self.erase()
        if self.silent:
            return
        if ended is not None:
            self.say(lines.stage_line(ended, self.state))
        elif event == "failed" and self.live:
            self.say(lines.failed_line(self.state.failed[what["id"]]))

    def shown(self, record: logging.LogRecord) -> bool:
        """Whether a message is shown where Snakemake shows its own; a filter."""
        if self.silent or str(record.msg or "").startswith(INTERRUPTED):
            return False
        event = str(getattr(record, "event", ""))
        if self.began and event == "error" and str(record.msg).startswith("error: "):
            return False  # it is the last line
        if self.live and self.began:
            if event in OF_JOBS or str(record.msg or "").startswith(CHATTER):
                return False
            if event == "error" and record.exception in OF_FAULTS:
                return False
        self.erase()
        return True

    @property
    def _shows(self) -> bool:
        """Whether a target runs, whose program writes to the terminal itself."""
        return any(job.stage is None for job in [*self.state.running.values()])

    @property
    def width(self) -> int:
        """Columns that may be written to: the last one would begin a new line."""
        return max(20, shutil.get_terminal_size((80, 24)).columns - 1)

    def say(self, line: str) -> None:
        """A line of ours, between Snakemake's messages."""
        if self.mute:
            return
        with self.drawing:
            self.erase()
            print(lines.fitted(line, self.width), file=self.out, flush=True)

    def erase(self) -> None:
        """Take the live line away."""
        with self.drawing:
            if self.drawn:
                self.out.write(ERASE)
                self.out.flush()
                self.drawn = False

    def draw(self) -> None:
        """Put the live line where the cursor is, which stays at its beginning."""
        now = time.time()
        text = lines.live(self.state, now, self.width)
        if self.silent:
            text = lines.fitted("Stopping: what runs is ended …", self.width)
        with self.drawing:
            if self.state.how is None and not self._shows:
                self.out.write(f"{ERASE}{text}\r")
                self.out.flush()
                self.drawn = True

    def _tick(self) -> None:
        beat = time.monotonic()
        while self.state.how is None:
            # A stream that is closed is not drawn on; nothing else depends on it.
            if self.live:
                with contextlib.suppress(OSError, ValueError):
                    self.draw()
            if time.monotonic() - beat > BEAT:
                self.journal.beat()
                beat = time.monotonic()
            time.sleep(max(TICK, len(self.state.running) / LOGS_A_SECOND))

    def last_words(self) -> None:
        """What stands last, after all that Snakemake says at its end."""
        with contextlib.chdir(self.here):
            self._last_words()

    def _last_words(self) -> None:
        self.erase()
        if self.began and self.state.how is None:
            self.end("badly")
        if self.silent:
            if self.live:
                self.out.write(ERASE)  # of ^C
            said = [stopped(self.state)] if self.began else ["Stopped by Ctrl-C."]
        elif self.state.how == "badly":
            said = faults(self.state, self.others, self.folder)
        elif self.state.how == "well" or self.nothing:
            said = self.at_end()
        else:
            return
        if said and not self.mute:
            print("\n".join(said), file=self.out, flush=True)
