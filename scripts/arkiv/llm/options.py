"""The command line of what asks a language model, and what is made of it."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from typing import Any

from arkiv.base.errors import InputError
from arkiv.encode.options import ATTENTIONS, PRECISIONS, Options
from arkiv.llm.asking import Backend
from arkiv.llm.budget import Budget, Prices
from arkiv.llm.protocol import Sampling

BACKENDS = ("extractive", "openai", "local")


def _json_object(text: str) -> dict[str, Any]:
    value = json.loads(text)
    if not isinstance(value, dict):
        raise ValueError(text)
    return value


def add_model(arguments: argparse.ArgumentParser) -> None:
    """Add which language model answers, and how."""
    model = arguments.add_argument_group("the language model")
    model.add_argument(
        "--model", metavar="NAME", help="or the directory of a local one"
    )
    model.add_argument("--language", default="Swedish", help="a field of the prompts")
    model.add_argument("--max-tokens", type=int, default=128, help="of an answer")
    model.add_argument(
        "--temperature", type=float, help="not given: as the server likes"
    )
    model.add_argument(
        "--extra",
        type=_json_object,
        default={},
        metavar="JSON",
        help="sent with each request as it stands",
    )
    for name in ("input", "output"):
        model.add_argument(
            f"--price-{name}", type=float, default=0.0, help="of a million tokens"
        )


def add_server(arguments: argparse.ArgumentParser) -> None:
    """Add how a server is asked."""
    server = arguments.add_argument_group("a server with OpenAI's chat protocol")
    server.add_argument("--base-url", metavar="URL")
    server.add_argument(
        "--key-variable",
        metavar="NAME",
        default="OPENAI_API_KEY",
        help="the environment variable that holds the key",
    )
    server.add_argument("--concurrency", type=int, default=8)
    server.add_argument("--timeout", type=float, default=60.0, help="seconds")
    server.add_argument("--retries", type=int, default=6)


def add_local(arguments: argparse.ArgumentParser) -> None:
    """Add how a local model runs."""
    local = arguments.add_argument_group("a local model")
    local.add_argument("--batch-tokens", type=int, metavar="N")
    local.add_argument("--precision", choices=PRECISIONS, default="auto")
    local.add_argument("--attention", choices=ATTENTIONS, default="auto")
    local.add_argument("--trust-remote-code", action="store_true")


def add_budget(arguments: argparse.ArgumentParser) -> None:
    """Add the journal, and what all jobs that share it may spend together."""
    budget = arguments.add_argument_group("journal and budget")
    budget.add_argument(
        "--journal",
        metavar="JSONL",
        help="every answer is kept here; what it holds is not asked again",
    )
    budget.add_argument("--budget-requests", type=int, metavar="N")
    budget.add_argument("--budget-tokens", type=int, metavar="N")
    budget.add_argument("--budget-money", type=float, metavar="X")


def sampling_of(arguments: argparse.Namespace) -> Sampling:
    if not arguments.model:
        raise InputError("names no model", key="model")
    return Sampling(
        arguments.model, arguments.max_tokens, arguments.temperature, arguments.extra
    )


def prices_of(arguments: argparse.Namespace) -> Prices:
    """The prices that `add_task` and `add_grading` speak of."""
    return Prices(arguments.price_input, arguments.price_output)


def budget_of(arguments: argparse.Namespace) -> Budget:
    """The budget that `add_budget` speaks of."""
    return Budget(
        arguments.budget_requests, arguments.budget_tokens, arguments.budget_money
    )


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
        from arkiv.llm.server import OPENAI, Connection, Server

        base_url = arguments.base_url or OPENAI
        secret = Secret.from_environment(
            arguments.key_variable, needed=base_url == OPENAI
        )
        connection = Connection(
            base_url, arguments.concurrency, arguments.timeout, arguments.retries
        )
        return Server(connection, sampling, secret)

    return server
