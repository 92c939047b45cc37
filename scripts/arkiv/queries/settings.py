"""The settings of queries, and which of their values agree.

Read while the Snakefile is parsed: nothing heavy here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from arkiv.base.declared import setting
from arkiv.base.errors import InputError
from arkiv.llm.settings import (
    BACKENDS,
    OFFLINE,
    Budget,
    Local,
    OpenAI,
    Prices,
    Prompted,
    is_model,
    unpriced,
)
from arkiv.pairs.settings import RoundTrip


@dataclass(frozen=True)
class Group:
    """Queries for several documents that follow on."""

    share: float = setting(
        0,
        "share of the documents with which a group begins that gets a query too",
        at_least=0,
        at_most=1,
    )
    sizes: tuple[int, ...] = setting(
        (3, 4), "documents of a group, each as likely", at_least=2, fewest=1
    )
    prompt: str = setting("config/prompts/sv-group.txt", "prompt file of a group")


@dataclass(frozen=True)
class PromptFile:
    """One of the prompts that are drawn."""

    file: str = setting(help="prompt file")
    share: float = setting(1, "of the queries, beside the other shares", more_than=0)


@dataclass(frozen=True)
class QueryLimits:
    """What a language model's query may be."""

    max_words: int = setting(
        40, "words of a query; a longer one is refused", at_least=1
    )
    copied_run: int | None = setting(
        8,
        "a query is refused that has so many words in a row from its passage; null: "
        "may",
        at_least=1,
    )
    copied_share: float | None = setting(
        0.6,
        "likewise with this share of its word triples; null: may",
        more_than=0,
        at_most=1,
    )
    forbidden: tuple[str, ...] = setting(
        (
            r"\b(texten|dokumentet|utdraget|handlingen ovan)\b",
            r"\b(the|this) (text|document|passage|excerpt)\b",
        ),
        "a query is refused that matches one of these regular expressions",
        shown="names of the text",
    )


@dataclass(frozen=True)
class Judge:
    """A mark for each query."""

    prompt: str | None = setting(
        None,
        "prompt file for a mark from 1 to 5, such as `config/prompts/judge.txt`; "
        "null: no judge",
    )
    threshold: int = setting(4, "the lowest mark that is kept", at_least=1, at_most=5)


@dataclass(frozen=True)
class Queries(Prompted, QueryLimits):
    """Who makes queries, and which of them stay."""

    max_tokens: int = setting(128, "tokens of an answer", at_least=1)
    temperature: float | None = setting(
        0.7, "of an answer; null: as the server likes", at_least=0
    )
    backend: str = setting(
        "extractive",
        "who makes queries: an offline stand-in; for the example archive what people "
        "of today would ask; a server of OpenAI's protocol; or a model in the job",
        choices=BACKENDS,
    )
    per_document: int = setting(1, "queries per document", at_least=1)
    group: Group = setting(Group())
    prompts: tuple[PromptFile, ...] = setting(
        (PromptFile("config/prompts/sv-court.txt"),),
        "`{file, share}` of each prompt",
        fewest=1,
        shown="`config/prompts/sv-court.txt`",
    )
    openai: OpenAI = setting(OpenAI())
    local: Local = setting(Local())
    prices: Prices = setting(Prices())
    budget: Budget = setting(Budget())
    judge: Judge = setting(Judge())
    round_trip: RoundTrip = setting(RoundTrip())


def check_queries(queries: Mapping[str, Any], datasets: Mapping[str, Any]) -> None:
    """Refuse what does not agree, with the datasets or where a language model is asked.

    Raises:
        InputError: naming the key and what is wrong with it.
    """
    for name, dataset in datasets.items():
        if queries["backend"] == "example" and "pages" in dataset:
            raise InputError(
                f"is example, whose questions are of the example archive, not of the "
                f"pages of {name}; expected extractive, openai or local",
                key="queries.backend",
            )
    if queries["backend"] in OFFLINE:
        return
    files = [("prompts", prompt["file"]) for prompt in queries["prompts"]]
    if queries["judge"]["prompt"] is not None:
        files.append(("judge.prompt", queries["judge"]["prompt"]))
    if queries["group"]["share"]:
        files.append(("group.prompt", queries["group"]["prompt"]))
    for key, path in files:
        if not Path(path).is_file():
            raise InputError(f"names {path}, which is no file", key=f"queries.{key}")
    local = queries["local"]["model"]
    if queries["backend"] == "local" and not is_model(local):
        raise InputError(
            f"is {local}, expected the directory of a causal model",
            key="queries.local.model",
        )
    if unpriced(queries):
        raise InputError(
            "is given, but all prices are 0; set queries.prices",
            key="queries.budget.money",
        )
