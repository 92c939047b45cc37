"""Where a run's jobs are, from the events of its journal."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from arkiv.base.files import Record
from arkiv.report.jobs import STAGES

STAGE_OF = {rule: stage for stage, rules in STAGES.items() for rule in rules}


@dataclass
class Job:
    """A job that was started, or given to a cluster."""

    rule: str
    says: str
    log: str | None
    since: float
    tries: int = 1
    fault: str | None = None  # of the last try, what is known of it

    @property
    def stage(self) -> str | None:
        """The stage that its rule is of; None: a target, which does nothing itself."""
        return STAGE_OF.get(self.rule)


@dataclass
class Ended:
    """A stage whose last job has just ended."""

    stage: str
    jobs: int
    seconds: float


@dataclass
class State:
    """A run: how many jobs there are by rule, what runs, what is done."""

    planned: Counter = field(default_factory=Counter)
    done: Counter = field(default_factory=Counter)
    running: dict[int, Job] = field(default_factory=dict)
    failed: dict[int, Job] = field(default_factory=dict)
    took: Counter = field(default_factory=Counter)  # seconds of all done, by rule
    stage_began: dict[str, float] = field(default_factory=dict)
    began: float | None = None
    how: str | None = None  # it ended

    @classmethod
    def of(cls, events: Iterable[Record]) -> State:
        """After all these events; what is none of ours is passed over."""
        state = cls()
        for event in events:
            try:
                state.take(event)
            except (KeyError, TypeError, ValueError):
                continue
        return state

    @property
    def total(self) -> int:
        """Jobs that there are to be."""
        return self.planned.total()

    @property
    def finished(self) -> int:
        """Jobs that are done."""
        return self.done.total()

    def left(self, rule: str) -> float | None:
        """Seconds until a rule of several jobs is done, if as many go on at a time and
        take as long as those before; None: none of them is done."""
        running = sum(job.rule == rule for job in [*self.running.values()])
        if not (done := self.done[rule]) or not running:
            return None
        return self.took[rule] / done * (self.planned[rule] - done) / running

    def take(self, event: Record) -> Ended | None:
        """Take an event into account; return the stage that ended with it, if one did.

        Raises:
            KeyError: the event lacks something.
        """
        at = event["at"]
        match event["event"]:
            case "begun":
                self.planned, self.began = Counter(event["jobs"]), at
            case "job":
                before = self.failed.pop(event["id"], None)
                tries = before.tries + 1 if before else 1
                job = Job(event["rule"], event["says"], event["log"], at, tries)
                self.running[event["id"]] = job
                if job.stage is not None:
                    self.stage_began.setdefault(job.stage, at)
            case "finished":
                if (job := self.running.pop(event["id"], None)) is not None:
                    self.done[job.rule] += 1
                    self.took[job.rule] += at - job.since
                    return self._ended(job.stage, at)
            case "failed":
                if (job := self.running.pop(event["id"], None)) is not None:
                    self.failed[event["id"]] = job
                if event["id"] in self.failed:
                    job = self.failed[event["id"]]
                    job.fault = event["says"] or job.fault
            case "ended":
                self.how = event["how"]
        return None

    def _ended(self, stage: str | None, at: float) -> Ended | None:
        if stage is None:
            return None
        planned, done = (
            sum(count for rule, count in counts.items() if STAGE_OF.get(rule) == stage)
            for counts in (self.planned, self.done)
        )
        if done < planned:
            return None
        return Ended(stage, done, at - self.stage_began.get(stage, at))
