"""Measure how well a model searches, before and after it is tuned on pairs.

Drives the pipeline on the pairs: BM25 of three kinds, the base and the tuned model by
every mode, fusions of both; means over the test queries with intervals. Writes
results/quality-NAME.json and RESULTS.md in benchmarks/; with --quick, in
benchmarks/.cache/quick/.
"""

from __future__ import annotations

import argparse
import datetime
import logging
import re
import shlex
import shutil
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from arkiv.base.declared import Seeded
from arkiv.base.errors import InputError
from arkiv.base.files import Record, write_json, write_records
from benchmarks import HERE, machine, report
from benchmarks.harness import BenchmarkError
from benchmarks.quality.debian import debian_pairs
from benchmarks.quality.heads import beginnings_of, headed
from benchmarks.quality.pairs import in_own_words, rows_of, with_test
from benchmarks.quality.pipeline import configuration, outcome, run_pipeline
from benchmarks.quality.results import PREFIX, compared

log = logging.getLogger("benchmarks")

CACHE = HERE / ".cache"
# Of the stemmer, where the pairs do not say.
LANGUAGE, LANGUAGE_OF_DEBIAN = "swedish", "english"
# In place of how new heads begin.
OWN = "own"
PAIRS = "pairs.jsonl"
# A run's name, which is one of a file too.
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")


def add_pairs(parser: argparse.ArgumentParser) -> None:
    """Take a model, the pairs to tune it on, and how: flags of both programs here."""
    parser.add_argument(
        "--model", required=True, type=Path, metavar="DIR", help="to tune"
    )
    given = parser.add_mutually_exclusive_group(required=True)
    given.add_argument(
        "--pairs", type=Path, metavar="FILE", help='rows of {"query", "pos"}'
    )
    given.add_argument(
        "--debian",
        type=int,
        metavar="N",
        help="so many pairs of Debian packages' descriptions, short and long, as apt "
        "has them on this machine",
    )
    parser.add_argument(
        "--test",
        type=Path,
        metavar="FILE",
        help="the rows to test on, with --pairs; else a part of the pairs",
    )
    parser.add_argument(
        "--own-words",
        type=int,
        default=0,
        metavar="N",
        help="with --test, train on so many queries in each passage's own words, as "
        "`queries.backend: extractive` makes them, instead of the queries of the pairs",
    )
    parser.add_argument("--name", help="of the results; else that of the pairs")
    parser.add_argument(
        "--language",
        help=f"by which BM25 stems words: {LANGUAGE}, of --debian {LANGUAGE_OF_DEBIAN}",
    )
    parser.add_argument(
        "--config",
        type=Path,
        action="append",
        default=[],
        metavar="FILE",
        help="settings of the pipeline, laid over those of the benchmark",
    )
    parser.add_argument(
        "--folder",
        type=Path,
        default=CACHE / "quality",
        metavar="DIR",
        help="for runs, which stay there",
    )
    parser.add_argument(
        "--quick", action="store_true", help="few steps, to see that all works"
    )


def check_pairs(parser: argparse.ArgumentParser, arguments: argparse.Namespace) -> None:
    """Refuse flags that do not go together; give the run its name."""
    arguments.name = arguments.name or (
        arguments.pairs.stem if arguments.pairs else "debian"
    )
    if not NAME.fullmatch(arguments.name):
        parser.error(f"--name: is {arguments.name}, expected letters, digits, - and _")
    if arguments.debian is not None and arguments.debian < 1:
        parser.error("--debian: expected 1 or more")
    if arguments.test and not arguments.pairs:
        parser.error("--test: goes with --pairs")
    if arguments.own_words and not arguments.test:
        parser.error("--own-words: goes with --test")


def language_of(arguments: argparse.Namespace) -> str:
    """By which words are stemmed."""
    return arguments.language or (LANGUAGE_OF_DEBIAN if arguments.debian else LANGUAGE)


def command_line(words: Sequence[str]) -> argparse.Namespace:
    """What is asked for."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks quality", description=__doc__
    )
    add_pairs(parser)
    parser.add_argument(
        "--heads",
        nargs="+",
        default=[],
        metavar="BEGINNING",
        help="how new heads of a model without any begin, or several to compare: of "
        "BEGINNINGS in arkiv.train.heads; else as training has it",
    )
    arguments = parser.parse_args(words)
    check_pairs(parser, arguments)
    return arguments


def shown(words: Sequence[str], program: str) -> str:
    """The command as it is kept: files by their names, not by where they lie."""
    names = [Path(word).name if "/" in word else word for word in words]
    return shlex.join(["python", "-m", "benchmarks", program, *names])


def described(words: Sequence[str], program: str, *, quick: bool) -> dict[str, Any]:
    """What the results are of."""
    return {
        "command": shown(words, program),
        "date": datetime.date.today().isoformat(),
        "quick": quick,
        "machine": machine.describe(machine.gpu()),
    }


def made_empty(folder: Path) -> Path:
    """The folder of a run, without what an earlier one has left.

    Raises:
        InputError: something else lies there.
    """
    if folder.exists() and not (folder / PAIRS).is_file():
        raise InputError("is there already, and no earlier run's", file=folder)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


def rows_given(arguments: argparse.Namespace) -> list[Record]:
    """The rows to tune and to test on.

    Raises:
        InputError: there are none, or one is no pair.
    """
    if arguments.debian:
        return debian_pairs(arguments.debian, Seeded.seed)
    if arguments.test:
        rows = with_test(arguments.pairs, arguments.test)
        if arguments.own_words:
            rows = in_own_words(rows, arguments.own_words, Seeded.seed)
        return rows
    return list(rows_of(arguments.pairs))


def measure(arguments: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """Run the pipeline, by each beginning of new heads, and gather what it measured.

    Yields:
        What there is to keep after each run.

    Raises:
        InputError, BenchmarkError: what is given will not do, or a run failed.
    """
    model = arguments.model.absolute()
    beginnings = beginnings_of(model, arguments.heads)
    rows = rows_given(arguments)
    folder = made_empty(arguments.folder.resolve() / arguments.name)
    pairs = folder / PAIRS
    write_records(pairs, rows)
    language = language_of(arguments)
    own = [path.resolve() for path in arguments.config]
    runs, places = {}, {}
    for begun in beginnings or [OWN]:
        base = model
        if beginnings:
            # What is known of a model by its name is known of it still.
            place = folder / f"heads-{begun}" / model.name
            base = headed(model, begun, Seeded.seed, place)
        config = configuration(begun, pairs, base, language, quick=arguments.quick)
        places[begun], run = run_pipeline(folder, config, own)
        runs[begun] = outcome(places[begun], run)
        log.info("%s heads: %.0f s, %.0f MB", begun, run.wall, run.memory)
        first = next(iter(runs.values()))
        of, metrics = first["pairs"], first["metrics"]
        learnt = "queries in passages' own words" if arguments.own_words else "pairs"
        yield {
            "title": f"{model.name} tuned on {of['train']:,} {learnt}, and what finds "
            f"the passages of {metrics['queries']:,} test queries among "
            f"{of['searched']:,}",
            "language": language,
            "headless": bool(beginnings),
            "runs": runs,
            "heads": compared(places, metrics) if len(runs) > 1 else None,
        }


def write_down(
    program: str,
    prefix: str,
    arguments: argparse.Namespace,
    words: Sequence[str],
    others: Sequence[str],
    measured: Callable[[Path], Iterator[dict[str, Any]]],
) -> int:
    """Keep what a program measures in results/PREFIXNAME.json and RESULTS.md.

    Args:
        program: after `python -m benchmarks`.
        prefix: of the results' name.
        arguments: of the program, `add_pairs` among them.
        words: of the command line.
        others: the benchmarks whose sections RESULTS.md has before.
        measured: gives, by the file of results, what there is to keep, ever more.
    """
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    target = CACHE / "quick" if arguments.quick else HERE
    name = prefix + arguments.name
    path = target / "results" / f"{name}.json"
    said = ""
    try:
        for found in measured(path):
            about = described(words, program, quick=arguments.quick)
            write_json(path, about | found)
            said = report.write_results(target, others)[name]
    except (InputError, BenchmarkError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print(said)
    return 0


def main(words: Sequence[str], others: Sequence[str]) -> int:
    """Measure and write down.

    Args:
        words: of the command line.
        others: the benchmarks whose sections RESULTS.md has before.
    """
    arguments = command_line(words)
    return write_down(
        "quality", PREFIX, arguments, words, others, lambda _: measure(arguments)
    )
