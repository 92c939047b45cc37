"""What a benchmark is given to work with, and what it hands back."""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from benchmarks import ROOT
from benchmarks.harness import (
    BenchmarkError,
    Limit,
    Run,
    Variant,
    interleaved,
    measured,
    run_variant,
)

log = logging.getLogger("benchmarks")

Size = TypeVar("Size")


@dataclass
class Result:
    """What a benchmark has measured.

    Attributes:
        title: the work, in one sentence with its sizes.
        runs: of each variant, arkiv's first.
        limits: what it has to show.
        checks: sentences on how the results of all variants were found to be the same.
    """

    title: str
    runs: dict[str, list[Run]]
    limits: list[Limit]
    checks: list[str] = field(default_factory=list)


@dataclass
class Bench:
    """Makes data and runs variants in a folder.

    Attributes:
        folder: for data, outputs and logs.
        runs: of each variant.
        quick: small sizes, to see that a benchmark works.
        gpu: whether torch sees a GPU.
        trials: single runs from which the best settings of a peer were chosen.
    """

    folder: Path
    runs: int
    quick: bool
    gpu: bool
    trials: dict[str, list[Run]] = field(default_factory=dict)

    def size(self, *, full: Size, quick: Size) -> Size:
        """The size of this run."""
        return quick if self.quick else full

    def made(self, kind: str, *words: object) -> Path:
        """The folder of data of a kind that benchmarks.data makes, made if need be."""
        name = "-".join(map(str, (kind, *words)))
        folder = self.folder / "data" / name
        if not folder.exists():
            log.info("making %s", name)
            command = [sys.executable, "-m", "benchmarks.data", "--folder", folder]
            self.folder.mkdir(parents=True, exist_ok=True)
            self._run([*map(str, command), kind, *map(str, words)])
        return folder

    def models(self) -> Path:
        """The folder of `embedder` and `reranker`: large with a GPU, else tiny."""
        return self.made("models", "--large") if self.gpu else self.made("models")

    def warm(self, *modules: str) -> None:
        """Import modules once, so that no variant is the first to read their files."""
        self._run([sys.executable, "-c", f"import {', '.join(modules)}"])

    def _run(self, command: Sequence[str]) -> None:
        measured(command, self.folder / "data.log", {"PYTHONPATH": str(ROOT)})

    def out(self, variant: Variant) -> Path:
        """Where a variant writes; what its last run wrote stays there."""
        return self.folder / "out" / re.sub(r"\W+", "-", variant.name)

    def run(self, variant: Variant) -> Run:
        """Run a variant once."""
        run = run_variant(variant, self.out(variant))
        log.info(
            "%s: %.1f s, CPU %.1f s, %.0f MB",
            *(variant.name, run.wall, run.cpu, run.memory),
        )
        return run

    def fastest(self, candidates: Sequence[Variant]) -> Variant:
        """Run each candidate once; the one that took the least time."""
        runs = {variant.name: [self.run(variant)] for variant in candidates}
        self.trials |= runs
        return min(candidates, key=lambda variant: runs[variant.name][0].wall)

    def measure(self, variants: Sequence[Variant]) -> dict[str, list[Run]]:
        """Run all variants in turn, each as often as it should be."""
        return interleaved(variants, self.runs, self.run)


def require(holds: bool, otherwise: str) -> None:
    """Stop a benchmark whose variants did not do the same work.

    Raises:
        BenchmarkError: with the sentence `otherwise`.
    """
    if not holds:
        raise BenchmarkError(otherwise)
