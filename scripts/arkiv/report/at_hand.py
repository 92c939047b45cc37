"""The numbers of a run that advice is made from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from arkiv.evaluate.verdicts import Value
from arkiv.pairs.judged import Figures
from arkiv.report.outline import Material
from arkiv.report.searches import read_values
from arkiv.report.summary import FIRST_TEN, called, extractive_of, toys_of


class Alone(NamedTuple):
    """What BM25 finds among the first ten, and the best other system does not."""

    words: str
    best: str
    queries: int


@dataclass(frozen=True)
class Numbers:
    """What the rules look at.

    Attributes:
        config: of the run.
        metrics: what measure_runs.py writes.
        judged: by dataset what is known of its pairs, see `arkiv.pairs.judged`.
        evaluation: what was watched in the last training; None: nothing.
        spelling: what measure_spelling.py writes.
        general: as `metrics`, of the general set.
        dev: how many dev queries there are.
        extractive: how many test queries are made from the words of their passages.
        toys: which models are tiny.
        alone: what BM25 alone finds; None: not known.
    """

    config: Mapping[str, Any]
    metrics: Mapping[str, Any]
    judged: Mapping[str, Figures] = field(default_factory=dict)
    evaluation: Mapping[str, Any] | None = None
    spelling: Mapping[str, Any] | None = None
    general: Mapping[str, Any] | None = None
    dev: int = 0
    extractive: int = 0
    toys: tuple[str, ...] = ()
    alone: Alone | None = None

    @property
    def measure(self) -> str:
        """That decides."""
        return self.metrics["measures"][0]

    @property
    def systems(self) -> Mapping[str, Mapping[str, Any]]:
        """Those that are measured, as they are configured."""
        systems = self.config["evaluate"]["systems"]
        return {name: systems[name] for name in self.metrics["systems"]}

    def mean(self, system: str) -> float:
        """Of the measure that decides."""
        return self.metrics["systems"][system][self.measure]["mean"]

    def difference(self, pair: Mapping[str, Any]) -> Value:
        """Of a pair of systems, likewise."""
        return pair["difference"][self.measure]

    def called(self, system: str) -> str:
        """A system in words."""
        return called(system, self.config["evaluate"]["systems"])


def numbers_of(of: Material) -> Numbers:
    """The numbers of a run.

    Raises:
        InputError: the measures by query lack a system.
    """
    first = of.audits[0] if of.audits else {}
    pairs = [stages.get("pairs", {}) for stages in of.datasets.values()]
    return Numbers(
        config=of.config,
        metrics=of.metrics,
        judged={name: one["judged"] for name, one in first.items() if "judged" in one},
        evaluation=of.history.get("evaluation"),
        spelling=of.spelling,
        general=of.general,
        dev=sum(counts.get("dev", 0) for counts in pairs),
        extractive=extractive_of(of),
        toys=tuple(toys_of(of)),
        alone=_alone(of),
    )


def _alone(of: Material) -> Alone | None:
    """What BM25 finds that the best system of another kind does not."""
    metrics, systems = of.metrics, of.config["evaluate"]["systems"]
    means = {
        name: means[metrics["measures"][0]]["mean"]
        for name, means in metrics["systems"].items()
    }
    words = [name for name in means if systems[name]["type"] == "bm25"]
    others = [name for name in means if name not in words]
    if not words or not others or FIRST_TEN not in metrics["measures"]:
        return None
    best = [max(group, key=lambda name: means[name]) for group in (words, others)]
    found = read_values(of.arguments.per_query, FIRST_TEN, best)
    mine, theirs = (found[name] for name in best)
    return Alone(*best, sum(mine[key] > theirs[key] for key in mine))
