"""The settings of mining, and which of their values agree.

Read while the Snakefile is parsed: nothing heavy here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from arkiv.base.declared import setting, settings_of
from arkiv.base.errors import InputError
from arkiv.encode.settings import Batch, Lengths
from arkiv.mining.filters import FilterSettings


@dataclass(frozen=True)
class Mining(FilterSettings, Lengths, Batch):
    """Hard negatives."""

    index: str = setting(
        "exact",
        "compare with every passage, or with the nearest lists, and measure what is "
        "missed",
        choices=("exact", "ivf"),
    )
    probes: int = setting(
        32, "lists that `ivf` compares with each query, of 4·√n", at_least=1
    )
    search: str = setting(
        "auto",
        "what multiplies: faiss; torch; or the one that sees a GPU, else faiss",
        choices=("auto", "faiss", "torch"),
    )
    window: tuple[int, int] = setting(
        (2, 200),
        "ranks from 0, first and end, that negatives are drawn from",
        at_least=0,
    )
    negatives_per_query: int = setting(7, "negatives of each query", at_least=1)
    sampling: str = setting(
        "random", "anywhere in the window, or its first", choices=("random", "top")
    )
    bm25_share: float = setting(
        0,
        "share of the negatives from the same window of BM25's ranking",
        at_least=0,
        at_most=1,
    )
    shortfall: tuple[str, ...] = setting(
        ("random",),
        "tried in turn where too few remain: ranks beyond the window, any passage, "
        "fewer negatives",
        choices=("fewer", "wider", "random"),
        fewest=1,
        unique=True,
    )
    wider_end: int = setting(
        500, "end of the ranks that `wider` takes from", at_least=1
    )


# Of picking negatives; the others are of finding passages.
PICKING = (
    *("window", "negatives_per_query", "sampling", "bm25_share"),
    *settings_of(FilterSettings),
    "shortfall",
)


def search_depth(mining: Mapping[str, Any]) -> int:
    """How many passages to find for each query: as deep as negatives may come from."""
    wider = "wider" in mining["shortfall"]
    return mining["wider_end"] if wider else mining["window"][1]


@dataclass(frozen=True)
class Depth:
    """What the searches are told of the rest."""

    depth: int = setting(
        search_depth(vars(Mining())), "passages to find per query", at_least=1
    )


def check_mining(mining: Mapping[str, Any]) -> None:
    """Refuse, by an InputError with the key, a window and shortfall that disagree."""
    start, end = mining["window"]
    if start >= end:
        raise InputError(
            f"is {start}-{end}, expected the first rank below the end",
            key="mining.window",
        )
    ways = mining["shortfall"]
    if "fewer" in ways[:-1]:
        raise InputError(
            f"is {', '.join(ways)}, but after `fewer` nothing is tried",
            key="mining.shortfall",
        )
    if "wider" in ways and mining["wider_end"] <= end:
        raise InputError(
            f"is {mining['wider_end']}, expected a rank beyond the end of the window "
            f"({end})",
            key="mining.wider_end",
        )


def clipped_window(
    window: tuple[int, int], corpus_size: int, depth: int
) -> tuple[int, int]:
    """The window as far as there are passages.

    Raises:
        InputError: it is no window, begins beyond the corpus, or reaches deeper than
            the search (`depth`) went.
    """
    start, stop = window
    if not 0 <= start < stop:
        raise InputError(
            f"is {start} {stop}, expected a start and a later stop, from 0 on",
            key="window",
        )
    if start >= corpus_size:
        raise InputError(
            f"begins at rank {start}, but the corpus has {corpus_size} passage(s)",
            key="window",
        )
    stop = min(stop, corpus_size)
    if stop > depth:
        raise InputError(
            f"ends at rank {stop}, but the search went {depth} passages deep; search "
            "deeper or end the window earlier",
            key="window",
        )
    return start, stop
