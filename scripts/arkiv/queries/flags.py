"""Flags of the programs that have queries made, and what is made of them."""

from __future__ import annotations

import argparse

from arkiv.base.errors import InputError
from arkiv.llm.options import BACKENDS, add_model, sampling_of
from arkiv.llm.prompts import JUDGE_FIELDS, Prompt, read_prompts
from arkiv.queries import quality
from arkiv.queries.generator import Task
from arkiv.queries.sources import Groups


def add_task(arguments: argparse.ArgumentParser) -> None:
    """Add what is asked, of whom, and what it may cost."""
    arguments.add_argument("--backend", choices=BACKENDS, default="extractive")
    arguments.add_argument("--per-document", type=int, default=1)
    arguments.add_argument("--seed", type=int, default=0)
    groups = arguments.add_argument_group("groups of documents")
    groups.add_argument(
        "--group-share",
        type=float,
        default=0.0,
        help="of the documents with which a group begins that gets a query too",
    )
    groups.add_argument("--group-sizes", nargs="+", type=int, default=[3, 4])
    groups.add_argument("--group-prompt", metavar="FILE")
    queries = arguments.add_argument_group("queries by a language model")
    queries.add_argument(
        "--prompts",
        nargs="+",
        default=[],
        metavar="FILE=SHARE",
        help="drawn by their shares",
    )
    queries.add_argument(
        "--judge", metavar="FILE", help="prompt for marks from 1 to 5; not given: none"
    )
    queries.add_argument("--threshold", type=int, default=4, help="lowest mark to keep")
    add_model(arguments)


def add_limits(arguments: argparse.ArgumentParser) -> None:
    """Add what a language model's query may be."""
    limits = arguments.add_argument_group("queries that are kept")
    limits.add_argument("--max-words", type=int, default=40)
    limits.add_argument(
        "--copied-run", type=int, metavar="N", help="words in a row of the passage"
    )
    limits.add_argument(
        "--copied-share",
        type=float,
        metavar="X",
        help="share of the query's word triples that the passage has",
    )
    limits.add_argument("--forbidden", nargs="+", default=[], metavar="REGEX")


def groups_of(arguments: argparse.Namespace) -> Groups:
    """The groups that `add_task` speaks of."""
    return Groups(arguments.group_share, tuple(arguments.group_sizes), arguments.seed)


def task_of(arguments: argparse.Namespace) -> Task:
    """The task that `add_task` speaks of.

    Raises:
        InputError: a model or prompt is missing, or a prompt is faulty.
    """
    sampling = sampling_of(arguments)
    if not arguments.prompts:
        raise InputError("names no prompt", key="prompts")
    group = judge = None
    if arguments.group_share > 0:
        if not arguments.group_prompt:
            raise InputError("names no prompt", key="group_prompt")
        group = Prompt.read(arguments.group_prompt)
    if arguments.judge:
        judge = Prompt.read(
            arguments.judge, fields=JUDGE_FIELDS, needed=("text", "query")
        )
    return Task(
        read_prompts(arguments.prompts),
        group,
        arguments.per_document,
        arguments.language,
        arguments.seed,
        sampling,
        judge,
        arguments.threshold,
    )


def limits_of(arguments: argparse.Namespace) -> quality.Limits:
    """The limits that `add_limits` speaks of.

    Raises:
        InputError: what is forbidden is no regular expression.
    """
    return quality.Limits(
        arguments.max_words,
        arguments.copied_run,
        arguments.copied_share,
        quality.patterns(arguments.forbidden),
    )
