"""Type fusion: several systems made one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from arkiv.base.cli import add_words
from arkiv.base.declared import setting
from arkiv.encode.settings import AUTO
from arkiv.retrieve.systems.system import WEIGHTS_OF, Column, System


@dataclass(frozen=True)
class FusionSystem(System):
    """One ranking of several: by reciprocal rank, or by the weighted mean of scores.

    Scores are brought to 0 to 1 query by query before they are weighted.
    """

    type = "fusion"
    below = "systems"
    reads_texts = False

    systems: tuple[str, ...] = setting(help="two or more", fewest=2, unique=True)
    method: str = setting(
        "reciprocal_rank",
        "the sum of 1 / (k + rank), or the weighted mean of the scores, brought to 0 "
        "to 1 query by query",
        choices=("reciprocal_rank", "weighted"),
    )
    weights: tuple[float, ...] | Literal["auto"] = setting(
        None,
        "of the systems, in their order; not given: all alike; auto: learnt on dev "
        "queries",
        at_least=0,
    )
    k: float = setting(
        None, "added to each rank by reciprocal_rank; not given: 60", at_least=0
    )

    def learns(self, weights):
        return self.weights == AUTO

    def faults(self, depth, rounds):
        weights, count = self.weights, len(self.systems)
        if weights == AUTO:
            weights = None
        if weights is not None and len(weights) != count:
            yield "weights", f"has {len(weights)} numbers for {count} systems"
        if weights is not None and not sum(weights):
            yield "weights", "is all 0, expected at least one more than 0"
        if self.k is not None and self.method == "weighted":
            yield "k", "is for the method reciprocal_rank"

    @classmethod
    def add_flags(cls, arguments):
        super().add_flags(arguments)
        add_words(arguments, weights_of=WEIGHTS_OF)

    def column(self, name):
        title = name.replace("_", " ")
        return Column(name, "Fusion", title, title)

    def loaded(self, run):
        import numpy as np

        from arkiv.retrieve.fusion import fused, worth_of
        from arkiv.retrieve.rankings import Ranking
        from arkiv.retrieve.systems import systems_of
        from arkiv.retrieve.weights import read_weights

        evaluate = run.config["evaluate"]
        systems = systems_of(evaluate["systems"])
        ranks = [systems[name].loaded(run) for name in self.systems]
        weights = self.weights or [1.0] * len(ranks)
        if weights == AUTO:
            # Of several alike each has learnt the same.
            own = next(name for name, system in systems.items() if system == self)
            weights = read_weights(run.weights(own), len(ranks))
        worth = worth_of(self.method, self.k)

        def rank(query, rows, depth):
            # As deep as its run has them: scores are brought to 0 to 1 by the last one.
            found = [one(query, rows, evaluate["depth"]) for one in ranks]
            scores = [
                dict(zip(one.rows.tolist(), one.scores.tolist(), strict=True))
                for one in found
            ]
            best, values = fused(scores, weights, worth, depth)
            return Ranking(np.array(best, np.int64), values.astype(np.float32))

        return rank

    def run(self, given):
        from arkiv.retrieve.fusion import fused, worth_of
        from arkiv.retrieve.trec import in_step
        from arkiv.retrieve.weights import read_weights

        weights = self.weights or [1.0] * len(given.runs)
        if given.weights_of:
            weights = read_weights(given.weights_of, len(given.runs))
        worth = worth_of(self.method, self.k)
        for query_id, scores in in_step(given.runs):
            yield query_id, *fused(scores, weights, worth, given.depth)
