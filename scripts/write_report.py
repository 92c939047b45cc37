"""Write the report of a run: one page that can be read by itself.

It says what went in and what was dropped, what counts as relevant, how well each
system searches and how sure that is, where the tuned one wins and loses, how it was
trained, what that cost and how it was made. Without --model it is that of a baseline,
which says nothing of training. The page loads nothing and runs no script.
"""

from __future__ import annotations

import argparse
import logging
import sys
from pathlib import Path

from arkiv.base.cli import json_object, parser, run
from arkiv.base.errors import expecting
from arkiv.base.page import glossary, render, text_of, with_words, write
from arkiv.base.setting_flags import add_settings
from arkiv.example.toys import toys
from arkiv.export.directory import weights_of
from arkiv.report import summary, todo
from arkiv.report.advice import advice
from arkiv.report.at_hand import numbers_of
from arkiv.report.funnel import add_stages
from arkiv.report.heads import WITHOUT_HEADS
from arkiv.report.jobs import day
from arkiv.report.outline import Material, sections_of
from arkiv.settings.changes import from_defaults
from arkiv.settings.configuration import Report
from arkiv.text.terms import used_in

log = logging.getLogger("write_report")


def command_line(argv: list[str] | None) -> argparse.Namespace:
    """What is asked for on the command line."""
    arguments = parser(
        __doc__,
        run_directory="DIR with benchmarks of jobs",
        corpus="JSONL passages",
        test_queries="JSONL",
        qrels="TREC judgements",
        metrics="JSON of measure_runs.py",
        per_query="CSV of measure_runs.py",
        model="[DIR] of the tuned model; not given: nothing was trained",
        left_out="[SYSTEM...] that need training and are not measured",
        runs="SYSTEM=TREC... the systems shown side by side",
        reranked="[SYSTEM=TREC...] of systems that re-rank, one for each candidates",
        encodings="[MODEL=DIR...] which count the candidates of these",
        figures="NAME=SVG... measures, differences and, of train rows, lengths",
        histories="[NAME=JSON...] of each training, the last one last",
        training_figures="[NAME=SVG...] of plot_training.py",
        audits="[NAME=JSON...] counts of plot_negatives.py, of each round",
        audit_figures="[NAME=SVG...] its charts",
        audit_pages="[NAME=HTML...] its pages",
        gold="[JSON] statistics of build_gold.py",
        agreement="[JSON] of people with the gold standard",
        spelling="[JSON] measures of queries in other spellings",
        compressed="[JSON] of measure_compressed.py",
        general="[JSON] of measure_runs.py, of the general set",
        merge="[JSON] of merge_models.py",
        learnt="[SYSTEM=JSON...] of fit_weights.py",
        output="HTML",
    )
    arguments.add_argument(
        "--config",
        type=json_object,
        required=True,
        metavar="JSON",
        help="the whole configuration of the run",
    )
    arguments.add_argument(
        "--without-heads",
        choices=WITHOUT_HEADS,
        help="why the base model, or every one, is not searched by all modes",
    )
    add_stages(arguments)
    add_settings(arguments, Report, "examples")
    return arguments.parse_args(argv)


def about_of(material: Material) -> tuple[str, str]:
    """What kind of report it is, and what it is about, in a sentence."""
    if not material.arguments.model:
        return "Baseline", "How well one archive is searched before any training."
    other = material.arguments.without_heads
    kind = "retrieval model" if other else "BGE-M3 retrieval model"
    about = f"A {kind}, fine-tuned by arkiv to search one archive."
    if "embedder" in toys(material.config.get("models", {})):
        about = (
            "A tiny model in the shape of BGE-M3, fine-tuned by arkiv to try it out."
        )
    return "Report", about


def main(argv: list[str] | None = None) -> None:
    arguments = command_line(argv)
    model = arguments.model
    weights = weights_of(Path(model)) if model else {}
    material = Material(arguments, from_defaults(arguments.config), weights)
    sections = sections_of(material)
    with expecting("measure_runs.py", arguments.metrics):
        lines = summary.sentences(material)
    name = arguments.config["export"]["name"] or arguments.config["run"]
    kind, about = about_of(material)
    if material.days:
        about += f" Measured on {day(material.days.measured)}."
    box = todo.section(advice(numbers_of(material)), arguments.output)
    page = (*lines, box.content if box else "", *(one.content for one in sections))
    terms = used_in(text_of(" ".join(page)))
    sections.append(glossary((one.word, one.meaning) for one in terms))
    write(
        arguments.output,
        render(f"{kind}: {name}", with_words(about), lines, sections, box),
    )
    log.info("the report stands in %s", arguments.output)


if __name__ == "__main__":
    sys.exit(run(main))
