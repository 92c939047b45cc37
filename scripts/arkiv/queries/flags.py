"""Flags of the programs that have queries made, and what is made of them."""

from __future__ import annotations

import argparse

from arkiv.base.declared import Seeded
from arkiv.base.files import Part
from arkiv.base.setting_flags import add_settings, settings_from
from arkiv.llm.options import add_model, sampling_of
from arkiv.llm.prompts import Prompt, read_prompts
from arkiv.queries.generator import Task
from arkiv.queries.settings import Group, Queries
from arkiv.queries.sources import Sources


def add_task(arguments: argparse.ArgumentParser) -> None:
    """Add what queries are made of, and what is asked of whom at what cost."""
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


def sources_of(arguments: argparse.Namespace, documents: str, part: Part) -> Sources:
    """A part of the documents, with the groups that `add_task` speaks of."""
    group = settings_from(arguments, Group, prefix="group_")
    return Sources(documents, part, group, arguments.seed)


def task_of(arguments: argparse.Namespace) -> Task:
    """The task that `add_task` speaks of.

    Raises:
        InputError: a model or prompt is missing, or a prompt is faulty.
    """
    group = judge = None
    if arguments.group_share > 0:
        group = Prompt.read(arguments.group_prompt)
    if arguments.judge_prompt:
        judge = Prompt.read(arguments.judge_prompt, needed=("text", "query"))
    return Task(
        read_prompts(arguments.prompts),
        group,
        arguments.per_document,
        arguments.language,
        arguments.seed,
        sampling_of(arguments),
        judge,
        arguments.judge_threshold,
    )
