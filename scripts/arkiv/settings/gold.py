"""What a gold standard needs of the configuration."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import chain
from pathlib import Path
from typing import Any

from arkiv.base.errors import InputError
from arkiv.gold.standard import POOLED, judged_files
from arkiv.settings.layout import model_under_test, run_folder


def check_gold(config: Mapping[str, Any]) -> None:
    """Refuse a gold standard that cannot be made.

    Args:
        config: the configuration.

    Raises:
        InputError: naming the key and what is wrong with it.
    """
    for key, reason in chain(
        _faults(config["gold"], config["evaluate"]),
        _judge_faults(config["gold"], config["queries"]),
        _sheet_faults(config["gold"]["sheet"], config),
    ):
        raise InputError(reason, key=f"gold.{key}")
    source = config["gold"]["embedder"]["source"]
    export = Path(run_folder(config), "export")
    if source is not None and Path(source).resolve() == export.resolve():
        raise InputError(
            f"is {source}, whose card tells of the measures; name the model itself, "
            f"{model_under_test(config, 'tuned')}",
            key="gold.embedder.source",
        )


def _faults(
    gold: Mapping[str, Any], evaluate: Mapping[str, Any]
) -> Iterator[tuple[str, str]]:
    """The key and the reason of each fault."""
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


def _judge_faults(
    gold: Mapping[str, Any], queries: Mapping[str, Any]
) -> Iterator[tuple[str, str]]:
    """Likewise, of the language model that judges."""
    if gold["method"] != "llm_judge":
        return
    judge = gold["judge"]
    backend = judge["backend"] or queries["backend"]
    if backend == "extractive":
        reason = "is null, but queries.backend is extractive, which asks nobody"
        yield "judge.backend", f"{reason}; set one of them to openai or local"
    if not Path(judge["prompt"]).is_file():
        yield "judge.prompt", f"names {judge['prompt']}, which is no file"
    model = judge["model"] or queries["local"]["model"]
    if backend == "local" and not (model and Path(model).is_dir()):
        reason = f"is {model}, expected the directory of a causal model"
        yield "judge.model", reason
    if judge["budget"]["money"] is not None and not any(judge["prices"].values()):
        reason = "is given, but all prices are 0; set gold.judge.prices"
        yield "judge.budget.money", reason


def _sheet_faults(
    sheet: Mapping[str, Any], config: Mapping[str, Any]
) -> Iterator[tuple[str, str]]:
    """Likewise, of the sheet for human judges."""
    made = Path(run_folder(config), "gold/sheet.csv")
    for path in judged_files(sheet):
        if Path(path).resolve() == made.resolve():
            reason = f"names {path}, which is made anew; save what is filled in"
            yield "sheet.judged", f"{reason} elsewhere"
        if not Path(path).is_file():
            yield "sheet.judged", f"names {path}, which is no file"
