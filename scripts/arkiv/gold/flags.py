"""Flags of the programs that have a language model grade, and what is made of them."""

from __future__ import annotations

import argparse

from arkiv.base.setting_flags import add_settings
from arkiv.gold.grades import Grading
from arkiv.gold.settings import Judge
from arkiv.llm.options import add_model, sampling_of
from arkiv.llm.prompts import JUDGE_FIELDS, Prompt


def add_grading(arguments: argparse.ArgumentParser) -> None:
    """Add how grades are asked for, of whom, and what it may cost."""
    add_settings(arguments, Judge, "backend", "prompt", "tries")
    add_model(arguments, Judge)


def grading_of(arguments: argparse.Namespace) -> Grading:
    """What `add_grading` speaks of.

    Raises:
        InputError: no model is named, or the prompt is faulty.
    """
    prompt = Prompt.read(
        arguments.prompt, fields=JUDGE_FIELDS, needed=("text", "query")
    )
    return Grading(prompt, arguments.language, sampling_of(arguments), arguments.tries)
