"""The settings of the gold standard, and which of their values agree.

Read while the Snakefile is parsed: nothing heavy here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from arkiv.base.declared import setting
from arkiv.encode.settings import Embedder
from arkiv.gold.standard import METHODS, POOLED, judged_files
from arkiv.llm.settings import OFFLINE, Budget, Prices, is_model, unpriced


@dataclass(frozen=True)
class Judge:
    """The language model that grades a pool."""

    backend: str | None = setting(
        None,
        "of `llm_judge`, with the settings of `queries`; null: that of the queries",
        choices=("openai", "local"),
    )
    prompt: str = setting(
        "config/prompts/sv-relevance.txt",
        "prompt file that asks for a grade from 0 to 3 of `{text}` for a `{query}`",
    )
    model: str | None = setting(
        None, "another model than that of the queries; null: the same"
    )
    max_tokens: int = setting(16, "tokens of an answer", at_least=1)
    temperature: float | None = setting(
        0, "of an answer; null: as the server likes", at_least=0
    )
    tries: int = setting(
        3, "how often a pair is asked about while the answer is no grade", at_least=1
    )
    prices: Prices = setting(Prices())
    budget: Budget = setting(Budget(), "of the grades, apart from the queries'")


@dataclass(frozen=True)
class Sheet:
    """Pairs for human judges."""

    queries: int = setting(40, "of the sheet for human judges, at most", at_least=1)
    passages: int = setting(10, "of each query, at most", at_least=1)
    depth: int = setting(
        10, "first passages of each system that they are drawn from", at_least=1
    )
    separator: str = setting(
        ",", "between cells: `,`, `;` or a tab", choices=(",", ";", "\t")
    )
    judged: str | tuple[str, ...] | None = setting(
        None,
        "what came back, a file or a list: sheets, or the search page's "
        "`judgements.jsonl`",
        fewest=1,
        unique=True,
    )


@dataclass(frozen=True)
class Gold:
    """What counts as relevant."""

    method: str = setting("known_item", "what counts as relevant", choices=METHODS)
    depth: int = setting(
        10,
        "first passages of each system that are pooled, or of the embedder that are "
        "relevant",
        at_least=1,
    )
    systems: tuple[str, ...] | None = setting(
        None,
        "whose first passages are pooled; null: those of all systems",
        fewest=1,
        unique=True,
    )
    thresholds: tuple[float, ...] = setting(
        (0, 2, 4),
        "the reranker's lowest logits of the grades 1, 2 and 3, or fewer",
        fewest=1,
        most=3,
    )
    keep_known_items: bool = setting(
        True, "in a pool the known item has the highest grade, whatever the judge says"
    )
    embedder: Embedder = setting(Embedder(), "of the method `embedder`")
    file: str | None = setting(
        None, "judgements of your own: TREC qrels, or JSONL of `{query, documents}`"
    )
    on_bad_input: str = setting(
        "stop",
        "a query or passage in it that the collection lacks: stop, or set it aside and "
        "count it",
        choices=("stop", "skip"),
    )
    duplicate_jaccard: float | None = setting(
        0.4,
        "passages that share this much of their word triples with a relevant one count "
        "as it does; null: only those of equal text",
        more_than=0,
        at_most=1,
    )
    judge: Judge = setting(Judge())
    sheet: Sheet = setting(Sheet())


def faults_of_gold(
    gold: Mapping[str, Any], evaluate: Mapping[str, Any]
) -> Iterator[tuple[str, str]]:
    """The key, below `gold`, and the reason of each fault."""
    method, thresholds = gold["method"], gold["thresholds"]
    if sorted(set(thresholds)) != thresholds:
        yield "thresholds", f"is {thresholds}, expected ascending numbers"
    if method in POOLED:
        for name in gold["systems"] or ():
            if name not in evaluate["systems"]:
                reason = f"names the system {name}, which evaluate.systems lacks"
                yield "systems", reason
    if gold["depth"] > evaluate["depth"]:
        reason = f"is {gold['depth']}, more than evaluate.depth ({evaluate['depth']})"
        yield "depth", reason
    if method == "embedder" and gold["embedder"]["source"] is None:
        yield "embedder.source", "is null, but the method is embedder"
    path = gold["file"]
    if method == "file" and (path is None or not Path(path).is_file()):
        yield "file", f"is {path}, expected a file of judgements, as the method is file"


def faults_of_judge(
    gold: Mapping[str, Any], queries: Mapping[str, Any]
) -> Iterator[tuple[str, str]]:
    """Likewise, of the language model that judges."""
    if gold["method"] != "llm_judge":
        return
    judge = gold["judge"]
    backend = judge["backend"] or queries["backend"]
    if backend in OFFLINE:
        reason = f"is null, but queries.backend is {backend}, which asks nobody"
        yield "judge.backend", f"{reason}; set one of them to openai or local"
    if not Path(judge["prompt"]).is_file():
        yield "judge.prompt", f"names {judge['prompt']}, which is no file"
    model = judge["model"] or queries["local"]["model"]
    if backend == "local" and not is_model(model):
        reason = f"is {model}, expected the directory of a causal model"
        yield "judge.model", reason
    if unpriced(judge):
        reason = "is given, but all prices are 0; set gold.judge.prices"
        yield "judge.budget.money", reason


def faults_of_sheet(sheet: Mapping[str, Any], made: Path) -> Iterator[tuple[str, str]]:
    """Likewise, of the sheet for human judges; `made` is where the empty one lies."""
    for path in judged_files(sheet):
        if Path(path).resolve() == made.resolve():
            reason = f"names {path}, which is made anew; save what is filled in"
            yield "sheet.judged", f"{reason} elsewhere"
        if not Path(path).is_file():
            yield "sheet.judged", f"names {path}, which is no file"
