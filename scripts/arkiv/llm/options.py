"""The command line of what asks a language model, and what is made of it."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

from arkiv.base.cli import add_words, json_object
from arkiv.base.errors import InputError
from arkiv.base.secrets import secrets_in
from arkiv.base.setting_flags import add_settings, settings_from
from arkiv.encode.flags import run_options
from arkiv.encode.settings import Batch, Running
from arkiv.llm.asking import Asking, Backend
from arkiv.llm.journal import Journal
from arkiv.llm.protocol import Sampling
from arkiv.llm.settings import Budget, Connection, OpenAI, Prices, Prompted


def add_model(arguments: argparse.ArgumentParser, answer: type) -> None:
    """Add which language model answers, how, and what all jobs of a run may spend.

    The section `answer` declares `max_tokens` and `temperature`.
    """
    model = arguments.add_argument_group("the language model")
    add_words(model, model="[NAME] or the directory of a local one")
    add_settings(model, Prompted)
    add_settings(model, answer, "max_tokens", "temperature")
    add_settings(model, OpenAI, "extra", type=json_object)
    add_settings(model, Prices, prefix="price_")
    add_settings(model, Budget, prefix="budget_")


def add_asking(arguments: argparse.ArgumentParser) -> None:
    """Add how the model that `add_model` names is asked, and the journal."""
    add_words(
        arguments,
        journal="[JSONL] every answer is kept here; what it holds is not asked again",
    )
    server = arguments.add_argument_group("a server with OpenAI's chat protocol")
    add_settings(server, Connection)
    local = arguments.add_argument_group("a local model")
    add_settings(local, Batch)
    add_settings(local, Running)


def sampling_of(arguments: argparse.Namespace) -> Sampling:
    """How the model that `add_model` names answers.

    Raises:
        InputError: none is named, or a key stands where all is printed.
    """
    if not arguments.model:
        raise InputError("names no model", key="model")
    for name in ("extra", "base_url"):
        for found in secrets_in(getattr(arguments, name, None), (name,)):
            raise InputError(
                f"holds {found.what}; a key belongs in the environment variable that "
                "--key-variable names",
                key=".".join(found.where),
            )
    return Sampling(
        arguments.model, arguments.max_tokens, arguments.temperature, arguments.extra
    )


@contextmanager
def asking_of(arguments: argparse.Namespace, section: str) -> Iterator[Asking]:
    """What asks the model that `add_model` and `add_asking` speak of.

    Args:
        arguments: with the `output`, after which the job is named.
        section: of the configuration, which has the budget.

    Raises:
        InputError: no journal is given, or another copy of the job is at work.
    """
    if not arguments.journal:
        raise InputError("is not given", key="journal")
    with Journal(
        arguments.journal,
        arguments.output,
        settings_from(arguments, Budget, prefix="budget_"),
        settings_from(arguments, Prices, prefix="price_"),
        key=f"{section}.budget",
    ) as journal:
        yield Asking(partial(_backend, arguments), journal)


def _backend(arguments: argparse.Namespace) -> Backend:
    """What answers.

    Raises:
        InputError: there is no key, or no model that can be loaded.
    """
    sampling = sampling_of(arguments)
    if arguments.backend == "local":
        from arkiv.llm.local import LocalModel

        return LocalModel(arguments.model, sampling, run_options(arguments))

    from arkiv.llm.server import Server

    return Server(settings_from(arguments, Connection), sampling)
