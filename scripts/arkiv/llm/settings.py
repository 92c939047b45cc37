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

# Of those who make queries, the ones that ask no language model.
OFFLINE = ("extractive", "example")
BACKENDS = (*OFFLINE, "openai", "local")
MILLION = 1_000_000


@dataclass(frozen=True)
class Connection:
    """A server with OpenAI's chat protocol."""

    base_url: str = setting(
        "https://api.openai.com/v1",
        "of the server, with `/v1`",
        pattern="^https?://[^@]+$",
        private=True,
    )
    key_variable: str = setting(
        "OPENAI_API_KEY",
        "the environment variable that holds the key",
        # Of capitals, or without digits: a key is not taken for its name.
        pattern="^([A-Z_][A-Z0-9_]*|[a-z_]+)$",
        private=True,
    )
    concurrency: int = setting(8, "requests at the same time, of each job", at_least=1)
    timeout: float = setting(60, "seconds for each piece of an answer", more_than=0)
    retries: int = setting(6, "tries of a request after the first", at_least=0)


@dataclass(frozen=True)
class OpenAI(Connection):
    """A server, and what it is asked for."""

    model: str = setting("gpt-4o-mini", "as the server names it")
    extra: dict[str, Any] = setting(
        {}, "sent with each request as it stands; no key", private=True
    )
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


@dataclass(frozen=True)
class Cost:
    """Requests, tokens and money, spent or allowed for; they add up."""

    requests: int = 0
    tokens: int = 0
    money: float = 0.0

    def __add__(self, other: Cost) -> Cost:
        return Cost(
            self.requests + other.requests,
            self.tokens + other.tokens,
            self.money + other.money,
        )

    def __str__(self) -> str:
        return f"{self.requests} requests, {self.tokens} tokens, {self.money:.6f} money"


@dataclass(frozen=True)
class Prices:
    """Of a million tokens, in whatever currency; 0: nothing to pay."""

    input: float = setting(0, "of a million tokens of prompts", at_least=0)
    output: float = setting(0, "of a million tokens of answers", at_least=0)

    def cost(self, tokens_in: int, tokens_out: int) -> Cost:
        """Of one request."""
        money = (tokens_in * self.input + tokens_out * self.output) / MILLION
        return Cost(1, tokens_in + tokens_out, money)


@dataclass(frozen=True)
class Budget:
    """The most that all jobs of a run may spend together; None: no limit."""

    requests: int | None = setting(
        None, "the most that may be asked; null: no limit", at_least=1
    )
    tokens: int | None = setting(
        None, "likewise, of prompts and answers together", at_least=1
    )
    money: float | None = setting(None, "likewise, by the prices", more_than=0)

    def exceeded(self, cost: Cost) -> str | None:
        """The first limit that a cost is above, by name."""
        for name in ("requests", "tokens", "money"):
            limit = getattr(self, name)
            # Sums of money are off by a rounding; half a millionth is nobody's.
            if limit is not None and getattr(cost, name) > limit + 5e-7:
                return name
        return None


def is_model(directory: str | None) -> bool:
    """Whether a local model lies there."""
    return bool(directory) and Path(directory).is_dir()


def unpriced(section: Mapping[str, Any]) -> bool:
    """Whether there is a budget of money, and nothing has a price."""
    return section["budget"]["money"] is not None and not any(
        section["prices"].values()
    )
