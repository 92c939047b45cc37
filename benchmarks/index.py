"""The index of a million passages: written, committed, searched, and on the page."""

from __future__ import annotations

import sys
from pathlib import Path

from arkiv.base.files import read_json
from arkiv.index.reading import MODES
from benchmarks import ROOT
from benchmarks.bench import Bench, Result
from benchmarks.harness import Limit, Variant
from benchmarks.serve import SECONDS, SHARE, USERS, told
from benchmarks.users import command

PARTS = 2
# Milliseconds of a filtered search by hybrid, at the median.
MOST_MS = 200
ENVIRONMENT = {"PYTHONPATH": f"{ROOT}:{ROOT / 'scripts'}"}


def index(bench: Bench) -> Result:
    """Write an index in parts by two processes, and search it.

    There is no peer: times are judged by themselves, and by those of fewer passages.
    """
    sizes = bench.size(full=(1_000_000, 300_000, 100_000), quick=(20_000, 6_000, 2_000))
    each = bench.size(full=20, quick=1)
    run = bench.made("page")
    made = {
        f"{passages:,} passages": writing(passages, run / "results/served/model")
        for passages in sizes
    }
    most, third, tenth = (
        Variant(f"arkiv, {name}", commands, runs=1, environment=ENVIRONMENT)
        for name, commands in made.items()
    )
    runs = bench.measure([most, third, tenth])
    search = Variant(
        f"searches of {sizes[0]:,} passages",
        [table(bench.out(most), "search", "{out}/found.json")],
        environment=ENVIRONMENT,
    )
    pages = [
        Variant(
            f"search page, {name}",
            [
                ["ln", "-sfn", str(bench.out(of)), str(run / "results/served/index")],
                command(run, users, each),
            ],
            environment=ENVIRONMENT,
        )
        for name, of, users in (
            (f"{sizes[0]:,} passages, one user", most, 1),
            (f"{sizes[2]:,} passages, {USERS} users", tenth, USERS),
        )
    ]
    runs |= bench.measure([search, *pages])
    return Result(
        f"Writing {sizes[0]:,} passages with made-up texts and vectors of 1,024 "
        f"dimensions to an index in {PARTS} parts at the same time, committing and "
        "searching them",
        runs,
        [
            Limit("wall", most.name, (), 15 * 60),
            Limit("memory", most.name, (), 4_000),
            # Ten thirds of the passages.
            Limit("cpu", most.name, (third.name,), 4),
            Limit("memory", pages[0].name, (), 2_000),
        ],
        [
            searched(bench.out(search) / "found.json"),
            waited(bench.out(pages[1]) / "waits.npy", USERS * each),
        ],
    )


def table(folder: object, *words: object) -> list[str]:
    """The command that does something to the index of a folder."""
    start = [sys.executable, "-m", "benchmarks.table", "--folder", str(folder)]
    return [*start, *map(str, words)]


def writing(passages: int, model: Path) -> list[list[str]]:
    """Commands that write the parts of an index at the same time, and commit them."""
    parts: list[str] = []
    for number in range(1, PARTS + 1):
        parts += ["---"] if parts else []
        parts += table("{out}", "part", f"{number}-of-{PARTS}", passages)
    together = [sys.executable, "-m", "benchmarks.together", *parts]
    return [together, table("{out}", "commit", model)]


def verdict(value: float, most: float) -> str:
    """Whether a value is small enough, in words."""
    return "holds" if value <= most else "**missed**"


def searched(path: Path) -> str:
    """How long searches took, and how many of the nearest were found."""
    found = read_json(path)

    def times(name: str) -> str:
        each = (f"{mode.replace('_', ' ')} {found[mode][name]:.0f}" for mode in MODES)
        return ", ".join(each)

    hybrid, about = found["hybrid"]["some"], found["about"]
    said = (
        f"Milliseconds of a search at the median: {times('all')}; of some years and "
        f"types: {times('some')}. Of these by hybrid at most {MOST_MS}: "
        f"{verdict(hybrid, MOST_MS)}."
    )
    if about["approximate"]:
        said += (
            f" By {about['probes']} partitions of the index dense search finds "
            f"{about['recall_at_10']:.3f} of the exact one's first ten."
        )
    return said


def waited(path: Path, searches: int) -> str:
    """How long users waited."""
    late, said = told(path, searches)
    return (
        f"{USERS} users at once: {said}; {SHARE:.0%} within {SECONDS:.0f} s: "
        f"{verdict(late, SECONDS)}."
    )
