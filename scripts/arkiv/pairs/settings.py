"""The settings of dividing pairs.

Read while the Snakefile is parsed: nothing heavy here.
"""

from __future__ import annotations

from dataclasses import dataclass

from arkiv.base.declared import setting


@dataclass(frozen=True)
class Shares:
    """Of the pairs on each side."""

    train: float = setting(0.8, "share of the pairs to train on", more_than=0)
    dev: float = setting(0.1, "to watch training with", at_least=0)
    test: float = setting(0.1, "to measure with", more_than=0)


@dataclass(frozen=True)
class Pairs:
    """Train, dev and test without leakage."""

    shares: Shares = setting(Shares())
    group_by: str = setting(
        "volume",
        "what stays on one side: all pairs of a volume, of a block of pages or of a "
        "passage",
        choices=("volume", "pages", "passage"),
    )
    block_pages: int = setting(20, "pages per block", at_least=1)
    on_bad_input: str = setting(
        "stop",
        "a bad line of a JSONL file: stop, or set it aside and count it",
        choices=("stop", "skip"),
    )
