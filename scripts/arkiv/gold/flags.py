"""Flags of the programs that have a language model grade, and what is made of them."""

from __future__ import annotations

import argparse

from arkiv.gold.grades import Grading
from arkiv.llm.options import BACKENDS, add_model, sampling_of
from arkiv.llm.prompts import JUDGE_FIELDS, Prompt


def add_grading(arguments: argparse.ArgumentParser) -> None:
    """Add how grades are asked for, of whom, and what it may cost."""
    arguments.add_argument("--backend", choices=BACKENDS, default="openai")
    arguments.add_argument("--prompt", required=True, metavar="FILE")
    arguments.add_argument(
        "--tries", type=int, default=3, help="where an answer is no grade"
    )
    add_model(arguments)


def grading_of(arguments: argparse.Namespace) -> Grading:
    """What `add_grading` speaks of.

    Raises:
        InputError: no model is named, or the prompt is faulty.
    """
    prompt = Prompt.read(
        arguments.prompt, fields=JUDGE_FIELDS, needed=("text", "query")
    )
    return Grading(prompt, arguments.language, sampling_of(arguments), arguments.tries)
