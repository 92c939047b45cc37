"""The sections of the report in their order: what each is made of, and how."""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote

from arkiv.base.errors import InputError, expecting
from arkiv.base.files import read_object
from arkiv.base.html import Html, joined
from arkiv.base.named import named
from arkiv.base.page import Section, paragraph
from arkiv.gold.standard import explained, relevant
from arkiv.report import (
    compressed,
    costs,
    data,
    forgetting,
    gold,
    learnt,
    made,
    merging,
    negatives,
    parts,
    reach,
    results,
    searches,
    spelling,
    training,
)
from arkiv.report.funnel import read_stages
from arkiv.report.heads import without_heads
from arkiv.report.jobs import Days, costs_of, language_model_costs
from arkiv.retrieve.collection import read_ordered
from arkiv.retrieve.systems import reordering
from arkiv.retrieve.trec import read_qrels, read_run


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


def round_titles(names: Mapping[str, str]) -> dict[str, str]:
    """The heading of each round or stage: none where there is one alone."""
    if len(names) == 1:
        return dict.fromkeys(names, "")
    return {name: (name[:1].upper() + name[1:]).replace("_", " ") for name in names}


class Material:
    """The files that several sections, or the summary, are made of.

    Args:
        arguments: of write_report.py, which name all files.
        differing: settings from the defaults: value and default by key.
        weights: SHA-256 of the tuned model's, if there is one.

    Raises:
        InputError: a file that is missing or of another kind.
    """

    def __init__(
        self,
        arguments: argparse.Namespace,
        differing: made.Differing,
        weights: Mapping[str, str],
    ) -> None:
        self.arguments, self.differing, self.weights = arguments, differing, weights
        self.config = arguments.config
        figures = ["measures", "differences"] + ["lengths"] * bool(arguments.shards)
        self.figures = given_for(arguments.figures, "--figures", figures)
        self.datasets = read_stages(arguments)
        self.metrics = read_object(arguments.metrics, "metrics of measure_runs.py")
        with expecting("measure_runs.py", arguments.metrics):
            self.meaning = explained(self.metrics)
        self.qrels = read_qrels(arguments.qrels)
        self.gold, self.agreement, self.spelling, self.compressed = (
            path and read_object(path, what)
            for path, what in (
                (arguments.gold, "statistics of build_gold.py"),
                (arguments.agreement, "agreement of people with the gold standard"),
                (arguments.spelling, "measures of queries in other spellings"),
                (arguments.compressed, "measures of smaller vectors"),
            )
        )
        self.general, self.merge = (
            path and read_object(path, what)
            for path, what in (
                (arguments.general, "metrics of measure_runs.py"),
                (arguments.merge, "report of merge_models.py"),
            )
        )
        self.learnt = {
            name: read_object(path, "weights of fit_weights.py")
            for name, path in named(arguments.learnt, "--learnt").items()
        }
        self.trainings = read_trainings(arguments)
        *_, (self.history, _) = [({}, ""), *self.trainings.values()]
        first = next(iter(self.trainings.values()), ({}, ""))[0]
        self.heads = first.get("heads")
        self.audits = [
            read_object(path, "counts of plot_negatives.py")
            for path in named(arguments.audits, "--audits").values()
        ]
        self.costs = costs_of(
            arguments.run_directory,
            None if self.trainings else arguments.left_out,
            Path(arguments.output).parent,
        )
        self.days = Days.of(self.costs)


def read_trainings(arguments: argparse.Namespace) -> dict[str, tuple[Any, str]]:
    """History and figure of each training by its heading.

    Raises:
        InputError: a training without a figure, or a file of another kind.
    """
    histories = named(arguments.histories, "--histories")
    figures = given_for(arguments.training_figures, "--training-figures", histories)
    return {
        title: (
            read_object(histories[name], "history of train_model.py"),
            figures[name],
        )
        for name, title in round_titles(histories).items()
    }


def searches_of(of: Material) -> Iterator[Html]:
    """Wins and losses, and searches drawn at random."""
    arguments, metrics, qrels = of.arguments, of.metrics, relevant(of.qrels)
    paths = named(arguments.runs, "--runs")
    pairs = [
        pair for pair in searches.compared_pairs(metrics) if set(pair) <= paths.keys()
    ]
    shown = {system for pair in pairs for system in pair}
    shown.update(of.config["report"]["systems"])
    paths = {system: path for system, path in paths.items() if system in shown}
    measure = metrics["measures"][0]
    scores = searches.read_values(arguments.per_query, measure, paths)
    measured = next(iter(scores.values()))
    groups = searches.chosen(
        pairs, scores, measured, arguments.examples, of.config["seed"]
    )
    chosen = {query_id: None for _, _, ids in groups for query_id in ids}
    runs = {system: read_run(path, queries=chosen) for system, path in paths.items()}
    languages = of.config["export"]["language"]
    found = searches.Found(
        queries={
            row["id"]: row for row in read_ordered(arguments.test_queries, queries=True)
        },
        qrels=qrels,
        runs=runs,
        passages=searches.shown_passages(arguments.corpus, chosen, qrels, runs),
        scores=scores,
        measure=measure,
        language=languages[0] if len(languages) == 1 else None,
    )
    section = searches.section(groups, pairs, found, of.figures["differences"])
    if unit := metrics.get("counted", {}).get("unit"):
        said = f"Measures count by {unit}; shown are passages, with their own ranks."
        return chain([paragraph(said)], section)
    return section


def reach_in(of: Material) -> list[reach.Reach]:
    """What the systems that re-rank can reach."""
    arguments = of.arguments
    queries = read_ordered(arguments.test_queries, queries=True)
    return reach.reach_of(
        of.config["evaluate"],
        list(of.metrics["systems"]),
        named(arguments.reranked, "--reranked"),
        named(arguments.encodings, "--encodings"),
        relevant(of.qrels),
        [query["id"] for query in queries],
    )


def negatives_of(of: Material) -> Iterator[Html]:
    """The audit of each round."""
    arguments = of.arguments
    titles = round_titles(named(arguments.audits, "--audits"))
    drawn = given_for(arguments.audit_figures, "--audit-figures", titles)
    pages = given_for(arguments.audit_pages, "--audit-pages", titles)
    here = Path(arguments.output).parent
    return negatives.section(
        {
            title: (audit, drawn[name], quote(os.path.relpath(pages[name], here)))
            for (name, title), audit in zip(titles.items(), of.audits, strict=True)
        }
    )


class Entry(NamedTuple):
    """A section of the report."""

    name: str
    """Its anchor."""
    title: str
    make: Callable[[Material], Iterator[Html]]
    source: tuple[str, ...]
    """The program that wrote what it is made of, and the options that name that; the
    file of the first one given is at fault if it lacks something."""
    needs: str | None = None
    """An option without which there is no such section."""


MEASURED = ("measure_runs.py", "metrics")
TRAINED = ("train_model.py", "run_directory")
OUTLINE = (
    Entry(
        "data",
        "What went in, and what was dropped",
        lambda of: data.section(
            data.with_later_stages(
                of.datasets, of.audits[-1] if of.audits else {}, of.history
            ),
            of.figures.get("lengths"),
        ),
        ("each stage before training", "run_directory"),
    ),
    Entry(
        "gold",
        "What counts as relevant",
        lambda of: gold.section(of.meaning, of.gold, of.qrels, of.agreement),
        ("build_gold.py and compare_judgements.py", "agreement", "gold", "qrels"),
    ),
    Entry(
        "results",
        "Results",
        lambda of: chain(
            results.section(
                of.metrics,
                of.meaning,
                of.figures["measures"],
                reordering(of.config["evaluate"]),
                without_heads(of.arguments.without_heads, of.heads),
            ),
            reach.section(reach_in(of)),
            parts.section(of.metrics, of.config["report"]["systems"]),
        ),
        MEASURED,
    ),
    Entry(
        "weights",
        "Learnt weights",
        lambda of: learnt.section(of.learnt),
        ("fit_weights.py", "learnt"),
        needs="learnt",
    ),
    Entry(
        "forgetting",
        "What was learnt, and what was forgotten",
        lambda of: forgetting.section(of.general, of.metrics, of.merge or {}),
        ("measure_runs.py", "general"),
        needs="general",
    ),
    Entry("searches", "Wins and losses by query", searches_of, MEASURED),
    Entry(
        "spelling",
        "Other spellings",
        lambda of: spelling.section(of.spelling),
        ("measure_spelling.py", "spelling"),
        needs="spelling",
    ),
    Entry(
        "compressed",
        "Smaller vectors",
        lambda of: compressed.section(of.compressed),
        ("measure_compressed.py", "compressed"),
        needs="compressed",
    ),
    Entry(
        "training",
        "Training",
        lambda of: training.section(of.trainings),
        TRAINED,
        needs="histories",
    ),
    Entry(
        "merging",
        "Merging",
        lambda of: merging.section(of.merge),
        ("merge_models.py", "merge"),
        needs="merge",
    ),
    Entry(
        "negatives",
        "Negatives",
        negatives_of,
        ("plot_negatives.py", "run_directory"),
        needs="audits",
    ),
    Entry(
        "costs",
        "Time and cost",
        lambda of: costs.section(
            of.costs,
            language_model_costs(
                of.arguments.run_directory, of.config, of.arguments.gold
            ),
        ),
        ("Snakemake", "run_directory"),
    ),
    Entry(
        "made",
        "How this was made",
        lambda of: made.section(
            of.config,
            of.differing,
            of.history,
            of.weights,
            made.commit_of(),
            of.days,
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
            content = joined(*entry.make(material))
        sections.append(Section(entry.name, entry.title, content))
    return sections
