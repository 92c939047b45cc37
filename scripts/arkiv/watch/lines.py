"""Where a run stands, in lines that a terminal of 80 columns takes."""

from __future__ import annotations

from collections.abc import Iterator

from arkiv.base.markdown import counted
from arkiv.base.terminal import visible
from arkiv.watch import logs
from arkiv.watch.state import Ended, Job, State

WIDTH = 79
# Jobs that are listed one by one.
SHOWN = 12
# Seconds after which a run that says nothing is taken for dead.
SILENT = 180
# Seconds after which a job that has no log yet is taken to wait in a queue.
START = 5


def lasting(seconds: float) -> str:
    """A time for people, in its two largest units at most: `2 h 5 min`."""
    whole = max(0, round(seconds))
    if whole < 60:
        return f"{whole} s"
    if whole < 600:
        return f"{whole // 60} min {whole % 60} s"
    if whole < 3600:
        return f"{round(whole / 60)} min"
    if whole < 48 * 3600:
        return f"{whole // 3600} h {whole % 3600 // 60} min"
    return f"{whole // 86400} d {whole % 86400 // 3600} h"


def fitted(text: str, width: int) -> str:
    """A text cut to a width, on one line."""
    text = visible(text)
    return text if len(text) <= width else text[: max(0, width - 1)] + "…"


def at_work(job: Job, now: float) -> tuple[str, float | None]:
    """How far a job is, and how many seconds are left, if it is known."""
    found = logs.standing_of(job.log, job.since) if job.log else None
    since = lasting(now - job.since)
    if found is None:
        waits = not _begun(job) and now - job.since > START
        return f"in the queue, {since}" if waits else since, None
    # After all that it counts a job may go on to something else.
    if not (left := found.left(now)):
        return f"{found}, {since}", None
    return f"{found}, {lasting(left)} left", left


def job_line(job: Job, now: float, width: int, after: str = "") -> str:
    """A job and how far it is: its name is cut before its numbers are."""
    told, _ = at_work(job, now)
    again = f" (try {job.tries})" if job.tries > 1 else ""
    rest = f"{again}: {told}{after}"
    return fitted(fitted(job.says, max(12, width - len(rest))) + rest, width)


def live(state: State, now: float, width: int = WIDTH) -> str:
    """One line: how many jobs are done, and which of those that run will last."""
    head = f"{state.finished}/{state.total} "
    if not state.running:
        return fitted(head + "jobs done", width)
    jobs = list(state.running.values())
    left = {id(job): at_work(job, now)[1] for job in jobs}
    job = max(
        jobs, key=lambda job: (_begun(job), left[id(job)] or 0.0, now - job.since)
    )
    after = f" (+{len(jobs) - 1})" if len(jobs) > 1 else ""
    return fitted(head + job_line(job, now, width - len(head), after), width)


def stage_line(ended: Ended, state: State) -> str:
    """That a stage is done, and how far the run is."""
    return (
        f"{ended.stage}: {counted(ended.jobs, 'job')} in {lasting(ended.seconds)}; "
        f"{state.finished} of {state.total} jobs of the run done"
    )


def failed_line(job: Job) -> str:
    """That a job failed, and why."""
    again = f" (try {job.tries})" if job.tries > 1 else ""
    return f"failed: {job.says}{again}: {logs.why(job.log, job.fault)}"


def overview(
    state: State, now: float, heard: float | None = None, width: int = WIDTH
) -> Iterator[str]:
    """All that is known of a run: how far it is, what runs and waits, what failed.

    Args:
        state: the run.
        now: seconds since the epoch.
        heard: when it was last heard of.
        width: columns.
    """
    if state.began is None:
        yield "The run was not started yet, or by an older version."
        return
    for line in _overview(state, now, heard, width):
        yield fitted(line, width)


def _overview(
    state: State, now: float, heard: float | None, width: int
) -> Iterator[str]:
    begun = [job for job in state.running.values() if _begun(job)]
    waiting = [job for job in state.running.values() if not _begun(job)]
    ends = {"well": "ended well", "badly": "failed", "stopped": "was stopped"}
    said = ends.get(state.how or "")
    head = f"{state.finished} of {counted(state.total, 'job')} done"
    if said is None:
        head += f", {len(begun)} running"
        head += f", {len(waiting)} waiting in the queue" if waiting else ""
        head += f", after {lasting(now - state.began)}"
    else:
        head += f"; the run {said}"
    yield head
    if said is None and heard is not None and now - heard > SILENT:
        yield (
            f"Nothing heard of it for {lasting(now - heard)}: whoever started it may "
            "have been killed."
        )
    if said is None:
        for rule in dict.fromkeys(job.rule for job in state.running.values()):
            if left := state.left(rule):
                of = f"{state.done[rule]} of {state.planned[rule]} jobs done"
                yield f"  {rule}: {of}, about {lasting(left)} left"
        for job in begun[:SHOWN]:
            yield "  " + job_line(job, now, width - 2)
        if len(begun) > SHOWN:
            yield f"  … and {len(begun) - SHOWN} more"
    for job in list(state.failed.values())[:SHOWN]:
        yield f"  {failed_line(job)}"


def _begun(job: Job) -> bool:
    return job.log is None or logs.has_begun(job.log, job.since)
