"""Type reranker: the first passages of another system in a cross-encoder's order."""

from __future__ import annotations

from dataclasses import dataclass

from arkiv.base.declared import setting
from arkiv.retrieve.systems.system import Depths, System


@dataclass(frozen=True)
class RerankerSystem(System):
    """The first passages of a run in the order of a reranker's scores.

    The passages below follow in the order of the run. Scores are kept by content, as
    the teacher's are.
    """

    type = "reranker"
    needs_gpu = True
    role = "reranker"
    below = "system"
    cache = "scores"

    system: str = setting(help="whose run is re-ranked")
    depth: int = setting(
        None,
        "passages of a query to re-rank; not given: evaluate.rerank_depth",
        at_least=1,
    )
    source: str = setting(None, "a hub name, a local directory or `tiny`")
    revision: str | None = setting(
        None, "a branch, tag or commit", empty=True, optional=True
    )

    @property
    def model_of_run(self):
        return None if self.source else "teacher"

    def faults(self, depth, rounds):
        if (self.depth or 1) > depth:
            yield "depth", f"is {self.depth}, more than evaluate.depth ({depth})"

    def reorders(self, rerank_depth, candidates):
        return self.system.replace("_", " "), self.depth or rerank_depth

    @classmethod
    def add_flags(cls, arguments):
        from arkiv.encode.flags import add_reranker

        super().add_flags(arguments)
        add_reranker(arguments)
        arguments.set_defaults(depth=Depths.rerank_depth)

    def ranked(self, given, queries, passages):
        import numpy as np

        from arkiv.encode.flags import scores_by
        from arkiv.encode.models import check_model
        from arkiv.retrieve.rankings import read_rankings, reranked

        check_model(given.model, "cross_encoder")
        (run,) = given.runs
        rankings = read_rankings(run, queries, passages)
        heads = [ranking.rows[: self.depth] for ranking in rankings]
        pairs = [
            (query["query"], passages[row]["text"])
            for query, head in zip(queries, heads, strict=True)
            for row in head
        ]
        scores = scores_by(given, pairs).astype(np.float32)
        by_query = np.split(scores, np.cumsum(list(map(len, heads))))
        return map(reranked, rankings, heads, by_query)
