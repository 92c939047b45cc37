"""The settings of evaluation, and which of their values agree.

Read while the Snakefile is parsed: nothing heavy here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from arkiv.base.declared import NAME, setting
from arkiv.base.errors import InputError
from arkiv.encode.settings import AUTO, MODES, Batch
from arkiv.evaluate.required import check_requirement
from arkiv.retrieve.forms import PATTERN, check_compress
from arkiv.retrieve.settings import System
from arkiv.retrieve.systems import check_candidates, check_named, systems_of
from arkiv.retrieve.systems.system import Depths

# What is compared: the families of pairs, each with a correction of its own.
COMPARISONS = ("compare", "compare_further")
# The unit that runs and judgements have.
PASSAGE = "passage"
# In the words of ir_measures.
MEASURE = "^((AP|RR|nDCG)(@[1-9][0-9]*)?|(P|R|Success)@[1-9][0-9]*)$"


@dataclass(frozen=True)
class Spelling:
    """What other spelling costs."""

    queries: int = setting(
        200,
        "test queries that are searched for in other spellings too; 0: none",
        at_least=0,
    )
    rules: str = setting(
        "config/spelling/sv.yaml", "table of spellings and of letters that are misread"
    )
    noise: tuple[float, ...] = setting(
        (0.05, 0.1),
        "shares of characters to misread",
        more_than=0,
        at_most=0.5,
        unique=True,
    )
    systems: tuple[str, ...] = setting(
        ("bm25", "base_dense", "tuned_dense", "tuned_combined"),
        "systems that search for them",
        fewest=1,
        unique=True,
    )


@dataclass(frozen=True)
class Requirement:
    """What one system must reach."""

    system: str = setting(help="that must reach it")
    measure: str = setting(help="that decides", pattern=MEASURE)
    at_least: float = setting(None, "its mean")
    over: str = setting(None, "another system")
    by: float = setting(None, "so much more than that one; less, if negative")
    source: str = setting(
        None, "a dataset, by whose test queries it is judged; by all, unless given"
    )


@dataclass(frozen=True)
class Measuring:
    """Which measures, and how sure they are."""

    measures: tuple[str, ...] = setting(
        ("nDCG@10", "AP", "R@100", "RR@10", "nDCG@100", "P@10", "Success@10"),
        "in the words of ir_measures, with any cut-off; the first decides, the first "
        "four are charted",
        pattern=MEASURE,
        fewest=1,
        unique=True,
    )
    unit: str = setting(
        PASSAGE,
        "what is counted: passages, or the page or group (case) that they are of, by "
        "its best passage",
        choices=(PASSAGE, "page", "group"),
    )
    bootstrap: int = setting(
        10000, "samples behind each interval and each p-value", at_least=100
    )


@dataclass(frozen=True)
class Evaluate(Measuring, Depths, Batch):
    """Systems under test, and how they are measured."""

    systems: dict[str, System] = setting(
        {
            "bm25": System("bm25"),
            **{
                f"{model}_{mode}": System("m3", model=model, mode=mode)
                for model in ("base", "tuned")
                for mode in MODES
            },
        },
        "systems under test",
        names=NAME,
        entries=1,
        shown="BM25, base and tuned × 4 modes",
    )
    compare: dict[str, str | tuple[str, ...]] = setting(
        {
            "tuned_dense": ("base_dense", "bm25"),
            **{f"tuned_{mode}": f"base_{mode}" for mode in MODES[1:]},
        },
        "differences to report: of a system to one other, or to each of a list",
        fewest=1,
        unique=True,
        shown="tuned to base, by mode; tuned dense to BM25",
    )
    compare_further: dict[str, str | tuple[str, ...]] = setting(
        {},
        "differences to report beside these, for information: p-values corrected among "
        "themselves, those of `compare` stay what they are",
        fewest=1,
        unique=True,
    )
    spelling: Spelling = setting(Spelling())
    compress: tuple[str | int, ...] = setting(
        (),
        "smaller forms of dense vectors to measure: int8, binary, the first dimensions "
        "alone such as 256, or these coded: 256-int8",
        pattern=PATTERN,
        at_least=1,
        unique=True,
    )
    require: tuple[Requirement, ...] = setting(
        (), "what systems must reach, else the run fails"
    )
    length_edges: tuple[int, ...] = setting(
        (0, 500),
        "also measure by token length of the passage that the query was made from",
        at_least=0,
        ascending=True,
        fewest=1,
    )
    confidence_edges: tuple[float, ...] = setting(
        (0, 0.8, 0.9, 0.95),
        "also measure by the recogniser's mean confidence in it",
        at_least=0,
        at_most=1,
        ascending=True,
        fewest=1,
    )


def compared(compare: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Each system with each one that it is compared with."""
    return [
        (system, base)
        for system, bases in compare.items()
        for base in ([bases] if isinstance(bases, str) else bases)
    ]


def check_evaluate(evaluate: Mapping[str, Any], datasets: Iterable[str]) -> None:
    """Refuse what names systems or measures that are none, depths that are less, and
    weights that add up to nothing.

    Args:
        evaluate: the section.
        datasets: their names.

    Raises:
        InputError: naming the key and what is wrong with it.
    """
    systems, spelling = evaluate["systems"], evaluate["spelling"]
    for key in COMPARISONS:
        for pair in compared(evaluate[key]):
            for name in pair:
                check_named(name, systems, f"evaluate.{key}")
    main = set(compared(evaluate["compare"]))
    for pair in compared(evaluate["compare_further"]):
        if pair in main:
            reason = f"has {' against '.join(pair)}, which evaluate.compare has too"
            raise InputError(reason, key="evaluate.compare_further")
    for name in spelling["systems"] if spelling["queries"] else ():
        check_named(name, systems, "evaluate.spelling.systems")
    for requirement in evaluate["require"]:
        check_requirement(requirement, systems, evaluate["measures"], datasets)
    check_candidates(evaluate)
    check_compress(evaluate["compress"], systems_of(systems))
    if evaluate["weights"] != AUTO and not sum(evaluate["weights"]):
        reason = "is all 0, expected at least one more than 0"
        raise InputError(reason, key="evaluate.weights")
    if evaluate["rerank_depth"] > evaluate["depth"]:
        raise InputError(
            f"is {evaluate['rerank_depth']}, expected at most evaluate.depth "
            f"({evaluate['depth']})",
            key="evaluate.rerank_depth",
        )
