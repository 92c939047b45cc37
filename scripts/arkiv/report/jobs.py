"""What a run took: time, memory and GPUs of each rule, answers of a language model.

Read from what lies in the run's directory when it is asked for: Snakemake's benchmarks,
one file a job, and the job's log beside it. A job that was tried again counts with its
last try, a rule that was run again likewise; what came out of a cache took nothing.
"""

from __future__ import annotations

import csv
import math
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from datetime import date
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple

from arkiv.base.errors import InputError
from arkiv.base.files import Record, read_object
from arkiv.retrieve.systems import TYPES
from arkiv.retrieve.systems.system import GIVEN

# The stages in their order, as the files in rules/ are, and the rules of each.
STAGES = {
    "models": ["prepare_model"],
    "documents": [
        "make_archive",
        "find_volumes",
        "build_documents",
        "merge_documents",
    ],
    "queries": ["estimate_queries", "generate_queries", "filter_queries"],
    "pairs": ["pair_verdicts", "split_pairs", "filter_pairs"],
    "mining": (
        "embed_corpus embed_queries search_corpus search_bm25 pick_negatives "
        "embed_given judge_pairs"
    ).split(),
    "teacher": ["score_pairs"],
    "split": (
        "count_confusions learn_confusions augment_pairs split_by_length"
    ).split(),
    "train": ["embed_guide", "train_model", "merge_models"],
    "retrieve": ["encode_collection", *(f"retrieve_{kind}" for kind in TYPES)],
    "gold": (
        "pool_passages grade_pool search_gold estimate_grades judge_pool build_gold "
        "sample_judgements compare_judgements"
    ).split(),
    "evaluate": (
        "build_collection export_collection measure_runs respell_queries "
        "measure_spelling measure_compressed build_dev fit_weights build_general "
        "measure_general check_metrics"
    ).split(),
    "export": ["export_model"],
    "index": ["index_passages", "commit_index"],
    "report": (
        "plot_lengths plot_negatives plot_training plot_metrics write_report"
    ).split(),
}
# Of these what a baseline does without, though an earlier run may have been there.
OF_TRAINING = {
    *chain.from_iterable(
        STAGES[stage] for stage in ("mining", "teacher", "split", "train", "export")
    ),
    *("filter_pairs", "plot_lengths", "plot_negatives", "plot_training"),
    *("build_general", "measure_general"),
}
# Where the general set is searched, which only what was trained is compared on.
GENERAL = "general"
# Of a rule that is not known here.
OTHER = "other"
# Where benchmarks lie: the run's own, those of rounds/2/, of stages/1/ and so on.
FOLDERS = ("benchmarks", "*/benchmarks", "*/*/benchmarks")
# Seconds after which Snakemake looks at a job for the first time; what it sees as the
# job begins says nothing.
SEEN = 0.5
# As arkiv.base.cli and arkiv.train.node, which knows of all nodes, write it to the log.
GPUS = re.compile(
    r"(?P<job>SLURM job \S+ on \S+|node \d+ of \d+, \S+: \d+ processes), "
    r"GPUs: (?P<gpus>\S+)$",
    re.MULTILINE,
)
# Of a log, where it is said.
BEGINNING = 1 << 16
# Of a line of a log that arkiv.base.terminal writes.
DAY = re.compile(rb"^(\d{4}-\d\d-\d\d) \d\d:\d\d:\d\d,", re.MULTILINE)
MONTHS = (
    "January February March April May June July August September October November "
    "December"
).split()
# Stages of which nothing is in the results that a report shows.
AFTER = {"export", "index", "report"}
# The rule that measures the systems.
MEASURES = "measure_runs"
USAGE = ("requests", "estimated_requests", "input_tokens", "output_tokens", "money")


def costs_of(
    run: str | Path,
    left_out: Collection[str] | None = None,
    place: str | Path | None = None,
) -> list[Record]:
    """What each rule of a run's directory took, in the order of the stages.

    Args:
        run: the directory.
        left_out: of a baseline, the systems that it does not measure: what the run did
            for them and for training is none of its cost. None: all is counted.
        place: of a baseline, where its report lies; what it did there itself is not
            counted of the run too.

    Returns:
        Of each rule `stage`, `rule`, `jobs`, `seconds` (of all jobs together),
        `longest` (seconds of the longest job), `cpu_seconds`, `memory_mb` (the most of
        any job, in MiB) and `gpu_seconds`, and `began` and `ended`, the first and the
        last day by the logs. The last five are None where no job knows: one of less
        than half a second ends unseen, and GPUs are known of jobs on a cluster.
    """
    rules = [(stage, rule) for stage, names in STAGES.items() for rule in names]
    jobs: dict[tuple[str, str], list[Record]] = {known: [] for known in rules}
    stage_of = {rule: stage for stage, rule in rules}
    for rule, job in _jobs(Path(run).resolve(), left_out, Path(place or run).resolve()):
        jobs.setdefault((stage_of.get(rule, OTHER), rule), []).append(job)
    return [
        {
            "stage": stage,
            "rule": rule,
            "jobs": len(found),
            "seconds": math.fsum(job["seconds"] for job in found),
            "longest": max(job["seconds"] for job in found),
            "cpu_seconds": of_known(math.fsum, found, "cpu_seconds"),
            "memory_mb": of_known(max, found, "memory_mb"),
            "gpu_seconds": of_known(math.fsum, found, "gpu_seconds"),
            "began": of_known(min, found, "began"),
            "ended": of_known(max, found, "ended"),
        }
        for (stage, rule), found in jobs.items()
        if found
    ]


class Days(NamedTuple):
    """When the results came about that a report shows, by the last try of each job.

    Jobs that ran again have their last day, others keep theirs; what only draws and
    writes has no say, so that a report written again has the same.
    """

    began: date
    ended: date
    measured: date
    """When the systems were measured, as far as it is known apart."""

    @classmethod
    def of(cls, costs: Iterable[Record]) -> Days | None:
        """Of what `costs_of` gives; None where no log tells a day."""
        made = [cost for cost in costs if cost["stage"] not in AFTER]
        began, ended = of_known(min, made, "began"), of_known(max, made, "ended")
        if began is None or ended is None:
            return None
        last = [cost for cost in made if cost["rule"] == MEASURES]
        measured = of_known(max, last, "ended") or ended
        return cls(*map(date.fromisoformat, (began, ended, measured)))

    def told(self) -> str:
        """In a sentence or two."""
        if self.began == self.ended:
            return f"Its jobs ran on {day(self.ended)}."
        return (
            f"Its jobs ran from {day(self.began)} to {day(self.ended)}, each told by "
            "the last time that it ran; the systems were measured on "
            f"{day(self.measured)}."
        )


def day(value: date) -> str:
    """A day for people: `28 November 2026`."""
    return f"{value.day} {MONTHS[value.month - 1]} {value.year}"


def of_known(
    function: Callable[[list[Any]], Any], costs: Iterable[Record], key: str
) -> Any:
    """A function, such as the sum, of what is known; None where nothing is."""
    known = [cost[key] for cost in costs if cost[key] is not None]
    return function(known) if known else None


def language_model_costs(
    run: str | Path, config: Mapping[str, Any], gold: str | Path | None = None
) -> list[Record]:
    """What language models were asked for: the queries of each dataset, and grades.

    Files that an earlier configuration of the run has left say nothing.

    Args:
        run: its directory.
        config: its configuration.
        gold: statistics of the gold standard, beside which its grades lie; None: those
            of the run.

    Returns:
        Of each that was asked for `what`, `requests`, `estimated_requests` (those whose
        tokens the server did not tell), `input_tokens`, `output_tokens` and `money`, by
        the prices in the configuration; 0 where not known.
    """
    run = Path(run)
    sources = {
        f"queries of {name}": [run / f"queries/{name}.stats.json"]
        for name, source in sorted(config["datasets"].items())
        if not source.keys().isdisjoint(("pages", "example"))
    }
    if config["gold"]["method"] == "llm_judge":
        parts = config["parts"]["pairs"]
        grades = Path(gold or run / "gold/stats.json").with_name("grades")
        sources["grades of the gold standard"] = [
            grades / f"{part}-of-{parts}.stats.json" for part in range(1, parts + 1)
        ]
    found = []
    for what, paths in sources.items():
        usages = list(map(_usage, paths))
        if any(usage.get("requests") for usage in usages):
            sums = {key: sum(one.get(key, 0) for one in usages) for key in USAGE}
            found.append({"what": what, **sums})
    return found


def _usage(path: Path) -> Record:
    """What a file of statistics says of a language model; nothing if it cannot."""
    try:
        usage = read_object(path, "statistics").get("usage")
    except InputError:
        return {}
    return usage if isinstance(usage, dict) else {}


def _jobs(
    run: Path, left_out: Collection[str] | None, place: Path
) -> Iterator[tuple[str, Record]]:
    """The rule and the figures of each job that tells its time, in order of files."""
    for pattern in FOLDERS:
        for folder in sorted(run.glob(pattern)):
            for path in sorted(folder.rglob("*.tsv")):
                name = path.relative_to(folder)
                rule = name.parts[0] if len(name.parts) > 1 else name.stem
                apart = place != run and folder.parent == run
                if apart and (place / folder.name / name).exists():
                    continue
                baseline = left_out is not None
                if baseline and folder.parent == run / GENERAL:
                    continue
                if baseline and _is_trained(rule, name.stem, left_out):
                    continue
                log = folder.with_name("logs") / name.with_suffix(".log")
                for row in _rows(path):
                    if (figures := _figures(row, log)) is not None:
                        yield rule, figures


def _is_trained(rule: str, of: str, left_out: Collection[str]) -> bool:
    """Whether a job is one of training, or of a system or model that needs it."""
    if rule == "encode_collection":
        return of not in GIVEN
    return rule in OF_TRAINING or (rule.startswith("retrieve_") and of in left_out)


def _figures(row: Record, log: Path) -> Record | None:
    """What a line of a benchmark says of a job; None if not even its time."""
    seconds, gpus = _number(row.get("s")), _gpus(log)
    if seconds is None:
        return None
    seen = row if seconds >= SEEN else {}
    return {
        "seconds": seconds,
        "cpu_seconds": _number(seen.get("cpu_time")),
        "memory_mb": _number(seen.get("max_rss")),
        "gpu_seconds": None if gpus is None else seconds * gpus,
        **_days(log),
    }


def _rows(path: Path) -> list[Record]:
    """The lines of a benchmark; none of a file that is gone or no text."""
    try:
        with open(path, encoding="utf-8", newline="") as file:
            return list(csv.DictReader(file, delimiter="\t"))
    except (OSError, UnicodeDecodeError, csv.Error):
        return []


def _number(text: object) -> float | None:
    """The number, or None of NA, - and whatever else Snakemake did not measure."""
    try:
        value = float(text)
    except (TypeError, ValueError):
        return None
    return value if math.isfinite(value) else None


def _days(log: Path) -> dict[str, str | None]:
    """The day on which a job began, and that on which it ended, by its log, as ISO 8601
    has days."""
    try:
        with open(log, "rb") as file:
            first = file.read(BEGINNING)
            file.seek(max(0, log.stat().st_size - BEGINNING))
            last = file.read()
    except OSError:
        first = last = b""
    try:
        began, ended = (
            [str(date.fromisoformat(found.decode())) for found in DAY.findall(part)]
            for part in (first, last)
        )
    except ValueError:
        began = ended = []
    return {"began": min(began, default=None), "ended": max(ended, default=None)}


def _gpus(log: Path) -> int | None:
    """GPUs that SLURM gave a job, on all nodes; None if its log tells nothing."""
    try:
        with open(log, encoding="utf-8", errors="replace") as file:
            found = list(GPUS.finditer(file.read(BEGINNING)))
    except OSError:
        return None
    nodes = [match for match in found if match["job"].startswith("node")]
    if not any(match["job"].startswith("SLURM") for match in found):
        return None
    given = [match["gpus"] for match in nodes or found[:1]]
    return sum(0 if words == "none" else len(words.split(",")) for words in given)
