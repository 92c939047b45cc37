"""Type m3: one of M3's four ways of scoring."""

from __future__ import annotations

from dataclasses import dataclass

from arkiv.base.cli import add_words
from arkiv.base.declared import setting
from arkiv.base.errors import InputError
from arkiv.encode.settings import AUTO, MODES, Weights
from arkiv.retrieve.systems.system import (
    OF_RUN,
    OWN_SEARCHES,
    WEIGHTS_OF,
    Column,
    System,
    beyond,
)

# Of each mode what it reads: multi_vector is of queries, with scores of candidates.
ENCODINGS = {
    "dense": ("dense",),
    "sparse": ("sparse",),
    "multi_vector": ("dense", "multi_vector"),
    "combined": ("dense", "sparse", "multi_vector"),
}


@dataclass(frozen=True)
class M3System(System):
    """One of M3's four ways of scoring.

    dense and sparse rank the whole corpus, exactly. multi_vector and combined re-rank
    the first passages of both searches together (see `evaluate.candidates`), with late
    interaction alone or with the weighted mean of all three scores; what else the
    dense search has found follows below. encode_collection.py has made all that needs
    the model.
    """

    type = "m3"

    model: str = setting(help="base, tuned, round_1 …", pattern=OF_RUN)
    mode: str = setting(help="way of scoring", choices=MODES)

    @property
    def model_of_run(self):
        return self.model

    @property
    def encodings(self):
        return ENCODINGS[self.mode]

    def learns(self, weights):
        return self.mode == "combined" and weights == AUTO

    def misnamed(self, rounds):
        yield from beyond(self.model, rounds)

    def called(self, name, *, alone):
        model, mode = self.model.replace("_", " "), self.mode.replace("_", "-")
        return f"the {model} model's {mode} search"

    def reorders(self, rerank_depth, candidates):
        if self.mode in OWN_SEARCHES or list(candidates) != ["dense"]:
            return None
        model = self.model.replace("_", " ")
        return f"the {model} model's dense search", rerank_depth

    def column(self, name):
        model = self.model.replace("_", " ").capitalize()
        mode = self.mode.replace("_", "-")
        title = name.replace("_", " ")
        return Column(name, f"{model} model", title, mode, self.mode == "sparse")

    @classmethod
    def add_flags(cls, arguments):
        from arkiv.encode.flags import add_weights

        super().add_flags(arguments)
        add_words(
            arguments,
            encodings="DIR what encode_collection.py wrote",
            query_encodings="[DIR] of other queries; not given: those among "
            "--encodings",
            weights_of=WEIGHTS_OF,
        )
        add_weights(arguments)

    def ranked(self, given, queries, passages):
        from arkiv.encode.encoder import Encoded
        from arkiv.retrieve.modes import M3Index
        from arkiv.retrieve.rankings import read_candidates, read_encodings
        from arkiv.retrieve.weights import read_weights

        if given.weights_of:
            given.weights = read_weights(given.weights_of, len(Weights.weights))
        if min(given.weights) < 0 or not sum(given.weights) > 0:
            reason = "expected three weights from 0, not all of them 0"
            raise InputError(reason, key="--weights")
        index = M3Index(given.encodings, len(passages), weights=given.weights)
        index.load([kind for kind in self.encodings if kind in OWN_SEARCHES])
        folder = given.query_encodings or given.encodings
        asked = {
            kind: read_encodings(folder, "queries", kind, len(queries))
            for kind in self.encodings
            if kind in OWN_SEARCHES
        }
        encoded = Encoded(**asked)
        if self.mode in OWN_SEARCHES:
            return index.search(self.mode, encoded, given.depth)
        candidates, scores = read_candidates(folder, len(queries), len(passages))
        first = index.search("dense", encoded, given.depth)
        return index.rerank(self.mode, encoded, first, candidates, scores, given.depth)

    def loaded(self, run):
        from functools import partial

        from arkiv.retrieve.modes import M3OneByOne
        from arkiv.retrieve.systems import systems_of
        from arkiv.retrieve.weights import read_weights

        if self.model not in run.loaded:
            evaluate = run.config["evaluate"]
            systems = systems_of(evaluate["systems"])
            others = [
                systems[name].loaded(run)
                for name in evaluate["candidates"]
                if name not in OWN_SEARCHES
            ]
            weights = evaluate["weights"]
            for name, system in systems.items():
                if system.learns(weights) and system.model_of_run == self.model:
                    weights = read_weights(run.weights(name), len(Weights.weights))
            run.loaded[self.model] = M3OneByOne(run, self.model, others, weights)
        model = run.loaded[self.model]
        model.load(self.mode)
        return partial(model.rank, self.mode)
