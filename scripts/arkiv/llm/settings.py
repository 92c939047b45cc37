"""The settings of language models: where one is asked, and what that may cost.

Read while the Snakefile is parsed: nothing heavy here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from arkiv.base.declared import setting
from arkiv.encode.settings import Batch

BACKENDS = ("extractive", "openai", "local")


@dataclass(frozen=True)
class Connection:
    """A server with OpenAI's chat protocol."""

    base_url: str = setting(
        "https://api.openai.com/v1",
        "of the server, with `/v1`",
        pattern="^https?://[^@]+$",
    )
    key_variable: str = setting(
        "OPENAI_API_KEY",
        "the environment variable that holds the key",
        pattern="^[A-Za-z_][A-Za-z0-9_]*$",
    )
    concurrency: int = setting(8, "requests at the same time, of each job", at_least=1)
    timeout: float = setting(60, "seconds for each piece of an answer", more_than=0)
    retries: int = setting(6, "tries of a request after the first", at_least=0)


@dataclass(frozen=True)
class OpenAI(Connection):
    """A server, and what it is asked for."""

    model: str = setting("gpt-4o-mini", "as the server names it")
    extra: dict[str, Any] = setting({}, "sent with each request as it stands")
    on_login_node: bool = setting(
        True, "ask from where snakemake runs, not in cluster jobs"
    )


@dataclass(frozen=True)
class Local(Batch):
    """A model in the job itself."""

    model: str | None = setting(None, "directory of a causal model")


@dataclass(frozen=True)
class Prompted:
    """What prompts are filled in with, beside a passage."""

    language: str = setting("Swedish", "the field `{language}` of prompts")


def is_model(directory: str | None) -> bool:
    """Whether a local model lies there."""
    return bool(directory) and Path(directory).is_dir()


def unpriced(section: Mapping[str, Any]) -> bool:
    """Whether there is a budget of money, and nothing has a price."""
    return section["budget"]["money"] is not None and not any(
        section["prices"].values()
    )
