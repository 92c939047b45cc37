"""Measure every stage that runs no model at a million passages and at a tenth of them.

The commands are those that Snakemake plans for a run of the pipeline, from pages to the
audit, the shards and the report of a baseline; they run one after the other. What a
model would give between them is made up. Writes results/scale.json and RESULTS.md in
benchmarks/; with --quick, in benchmarks/.cache/quick/.
"""

from __future__ import annotations

import argparse
import json
import logging
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from arkiv.base.files import read_json, read_records, write_json
from benchmarks import HERE, ROOT, report
from benchmarks.harness import BenchmarkError, Run, measured
from benchmarks.quality.run import described
from benchmarks.scale.made import MADE
from benchmarks.scale.results import NAME

log = logging.getLogger("benchmarks")

CACHE = HERE / ".cache"
PASSAGES, QUICK, SMALLER = 1_000_000, 2_000, 10
RUN = "results/scale"
TARGETS = (
    *("audit", "split", "baseline"),
    *(f"{RUN}/{path}" for path in ("figures/lengths.svg", "collection/beir")),
)
COMMAND = re.compile(r"^Shell command: python \S+/scripts/(\w+)\.py (.*) &> ", re.M)
ENVIRONMENT = {"PYTHONPATH": str(ROOT)}
# Types of system, which are rules of their own.
TYPED = "retrieve"
# Between two looks at memory; each takes some milliseconds a gigabyte.
SECONDS_BETWEEN_SAMPLES = 0.25


def configuration(pages: Path, model: Path) -> dict[str, Any]:
    """What is laid over the pipeline's defaults: few systems alone."""
    without = ("base_sparse", "base_multi_vector", "base_combined")
    tuned = [f"tuned_{mode}" for mode in ("sparse", "multi_vector", "combined")]
    return {
        "run": Path(RUN).name,
        "datasets": {"court": {"pages": str(pages)}},
        "models": {"embedder": {"source": str(model)}, "reranker": {"source": "tiny"}},
        "documents": {"method": "page", "duplicate_jaccard": 0.8},
        "evaluate": {
            "systems": {
                **dict.fromkeys((*without, *tuned)),
                "hybrid": {"type": "fusion", "systems": ["bm25", "base_dense"]},
            },
            "compare": {
                "hybrid": ["bm25", "base_dense"],
                "tuned_dense": "base_dense",
                **dict.fromkeys(tuned),
            },
            "spelling": {"queries": 0, "systems": ["bm25"]},
        },
        "report": {"systems": ["bm25", "base_dense", "hybrid"]},
    }


def commands_of(said: str) -> Iterator[tuple[str, list[str]]]:
    """Name and words of every command that a dry run says."""
    for script, rest in COMMAND.findall(said):
        words = shlex.split(rest)
        name = f"{script} {words[0]}" if script == TYPED else script
        yield name, words


def planned(folder: Path, config: Path) -> Iterator[tuple[str, list[str]]]:
    """Name and words of every command that a run from pages on would have, in order.

    Raises:
        BenchmarkError: Snakemake does not plan them.
    """
    done = subprocess.run(
        [
            *(sys.executable, "-m", "snakemake", "--dry-run", "--printshellcmds"),
            *("--snakefile", str(ROOT / "Snakefile"), "--directory", str(folder)),
            *("--configfile", str(config), "--cores", "1", "--", *TARGETS),
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if done.returncode:
        raise BenchmarkError(f"Snakemake plans nothing: {done.stdout.strip()}")
    yield from commands_of(done.stdout)


def prepared(folder: Path, passages: int) -> list[list[Any]]:
    """Name and words of every command, for pages that are made if need be."""
    plan = folder / "plan.json"
    if not plan.exists():
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        log.info("%d passages: writing the pages", passages)
        command = [sys.executable, "-m", "benchmarks.scale.archive", folder, passages]
        measured(list(map(str, command)), folder / "archive.log", ENVIRONMENT)
        config = folder / "scale.yaml"
        write_json(config, configuration(folder / "pages", folder / "model"))
        # At once, for with the first results there it would be another one.
        write_json(plan, list(planned(folder, config)))
    return read_json(plan)


def stages(folder: Path, passages: int) -> dict[str, Run]:
    """What each stage took, all its parts together, at so many passages.

    What an earlier run has done in the folder is not done again.

    Raises:
        BenchmarkError: a command failed.
    """
    plan, journal = prepared(folder, passages), folder / "done.jsonl"
    done = [row for _, row in read_records(journal)] if journal.exists() else []
    for name, words in plan[len(done) :]:
        script, *kind = name.split()
        words = words[len(kind) :] if name in MADE else words
        program = [str(ROOT / "scripts" / f"{script}.py")]
        if name in MADE:
            program = ["-m", "benchmarks.scale.made", name]
        run = measured(
            [sys.executable, *program, *words],
            folder / f"{name}.log",
            ENVIRONMENT,
            SECONDS_BETWEEN_SAMPLES,
            folder=folder,
        )
        made = " (made up)" if name in MADE else ""
        log.info(
            "%s%s: %.1f s, CPU %.1f s, %.0f MB",
            *(name, made, run.wall, run.cpu, run.memory),
        )
        done.append({"name": name, **asdict(run)})
        with open(journal, "a") as out:
            out.write(json.dumps(done[-1]) + "\n")
    taken: dict[str, Run] = {}
    for (name, _), row in zip(plan, done, strict=True):
        run = Run(row["wall"], row["cpu"], row["memory"])
        if name not in MADE:
            taken[name] = together(taken[name], run) if name in taken else run
    return taken


def together(one: Run, other: Run) -> Run:
    """What two parts took, one after the other."""
    return Run(
        one.wall + other.wall, one.cpu + other.cpu, max(one.memory, other.memory)
    )


def main(words: Sequence[str], names: Sequence[str]) -> int:
    """As `python -m benchmarks scale` is called.

    Args:
        words: of its command line.
        names: of the benchmarks whose sections RESULTS.md has.
    """
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks scale", description=__doc__
    )
    parser.add_argument("--passages", type=int, default=PASSAGES)
    parser.add_argument(
        "--quick", action="store_true", help=f"{QUICK} passages, to see that all works"
    )
    parser.add_argument(
        "--folder", type=Path, default=CACHE / "scale", help="for 40 GB of files"
    )
    given = parser.parse_args(words)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    passages = QUICK if given.quick else given.passages
    folder = given.folder.resolve()
    sizes = {}
    try:
        for count in (passages // SMALLER, passages):
            taken = stages(folder / str(count), count)
            sizes[str(count)] = {name: asdict(run) for name, run in taken.items()}
    except BenchmarkError as error:
        print(f"error: scale: {error}", file=sys.stderr)
        return 1
    shutil.rmtree(folder)
    target = CACHE / "quick" if given.quick else HERE
    held = described(words, NAME, quick=given.quick) | {"sizes": sizes}
    write_json(target / "results" / f"{NAME}.json", held)
    print(report.write_results(target, names)[NAME])
    return 0
