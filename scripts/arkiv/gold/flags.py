"""Flags of the programs that grade a pool, and what is made of them."""

from __future__ import annotations

import argparse

from arkiv.base.cli import add_part, add_words
from arkiv.base.setting_flags import add_settings
from arkiv.gold.grades import Grading
from arkiv.gold.pool import Pair, read_pool
from arkiv.gold.settings import Judge
from arkiv.llm.options import add_model, sampling_of
from arkiv.llm.prompts import Prompt


def add_pool(arguments: argparse.ArgumentParser) -> None:
    """Add the pool, or a part of it, and the collection that it is of."""
    add_words(arguments, corpus="JSONL", queries="JSONL", pool="JSONL")
    add_part(arguments)


def pool_of(arguments: argparse.Namespace) -> list[Pair]:
    """The pairs that `add_pool` speaks of.

    Raises:
        InputError: as `read_pool` does.
    """
    return read_pool(
        arguments.pool, arguments.part, arguments.queries, arguments.corpus
    )


def add_grading(arguments: argparse.ArgumentParser) -> None:
    """Add how a language model is asked for grades, which, and what it may cost."""
    add_settings(arguments, Judge, "backend", "prompt", "tries")
    add_model(arguments, Judge)


def grading_of(arguments: argparse.Namespace) -> Grading:
    """What `add_grading` speaks of.

    Raises:
        InputError: no model is named, or the prompt is faulty.
    """
    prompt = Prompt.read(arguments.prompt, needed=("text", "query"))
    return Grading(prompt, arguments.language, sampling_of(arguments), arguments.tries)
