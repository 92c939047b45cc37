"""The sections of the report in their order: what each is made of, and how."""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from arkiv.base.errors import InputError, expecting
from arkiv.base.files import read_object
from arkiv.base.html import Html
from arkiv.base.named import named
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
    training,
)
from arkiv.report.funnel import read_stages
from arkiv.report.jobs import costs_of, language_model_costs
from arkiv.report.page import Section
from arkiv.retrieve.collection import read_ordered
from arkiv.retrieve.trec import read_qrels, read_run

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


def called(names: Mapping[str, str]) -> dict[str, str]:
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


class Material:
    """The files that several sections, or the summary, are made of.

    Attributes:
        arguments: of write_report.py, which name all files.
        defaults: of the configuration.
        weights: SHA-256 of the tuned model's.
        trainings: history and figure of each by what it is called.
        history: of the last training.
        meaning: what counts as relevant, in words.
        costs: of `costs_of`.
    """

    def __init__(
        self,
        arguments: argparse.Namespace,
        defaults: Mapping[str, Any],
        weights: Mapping[str, str],
    ) -> None:
        """Read them.

        Raises:
            InputError: a file that is missing or of another kind.
        """
        self.arguments, self.defaults, self.weights = arguments, defaults, weights
        self.config = arguments.config
        self.figures = given_for(arguments.figures, *FIGURES)
        self.datasets = read_stages(arguments)
        self.metrics = read_object(arguments.metrics, "metrics of measure_runs.py")
        with expecting("measure_runs.py", arguments.metrics):
            self.meaning = explained(self.metrics)
        self.qrels = read_qrels(arguments.qrels)
        self.gold, self.agreement, self.spelling = (
            path and read_object(path, what)
            for path, what in (
                (arguments.gold, "statistics of build_gold.py"),
                (arguments.agreement, "agreement of people with the gold standard"),
                (arguments.spelling, "measures of queries in other spellings"),
            )
        )
        self.trainings = trainings_of(arguments)
        *_, (self.history, _) = self.trainings.values()
        self.audits = [
            read_object(path, "counts of plot_negatives.py")
            for path in named(arguments.audits, "--audits").values()
        ]
        self.costs = costs_of(arguments.run_directory)


def searches_of(material: Material) -> Html:
    """Wins and losses, and searches drawn at random."""
    arguments, metrics = material.arguments, material.metrics
    qrels = relevant(material.qrels)
    paths, pairs = named(arguments.runs, "--runs"), searches.pairs_of(metrics)
    pairs = [pair for pair in pairs if set(pair) <= paths.keys()]
    compared = {system for pair in pairs for system in pair}
    runs = {
        system: read_run(path)
        for system, path in paths.items()
        if system in compared or system in material.config["report"]["systems"]
    }
    measure = metrics["measures"][0]
    scores = searches.read_scores(arguments.per_query, measure, runs)
    measured = next(iter(scores.values()))
    groups = searches.chosen(
        pairs, scores, measured, arguments.examples, material.config["seed"]
    )
    shown = [query_id for _, _, ids in groups for query_id in ids]
    languages = material.config["export"]["language"]
    found = searches.Found(
        queries={
            row["id"]: row for row in read_ordered(arguments.test_queries, queries=True)
        },
        qrels=qrels,
        runs=runs,
        passages=searches.shown_passages(arguments.corpus, shown, qrels, runs),
        scores=scores,
        measure=measure,
        language=languages[0] if len(languages) == 1 else None,
    )
    return searches.section(groups, pairs, found, material.figures["differences"])


def negatives_of(of: Material) -> Html:
    """The audit of each round."""
    arguments = of.arguments
    titles = called(named(arguments.audits, "--audits"))
    drawn = given_for(arguments.audit_figures, "--audit-figures", titles)
    pages = given_for(arguments.audit_pages, "--audit-pages", titles)
    here = Path(arguments.output).parent
    return negatives.section(
        {
            title: (audit, drawn[name])
            for (name, title), audit in zip(titles.items(), of.audits, strict=True)
        },
        [quote(os.path.relpath(pages[name], here)) for name in titles],
    )


@dataclass(frozen=True)
class Entry:
    """A section of the report.

    Attributes:
        name: its anchor.
        title: its heading.
        make: its content.
        source: the program that wrote what it is made of, and the options that name
            that; the file of the first one given is at fault if it lacks something.
        needs: an option without which there is no such section.
    """

    name: str
    title: str
    make: Callable[[Material], Html]
    source: tuple[str, ...]
    needs: str | None = None


COUNTED = ("each stage before training", "run_directory")
JUDGED = ("build_gold.py and compare_judgements.py", "agreement", "gold", "qrels")
MEASURED = ("measure_runs.py", "metrics")
RESPELT = ("measure_spelling.py", "spelling")
TRAINED = ("train_model.py", "run_directory")
MINED = ("plot_negatives.py", "run_directory")
RUN = ("Snakemake", "run_directory")
OUTLINE = (
    Entry(
        "data",
        "What went in, and what was dropped",
        lambda of: data.section(
            data.with_later_stages(
                of.datasets, of.audits[-1] if of.audits else {}, of.history
            ),
            of.figures["lengths"],
        ),
        COUNTED,
    ),
    Entry(
        "gold",
        "What counts as relevant",
        lambda of: gold.section(of.meaning, of.gold, of.qrels, of.agreement),
        JUDGED,
    ),
    Entry(
        "results",
        "Results",
        lambda of: results.section(
            of.metrics,
            of.meaning,
            of.config["report"]["systems"],
            of.figures["measures"],
        ),
        MEASURED,
    ),
    Entry("searches", "Wins and losses by query", searches_of, MEASURED),
    Entry(
        "spelling",
        "Other spellings",
        lambda of: spelling.section(of.spelling),
        *(RESPELT, "spelling"),
    ),
    Entry("training", "Training", lambda of: training.section(of.trainings), TRAINED),
    Entry("negatives", "Negatives", negatives_of, MINED, needs="audits"),
    Entry(
        "costs",
        "Time and cost",
        lambda of: costs.section(
            of.costs, language_model_costs(of.arguments.run_directory, of.config)
        ),
        RUN,
    ),
    Entry(
        "made",
        "How this was made",
        lambda of: made.section(
            of.config, of.defaults, of.history, of.weights, made.commit_of()
        ),
        TRAINED,
    ),
)


def sections_of(material: Material) -> list[Section]:
    """The sections for which there are files.

    Raises:
        InputError: something in a file is not what it should be.
    """
    sections = []
    for entry in OUTLINE:
        if entry.needs and not getattr(material.arguments, entry.needs):
            continue
        by, *options = entry.source
        files = (getattr(material.arguments, option) for option in options)
        with expecting(by, next(filter(None, files))):
            sections.append(Section(entry.name, entry.title, entry.make(material)))
    return sections
