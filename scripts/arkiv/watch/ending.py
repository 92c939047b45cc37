"""What is said when a run has ended: three lines after a target, or why it failed."""

from __future__ import annotations

import os
import shlex
import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from arkiv.base.errors import InputError
from arkiv.base.files import read_object
from arkiv.base.markdown import counted
from arkiv.base.named import named
from arkiv.base.terminal import visible
from arkiv.report.funnel import STAGES, Counts
from arkiv.settings.command_line import Given
from arkiv.watch.dropped import said
from arkiv.watch.lines import WIDTH
from arkiv.watch.logs import why
from arkiv.watch.state import State

Counted = Mapping[str, Sequence[str] | None]
"""NAME=FILE words of what each stage counted."""

# What a target looks at: the stages that count, up to this one.
DOCUMENTS, PAIRS, MINED, ALL = "documents", "pairs", "negatives", "augmented"
SERVE = "serve_search.py"


class Target(NamedTuple):
    """A target of the menu: where its result lies, below the run's directory."""

    result: str
    counted: str  # the last stage whose counts it looks at
    follows: str  # the target to ask for next, or what else to do


MENU = {
    "documents": Target("documents/", DOCUMENTS, "queries"),
    "estimate": Target("queries/estimate.json", DOCUMENTS, "queries"),
    "queries": Target("pairs/", PAIRS, "audit"),
    "baseline": Target("baseline/report.html", PAIRS, "audit"),
    "mine": Target("negatives/", MINED, "audit"),
    "score": Target("scores/", MINED, "audit"),
    "audit": Target("figures/negatives.html", MINED, "train"),
    "split": Target("shards/", ALL, "train"),
    "train": Target("model/", ALL, "report"),
    "evaluate": Target("metrics/metrics.json", ALL, "report"),
    "check_metrics": Target("metrics/required.json", ALL, "report"),
    "estimate_gold": Target("gold/estimate.json", PAIRS, "evaluate"),
    "sheet": Target(
        "gold/sheet.csv",
        PAIRS,
        "have it filled in, then name it as gold.sheet (docs/gold.md)",
    ),
    "export": Target("export/", ALL, "load the model as export/README.md says"),
    "index": Target("index/", ALL, "search it as index/README.md says"),
    "report": Target("report.html", ALL, SERVE),
    "all": Target("report.html", ALL, SERVE),
}
# Jobs that failed beside the first, of so many it is said what they did.
ALSO = 3
ONE, MANY = 1, 1 << 30
# Flags that the next command has too, and how many values each takes. What forces,
# unlocks or only shows is of one start alone.
KEPT = {
    **dict.fromkeys(("--use-conda", "--replace-workflow-config"), 0),
    **dict.fromkeys(("--profile", "--workflow-profile", "--executor", "-e"), ONE),
    **dict.fromkeys(("--snakefile", "-s", "--directory", "-d"), ONE),
    **dict.fromkeys(("--cores", "-c", "--jobs", "-j", "--conda-prefix"), ONE),
    **dict.fromkeys(("--configfile", "--configfiles", "--config", "-C"), MANY),
    **dict.fromkeys(("--sdm", "--software-deployment-method"), MANY),
}


def following(target: str, asks_model: bool = False) -> str:
    """What to ask for after a target, or to do."""
    if target == "documents" and asks_model:
        return "estimate"
    return MENU[target].follows


def command(words: Sequence[str], target: str) -> str:
    """The command that asks for a target as Snakemake was asked for others.

    Args:
        words: of the command line, without the program.
        target: to be asked for.
    """
    kept: list[str] = []
    values = 0
    for word in words:
        flag, attached, _ = word.partition("=")
        if not word.startswith("-"):
            keeping, values = values > 0, values - 1
        elif flag in KEPT:
            keeping, values = True, 0 if attached else KEPT[flag]
        else:
            # A short flag may have its value attached: -c4.
            keeping, values = not word.startswith("--") and word[:2] in KEPT, 0
        if keeping:
            kept.append(word)
    return shlex.join(["snakemake", target, *kept])


def serving(given: Given, scripts: str, folder: str = "") -> str:
    """The command that searches a run of the configuration that was given.

    Args:
        given: the configuration, its files by their whole paths.
        scripts: where our programs lie.
        folder: where the run was started in another directory than the command is.
    """
    here = [
        os.path.relpath(file) if Path(file).is_relative_to(Path.cwd()) else file
        for file in map(str, given.files)
    ]
    words = ["python", f"{scripts}/{SERVE}", *given._replace(files=here).words]
    there = f"cd {shlex.quote(folder)} && " if folder else ""
    return there + shlex.join(words)


def counts_of(given: Counted, last: str) -> dict[str, Counts]:
    """What the stages up to one have counted of each dataset, where they have.

    Args:
        given: the files of all stages.
        last: the stage.
    """
    datasets: dict[str, Counts] = {}
    stages = list(STAGES)
    for stage in stages[: stages.index(last) + 1]:
        for name, path in named(given.get(stage) or [], stage).items():
            try:
                datasets.setdefault(name, {})[stage] = read_object(path, STAGES[stage])
            except InputError:
                continue
    return datasets


def _line(head: str, text: str) -> str:
    return textwrap.fill(
        visible(text),
        WIDTH,
        initial_indent=f"{head:<9}",
        subsequent_indent=" " * 9,
        break_long_words=False,
        break_on_hyphens=False,
    )


def after(
    targets: Sequence[str],
    run: str,
    counted: Counted,
    *,
    words: Sequence[str],
    given: Given,
    folder: str = "",
    asks_model: bool = False,
    model: str | None = None,
    scripts: str = "scripts",
) -> list[str]:
    """Three lines for each target of the menu that was asked for: where the result is,
    what was dropped, and what to run next.

    Args:
        targets: that were asked for, in any order.
        run: the run's directory.
        counted: the files of what each stage counted.
        words: of the command line.
        given: the configuration in them, its files by their whole paths.
        folder: the directory that Snakemake was told to run in.
        asks_model: queries come from a language model, which costs.
        model: the directory of the tuned model.
        scripts: where our programs lie.
    """
    told = []
    below = str(Path(folder, run))
    for target in (one for one in MENU if one in targets):
        there = MENU[target]
        what, much = said(counts_of(counted, there.counted))
        follows = following(target, asks_model)
        if follows in MENU:
            follows = command(words, follows)
        elif follows == SERVE:
            follows = serving(given, scripts, folder)
        made = model if target == "train" and model else f"{run}/{there.result}"
        result = str(Path(folder, made))
        told += [
            _line("Result:", result),
            _line("WARNING:", _loud(what, below)) if much else _line("Dropped:", what),
            # In one piece, to be copied.
            f"{'Next:':<9}{visible(follows)}",
        ]
    return told


def _loud(what: str, run: str) -> str:
    where = f"*.rejected.jsonl and *.volumes.json below {run}"
    return f"much was dropped: {what}; look into {where}"


def faults(state: State, others: Sequence[str] = (), folder: str = "") -> list[str]:
    """Why a run failed; the sentence of the first fault stands last.

    Args:
        state: the run.
        others: what Snakemake says of faults that no job has.
        folder: the directory that Snakemake was told to run in, if it was.
    """
    jobs = list(state.failed.values())
    if not jobs:
        return [f"error: {visible(others[-1])}"] if others else []
    first = jobs[0]
    log = visible(str(Path(folder, first.log))) if first.log else "-"
    lines = [_line("failed:", first.says), f"{'log:':<9}{log}"]
    if also := [job.says for job in jobs[1:]]:
        more = ["…"] if len(also) > ALSO else []
        told = "; ".join([*also[:ALSO], *more])
        lines.insert(0, _line("also:", f"{counted(len(also), 'job')} failed: {told}"))
    return [*lines, f"error: {why(first.log, first.fault)}"]


def stopped(state: State) -> str:
    """That a run was stopped by whoever started it."""
    return (
        f"Stopped by Ctrl-C, {state.finished} of {state.total} jobs done; "
        "the same command goes on from there."
    )
