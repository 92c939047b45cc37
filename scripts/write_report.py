"""Write the report of a run: one page that can be read by itself.

It says what went in and what was dropped, what counts as relevant, how well each
system searches and how sure that is, where the tuned one wins and loses, how it was
trained, what that cost and how it was made. The page loads nothing and runs no script.
"""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

from arkiv.base.cli import json_object, parser, run
from arkiv.base.errors import InputError, expecting
from arkiv.base.files import read_object
from arkiv.base.html import Html
from arkiv.base.named import named
from arkiv.export.directory import weights_of
from arkiv.gold.standard import explained, relevant
from arkiv.report import (
    costs,
    data,
    gold,
    made,
    negatives,
    results,
    searches,
    spelling,
    summary,
    training,
)
from arkiv.report.funnel import add_stages, read_stages
from arkiv.report.page import Section, render, write
from arkiv.report.resources import costs_of, language_model_costs
from arkiv.retrieve.collection import read_ordered
from arkiv.retrieve.trec import read_qrels, read_run
from arkiv.settings.config import read_layer

log = logging.getLogger("write_report")

Where = Mapping[str, str]
FIGURES = ("--figures", ("lengths", "measures", "differences"))


def given_for(words: list[str], option: str, names: Iterable[str]) -> dict[str, str]:
    """The file of each of these names.

    Raises:
        InputError: the words lack one.
    """
    files = named(words, option)
    for name in names:
        if name not in files:
            raise InputError(f"lacks {name}, expected NAME=FILE for it", key=option)
    return files


def called(names: Where) -> dict[str, str]:
    """What each round or stage is called: nothing where there is one alone."""
    return {name: "" if len(names) == 1 else name.replace("_", " ") for name in names}


def trainings_of(arguments: Any) -> dict[str, tuple[Any, str]]:
    """History and figure of each training by what it is called.

    Raises:
        InputError: a training without a figure, or a file of another kind.
    """
    histories = named(arguments.histories, "--histories")
    figures = given_for(arguments.training_figures, "--training-figures", histories)
    found = {}
    for name, title in called(histories).items():
        history = read_object(histories[name], "history of train_model.py")
        found[title] = (history, figures[name])
    return found


def wanted_passages(shown: list[str], qrels: Any, runs: Any) -> set[str]:
    """The passages that the searches of these queries show."""
    wanted: set[str] = set()
    for query_id in shown:
        wanted.update(searches.best_first(qrels.get(query_id, {}))[: searches.SHOWN])
        for ranked in runs.values():
            wanted.update(ranked.get(query_id, [])[: searches.SHOWN])
    return wanted


def searches_of(arguments: Any, metrics: Any, qrels: Any) -> Html:
    """Wins and losses, and searches drawn at random."""
    paths, pairs = named(arguments.runs, "--runs"), searches.pairs_of(metrics)
    pairs = [pair for pair in pairs if set(pair) <= paths.keys()]
    compared = {system for pair in pairs for system in pair}
    runs = {
        system: read_run(path)
        for system, path in paths.items()
        if system in compared or system in arguments.config["report"]["systems"]
    }
    measure = metrics["measures"][0]
    scores = searches.read_scores(arguments.per_query, measure, runs)
    measured = next(iter(scores.values()))
    groups = searches.chosen(
        pairs, scores, measured, arguments.examples, arguments.config["seed"]
    )
    shown = [query_id for _, _, ids in groups for query_id in ids]
    languages = arguments.config["export"]["language"]
    found = searches.Found(
        queries={
            row["id"]: row for row in read_ordered(arguments.test_queries, queries=True)
        },
        qrels=qrels,
        runs=runs,
        passages=searches.shown_passages(
            arguments.corpus, wanted_passages(shown, qrels, runs)
        ),
        scores=scores,
        measure=measure,
        language=languages[0] if len(languages) == 1 else None,
    )
    return searches.section(
        groups, pairs, found, given_for(arguments.figures, *FIGURES)["differences"]
    )


def sections_of(arguments: Any) -> tuple[list[str], list[Section]]:
    """The sentences of the summary, and the sections in their order."""
    config, figures = arguments.config, given_for(arguments.figures, *FIGURES)
    datasets = read_stages(arguments)
    metrics = read_object(arguments.metrics, "metrics of measure_runs.py")
    with expecting("measure_runs.py", arguments.metrics):
        meaning = explained(metrics)
    qrels = read_qrels(arguments.qrels)
    judged, agreement, spelt = (
        path and read_object(path, what)
        for path, what in (
            (arguments.gold, "statistics of build_gold.py"),
            (arguments.agreement, "agreement of people with the gold standard"),
            (arguments.spelling, "measures of queries in other spellings"),
        )
    )
    trainings = trainings_of(arguments)
    *_, (history, _) = trainings.values()
    audits = [
        read_object(path, "counts of plot_negatives.py")
        for path in named(arguments.audits, "--audits").values()
    ]
    spent = costs_of(arguments.run_directory)
    found: list[Section] = []

    def add(
        name: str, title: str, make: Callable[[], Html], *, by: str, file: str
    ) -> None:
        with expecting(by, file):
            found.append(Section(name, title, make()))

    add(
        "data",
        "What went in, and what was dropped",
        lambda: data.section(
            data.with_later_stages(datasets, audits[-1] if audits else {}, history),
            figures["lengths"],
        ),
        by="each stage before training",
        file=arguments.run_directory,
    )
    add(
        "gold",
        "What counts as relevant",
        lambda: gold.section(meaning, judged, qrels, agreement),
        by="build_gold.py and compare_judgements.py",
        file=arguments.agreement or arguments.gold or arguments.qrels,
    )
    add(
        "results",
        "Results",
        lambda: results.section(
            metrics, meaning, config["report"]["systems"], figures["measures"]
        ),
        by="measure_runs.py",
        file=arguments.metrics,
    )
    add(
        "searches",
        "Wins and losses by query",
        lambda: searches_of(arguments, metrics, relevant(qrels)),
        by="measure_runs.py",
        file=arguments.metrics,
    )
    if spelt:
        add(
            "spelling",
            "Other spellings",
            lambda: spelling.section(spelt),
            by="measure_spelling.py",
            file=arguments.spelling,
        )
    add(
        "training",
        "Training",
        lambda: training.section(trainings),
        by="train_model.py",
        file=arguments.run_directory,
    )
    if audits:
        add(
            "negatives",
            "Negatives",
            lambda: negatives_of(arguments, audits),
            by="plot_negatives.py",
            file=arguments.run_directory,
        )
    answers = language_model_costs(arguments.run_directory, config)
    found.append(Section("costs", "Time and cost", costs.section(spent, answers)))
    add(
        "made",
        "How this was made",
        lambda: made.section(
            config,
            read_layer(arguments.defaults),
            history,
            weights_of(Path(arguments.model)),
            made.commit_of(),
        ),
        by="train_model.py",
        file=arguments.run_directory,
    )
    with expecting("measure_runs.py", arguments.metrics):
        lines = summary.sentences(
            datasets=datasets,
            history=history,
            metrics=metrics,
            config=config,
            agreement=agreement,
            spelling=spelt,
            costs=spent,
        )
    return lines, found


def negatives_of(arguments: Any, audits: list[Any]) -> Html:
    """The audit of each round."""
    titles = called(named(arguments.audits, "--audits"))
    drawn = given_for(arguments.audit_figures, "--audit-figures", titles)
    pages = given_for(arguments.audit_pages, "--audit-pages", titles)
    here = Path(arguments.output).parent
    return negatives.section(
        {
            title: (audit, drawn[name])
            for (name, title), audit in zip(titles.items(), audits, strict=True)
        },
        [quote(os.path.relpath(pages[name], here)) for name in titles],
    )


def main(argv: list[str] | None = None) -> None:
    arguments = parser(__doc__)
    arguments.add_argument(
        "--run-directory", required=True, metavar="DIR", help="with benchmarks of jobs"
    )
    arguments.add_argument(
        "--config",
        type=json_object,
        required=True,
        metavar="JSON",
        help="the whole configuration of the run",
    )
    arguments.add_argument(
        "--defaults", required=True, metavar="YAML", help="config/config.yaml"
    )
    add_stages(arguments)
    for name, words in (
        ("corpus", "passages, JSONL"),
        ("test-queries", "JSONL"),
        ("qrels", "judgements, TREC"),
        ("metrics", "of measure_runs.py, JSON"),
        ("per-query", "of measure_runs.py, CSV"),
        ("model", "directory of the tuned model"),
    ):
        arguments.add_argument(f"--{name}", required=True, metavar="FILE", help=words)
    for name, words in (
        ("runs", "SYSTEM=TREC: the systems shown side by side"),
        ("figures", "NAME=SVG: lengths, measures and differences"),
        ("histories", "NAME=JSON: of each training, the last one last"),
        ("training-figures", "NAME=SVG: of plot_training.py"),
    ):
        arguments.add_argument(f"--{name}", nargs="+", required=True, help=words)
    for name, words in (
        ("audits", "NAME=JSON: counts of plot_negatives.py, of each round"),
        ("audit-figures", "NAME=SVG: its charts"),
        ("audit-pages", "NAME=HTML: its pages"),
    ):
        arguments.add_argument(f"--{name}", nargs="+", default=[], help=words)
    for name, words in (
        ("gold", "statistics of build_gold.py, JSON"),
        ("agreement", "of people with the gold standard, JSON"),
        ("spelling", "measures of queries in other spellings, JSON"),
    ):
        arguments.add_argument(f"--{name}", metavar="FILE", help=words)
    arguments.add_argument(
        "--examples",
        type=int,
        default=5,
        help="queries to show of the gains, of the losses, and of those drawn",
    )
    arguments.add_argument("--output", required=True, metavar="HTML")
    arguments = arguments.parse_args(argv)

    lines, sections = sections_of(arguments)
    name = arguments.config["export"]["name"] or arguments.config["run"]
    about = "A BGE-M3 retrieval model, fine-tuned by arkiv to search one archive."
    write(arguments.output, render(f"Report: {name}", about, lines, sections))
    log.info("the report stands in %s", arguments.output)


if __name__ == "__main__":
    sys.exit(run(main))
