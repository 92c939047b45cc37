"""Type m3: one of M3's four ways of scoring."""

from __future__ import annotations

from dataclasses import dataclass

from arkiv.base.cli import add_words
from arkiv.base.declared import setting
from arkiv.base.errors import InputError
from arkiv.base.setting_flags import add_settings
from arkiv.encode.settings import MODES, Lengths
from arkiv.retrieve.systems.system import OF_RUN, Column, Depths, System, beyond

# Of each mode what it reads; token vectors are made of what is re-ranked.
ENCODINGS = {
    "dense": ("dense",),
    "sparse": ("sparse",),
    "multi_vector": ("dense",),
    "combined": ("dense", "sparse"),
}


@dataclass(frozen=True)
class M3System(System):
    """One of M3's four ways of scoring.

    dense and sparse rank the whole corpus, exactly. multi_vector and combined re-rank
    the first passages of the dense ranking, with late interaction alone or with the
    weighted mean of all three scores; the passages below follow in dense order. Late
    interaction's scores are kept by content, so that both encode a passage once.
    """

    type = "m3"
    needs_gpu = True

    model: str = setting(help="base, tuned, round_1 …", pattern=OF_RUN)
    mode: str = setting(help="way of scoring", choices=MODES)

    @property
    def model_of_run(self):
        return self.model

    @property
    def encodings(self):
        return ENCODINGS[self.mode]

    @property
    def cache(self):
        return None if self.mode in self.encodings else "scores"

    def shares(self, other):
        mine = self.type, self.model_of_run, self.cache
        return mine == (other.type, other.model_of_run, other.cache)

    def misnamed(self, rounds):
        yield from beyond(self.model, rounds)

    def called(self, name, *, alone):
        model, mode = self.model.replace("_", " "), self.mode.replace("_", "-")
        return f"the {model} model's {mode} search"

    def reorders(self, rerank_depth):
        if self.mode in self.encodings:
            return None
        model = self.model.replace("_", " ")
        return f"the {model} model's dense search", rerank_depth

    def column(self, name):
        model = self.model.replace("_", " ").capitalize()
        mode = self.mode.replace("_", "-")
        return Column(name, f"{model} model", name.replace("_", " "), mode)

    @classmethod
    def add_flags(cls, arguments):
        from arkiv.encode.flags import add_cache, add_model, add_reading, add_weights

        super().add_flags(arguments)
        add_words(
            arguments,
            encodings="DIR what encode_collection.py wrote",
            query_encodings="[DIR] of other queries; not given: those among "
            "--encodings",
        )
        add_weights(arguments)
        add_settings(arguments, Depths, "rerank_depth")
        add_settings(arguments, Lengths, "query_max_length")
        add_cache(arguments)
        add_model(arguments)
        add_reading(arguments)

    def ranked(self, given, queries, passages):
        from arkiv.encode.encoder import Encoded
        from arkiv.encode.flags import encoder_of
        from arkiv.encode.models import check_model
        from arkiv.retrieve.late import kept_scores
        from arkiv.retrieve.modes import M3Index
        from arkiv.retrieve.rankings import read_encodings

        check_model(given.model, "m3")
        if min(given.weights) < 0 or not sum(given.weights) > 0:
            reason = "expected three weights from 0, not all of them 0"
            raise InputError(reason, key="--weights")
        lengths = {"query": given.query_max_length, "passage": given.max_length}

        def late_scores(_, candidates):
            with encoder_of(given) as encoder:
                return kept_scores(
                    [query["query"] for query in queries],
                    [passage["text"] for passage in passages],
                    candidates,
                    encoder,
                    max_lengths=lengths,
                    cache=given.cache,
                    job=str(given.output),
                )

        index = M3Index(
            given.encodings,
            passages,
            late_scores,
            weights=given.weights,
            rerank_depth=given.rerank_depth,
        )
        index.load(self.mode, self.encodings)
        folder = given.query_encodings or given.encodings
        asked = {
            kind: read_encodings(folder, "queries", kind, len(queries))
            for kind in self.encodings
        }
        return index.rankings(self.mode, Encoded(**asked), given.depth)

    def loaded(self, run):
        from functools import partial

        from arkiv.retrieve.modes import M3OneByOne

        if self.model not in run.loaded:
            run.loaded[self.model] = M3OneByOne(run, self.model)
        model = run.loaded[self.model]
        model.load(self.mode, self.encodings)
        return partial(model.rank, self.mode)
