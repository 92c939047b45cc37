"""Measure arkiv's commands against their peers from PyPI, in turn on one machine.

Writes results/NAME.json and RESULTS.md in benchmarks/; with --quick, in
benchmarks/.cache/quick/. `python -m benchmarks gpu`, `quality`, `ablations`, `scale`
and `starting` are other programs: see their --help.
"""

from __future__ import annotations

import argparse
import datetime
import logging
import os
import shlex
import shutil
import sys
from collections.abc import Callable

from arkiv.base.files import write_json
from benchmarks import HERE, machine, report
from benchmarks.batches import batches
from benchmarks.bench import Bench, Result
from benchmarks.evaluation import evaluation
from benchmarks.gpu.run import main as on_gpu
from benchmarks.harness import BenchmarkError
from benchmarks.index import index
from benchmarks.ingest import ingest
from benchmarks.mining import mining
from benchmarks.quality.ablations import main as on_ablations
from benchmarks.quality.run import main as on_quality
from benchmarks.scale.run import main as on_scale
from benchmarks.search import search
from benchmarks.serve import serve
from benchmarks.split import split
from benchmarks.starting import main as on_starting
from benchmarks.teacher import teacher
from benchmarks.training import training

# A benchmark makes its data, runs its variants, checks that all did the same work.
BENCHMARKS: dict[str, Callable[[Bench], Result]] = {
    "ingest": ingest,
    "mining": mining,
    "search": search,
    "teacher": teacher,
    "split": split,
    "training": training,
    "batches": batches,
    "serve": serve,
    "evaluation": evaluation,
    "index": index,
}
CACHE = HERE / ".cache"
CORES_WITHOUT_GPU = 2


def main(argv: list[str] | None = None) -> int:
    words = sys.argv[1:] if argv is None else argv
    if words[:1] == ["gpu"]:
        return on_gpu(words[1:])
    if words[:1] == ["scale"]:
        return on_scale(words[1:], list(BENCHMARKS))
    if words[:1] == ["starting"]:
        return on_starting(words[1:])
    if words[:1] == ["quality"]:
        return on_quality(words[1:], list(BENCHMARKS))
    if words[:1] == ["ablations"]:
        return on_ablations(words[1:], list(BENCHMARKS))
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument(
        "names", nargs="*", metavar="NAME", help=f"of {', '.join(BENCHMARKS)}; or all"
    )
    parser.add_argument("--runs", type=int, default=3, help="of each variant")
    parser.add_argument(
        "--quick", action="store_true", help="small sizes, to see that all works"
    )
    parser.add_argument(
        "--cores", type=int, help="that commands may use: 2, with a GPU all"
    )
    arguments = parser.parse_args(argv)
    names = arguments.names or list(BENCHMARKS)
    if unknown := sorted(set(names) - set(BENCHMARKS)):
        parser.error(f"no benchmark is called {unknown[0]}: {', '.join(BENCHMARKS)}")
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")

    gpu = machine.gpu()
    cores = sorted(os.sched_getaffinity(0))
    cores = cores[: arguments.cores or (None if gpu else CORES_WITHOUT_GPU)]
    os.sched_setaffinity(0, cores)
    target = CACHE / "quick" if arguments.quick else HERE
    work = CACHE / "work"
    shutil.rmtree(work, ignore_errors=True)
    for name in names:
        bench = Bench(work, arguments.runs, arguments.quick, bool(gpu))
        try:
            result = BENCHMARKS[name](bench)
        except BenchmarkError as error:
            print(f"error: {name}: {error}", file=sys.stderr)
            return 1
        about = {
            "command": shlex.join(["python", "-m", "benchmarks", *words]),
            "date": datetime.date.today().isoformat(),
            "quick": arguments.quick,
            "machine": machine.describe(gpu),
        }
        write_json(
            target / "results" / f"{name}.json",
            report.record(result, bench.trials, about),
        )
    shutil.rmtree(work, ignore_errors=True)
    sections = report.write_results(target, list(BENCHMARKS))
    print("\n".join(sections[name] for name in names))
    return 0


if __name__ == "__main__":
    sys.exit(main())
