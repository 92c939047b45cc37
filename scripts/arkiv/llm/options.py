"""The command line of what asks a language model, and what is made of it."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from typing import Any

from arkiv import quality
from arkiv.errors import InputError
from arkiv.llm.budget import Budget, Prices
from arkiv.llm.generator import Task
from arkiv.llm.grader import Grading
from arkiv.llm.prompts import JUDGE_FIELDS, Prompt, read_prompts
from arkiv.llm.protocol import Backend, Sampling
from arkiv.models import ATTENTIONS, PRECISIONS, Options
from arkiv.sources import Groups

BACKENDS = ("extractive", "openai", "local")


def _json_object(text: str) -> dict[str, Any]:
    value = json.loads(text)
    if not isinstance(value, dict):
        raise ValueError(text)
    return value


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
    _add_model(arguments)


def add_grading(arguments: argparse.ArgumentParser) -> None:
    """Add how grades are asked for, of whom, and what it may cost."""
    arguments.add_argument("--backend", choices=BACKENDS, default="openai")
    arguments.add_argument("--prompt", required=True, metavar="FILE")
    arguments.add_argument(
        "--tries", type=int, default=3, help="where an answer is no grade"
    )
    _add_model(arguments)


def _add_model(arguments: argparse.ArgumentParser) -> None:
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
    sampling = _sampling(arguments)
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


def grading_of(arguments: argparse.Namespace) -> Grading:
    """What `add_grading` speaks of.

    Raises:
        InputError: no model is named, or the prompt is faulty.
    """
    prompt = Prompt.read(
        arguments.prompt, fields=JUDGE_FIELDS, needed=("text", "query")
    )
    return Grading(prompt, arguments.language, _sampling(arguments), arguments.tries)


def _sampling(arguments: argparse.Namespace) -> Sampling:
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
