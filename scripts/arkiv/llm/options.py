"""The command line of what asks a language model, and what is made of it."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from typing import Any

from arkiv.base.errors import InputError
from arkiv.base.setting_flags import add_settings, settings_from
from arkiv.encode.options import Options
from arkiv.encode.settings import Batch, Running
from arkiv.llm.asking import Backend
from arkiv.llm.budget import Budget, Prices
from arkiv.llm.protocol import Sampling
from arkiv.llm.settings import Connection, OpenAI, Prompted


def _json_object(text: str) -> dict[str, Any]:
    value = json.loads(text)
    if not isinstance(value, dict):
        raise ValueError(text)
    return value


def add_model(arguments: argparse.ArgumentParser, answer: type) -> None:
    """Add which language model answers, and how.

    Args:
        arguments: to add to.
        answer: the section that declares `max_tokens` and `temperature`.
    """
    model = arguments.add_argument_group("the language model")
    model.add_argument(
        "--model", metavar="NAME", help="or the directory of a local one"
    )
    add_settings(model, Prompted)
    add_settings(model, answer, "max_tokens", "temperature")
    add_settings(model, OpenAI, "extra", type=_json_object)
    add_settings(model, Prices, prefix="price_")


def add_server(arguments: argparse.ArgumentParser) -> None:
    """Add how a server is asked."""
    server = arguments.add_argument_group("a server with OpenAI's chat protocol")
    add_settings(server, Connection)


def add_local(arguments: argparse.ArgumentParser) -> None:
    """Add how a local model runs."""
    local = arguments.add_argument_group("a local model")
    add_settings(local, Batch)
    add_settings(local, Running)


def add_budget(arguments: argparse.ArgumentParser) -> None:
    """Add the journal, and what all jobs that share it may spend together."""
    budget = arguments.add_argument_group("journal and budget")
    budget.add_argument(
        "--journal",
        metavar="JSONL",
        help="every answer is kept here; what it holds is not asked again",
    )
    add_settings(budget, Budget, prefix="budget_")


def sampling_of(arguments: argparse.Namespace) -> Sampling:
    if not arguments.model:
        raise InputError("names no model", key="model")
    return Sampling(
        arguments.model, arguments.max_tokens, arguments.temperature, arguments.extra
    )


def prices_of(arguments: argparse.Namespace) -> Prices:
    """The prices that `add_task` and `add_grading` speak of."""
    return settings_from(arguments, Prices, prefix="price_")


def budget_of(arguments: argparse.Namespace) -> Budget:
    """The budget that `add_budget` speaks of."""
    return settings_from(arguments, Budget, prefix="budget_")


def backend_of(
    arguments: argparse.Namespace, sampling: Sampling
) -> Callable[[], Backend]:
    """What makes the backend, once it is needed.

    Raises:
        InputError: when it is made: no key, or no model that can be loaded.
    """
    if arguments.backend == "local":

        def local() -> Backend:
            from arkiv.llm.local import LocalModel

            options = Options(
                precision=arguments.precision,
                attention=arguments.attention,
                batch_tokens=arguments.batch_tokens,
                trust_remote_code=arguments.trust_remote_code,
            )
            return LocalModel(arguments.model, sampling, options)

        return local

    def server() -> Backend:
        from arkiv.llm.secret import Secret
        from arkiv.llm.server import Server

        connection = settings_from(arguments, Connection)
        secret = Secret.from_environment(
            connection.key_variable,
            needed=connection.base_url == Connection.base_url,
        )
        return Server(connection, sampling, secret)

    return server
