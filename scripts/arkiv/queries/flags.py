"""Flags of the programs that have queries made, and what is made of them."""

from __future__ import annotations

import argparse

from arkiv.base.declared import Seeded
from arkiv.base.errors import InputError
from arkiv.base.setting_flags import add_settings
from arkiv.llm.options import add_model, sampling_of
from arkiv.llm.prompts import JUDGE_FIELDS, Prompt, read_prompts
from arkiv.queries import quality
from arkiv.queries.generator import Task
from arkiv.queries.settings import Quality, Queries
from arkiv.queries.sources import Groups


def add_task(arguments: argparse.ArgumentParser) -> None:
    """Add what is asked, of whom, and what it may cost."""
    add_settings(arguments, Queries, "backend", "per_document")
    add_settings(arguments, Seeded)
    groups = arguments.add_argument_group("groups of documents")
    add_settings(groups, Queries, "group")
    queries = arguments.add_argument_group("queries by a language model")
    queries.add_argument(
        "--prompts",
        nargs="+",
        default=[f"{one.file}={one.share}" for one in Queries.prompts],
        metavar="FILE=SHARE",
        help="drawn by their shares",
    )
    add_settings(queries, Queries, "judge")
    add_model(arguments, Queries)


def add_limits(arguments: argparse.ArgumentParser) -> None:
    """Add what a language model's query may be."""
    limits = arguments.add_argument_group("queries that are kept")
    add_settings(limits, Quality)


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
        group = Prompt.read(arguments.group_prompt)
    if arguments.judge_prompt:
        judge = Prompt.read(
            arguments.judge_prompt, fields=JUDGE_FIELDS, needed=("text", "query")
        )
    return Task(
        read_prompts(arguments.prompts),
        group,
        arguments.per_document,
        arguments.language,
        arguments.seed,
        sampling,
        judge,
        arguments.judge_threshold,
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
