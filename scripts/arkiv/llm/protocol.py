"""What is asked of a language model, and what comes back."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from arkiv.base.hashing import content_id

# Beside the prompt's own bytes: what a chat template puts around them.
TEMPLATE_TOKENS = 64
# Of Swedish and English text, by the tokenizers of current models: 3 to 4.5.
BYTES_PER_TOKEN = 3


@dataclass(frozen=True)
class Sampling:
    """How a model draws its words; an answer of other settings is another answer.

    Attributes:
        model: its name or directory.
        max_tokens: of an answer.
        temperature: 0: always the likeliest token; None: as the server likes.
        extra: whatever else the server is told.
    """

    model: str
    max_tokens: int
    temperature: float | None
    extra: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Request:
    """One prompt to be answered once.

    Attributes:
        key: content id of all that the answer depends on; the journal goes by it.
        prompt: what the model is told, as the user.
        max_tokens: of its answer.
    """

    key: str
    prompt: str
    max_tokens: int

    @classmethod
    def make(cls, prompt: str, sampling: Sampling, *subject: object) -> Request:
        """A request whose key depends on the prompt, the settings and its subject.

        Args:
            prompt: what the model is told.
            sampling: how it answers.
            subject: tells apart requests that are otherwise the same.
        """
        settings = (
            sampling.model,
            sampling.max_tokens,
            sampling.temperature,
            json.dumps(dict(sampling.extra), sort_keys=True),
        )
        key = content_id("request", prompt, *settings, *subject)
        return cls(key, prompt, sampling.max_tokens)

    @property
    def most_input(self) -> int:
        """A bound on the tokens of the prompt: none is shorter than a byte."""
        return len(self.prompt.encode()) + TEMPLATE_TOKENS


@dataclass(frozen=True)
class Answer:
    """What a model said.

    Attributes:
        text: as it came.
        input: tokens of the prompt.
        output: tokens of the answer.
        cut: whether it was ended by `max_tokens`.
        estimated: whether the tokens are our estimate, for the server told none.
    """

    text: str
    input: int
    output: int
    cut: bool = False
    estimated: bool = False


def estimated_tokens(text: str) -> int:
    """About how many tokens a text has, where the server does not say."""
    return -(-len(text.encode("utf-8", "surrogatepass")) // BYTES_PER_TOKEN)
