"""The search page with many users at once."""

from __future__ import annotations

from pathlib import Path

from benchmarks import ROOT
from benchmarks.bench import Bench, Result, require
from benchmarks.harness import Limit, Variant
from benchmarks.users import command

USERS, SHARE, SECONDS = 50, 0.99, 1.0


def serve(bench: Bench) -> Result:
    """Let 50 users search at once, each without a pause, no query twice.

    There is no peer; the waits are judged by themselves.
    """
    passages, queries, each = bench.size(full=(2_000, 500, 40), quick=(100, 20, 2))
    made = bench.made("served", passages, queries)
    users = Variant(
        "arkiv, server and users",
        [command(made, USERS, each)],
        environment={"PYTHONPATH": f"{ROOT}:{ROOT / 'scripts'}"},
    )
    runs = bench.measure([users])
    return Result(
        f"{USERS * each:,} searches of {passages:,} passages by BM25, base and tuned "
        f"model side by side, {USERS} users at once without a pause, start included",
        runs,
        [Limit("memory", users.name, (), 2_000)],
        [check(bench.out(users) / "waits.npy", USERS * each, judged=not bench.quick)],
    )


def check(path: Path, searches: int, *, judged: bool) -> str:
    """See that all were answered, and in time.

    Raises:
        BenchmarkError: they were not.
    """
    late, said = told(path, searches)
    if judged:
        require(late <= SECONDS, f"99 % of the searches take longer than 1 s: {said}")
    return f"All {searches:,} searches of the last run were answered: {said}."


def told(path: Path, searches: int) -> tuple[float, str]:
    """Seconds within which 99 % were answered, and how long they waited in words.

    Raises:
        BenchmarkError: some were not answered.
    """
    import numpy as np

    waits = np.load(path)
    require(len(waits) == searches, f"{len(waits)} of {searches} were answered")
    median, late = np.quantile(waits, [0.5, SHARE])
    return late, (
        f"median {median:.2f} s, {SHARE:.0%} within {late:.2f} s, longest "
        f"{waits.max():.2f} s"
    )
