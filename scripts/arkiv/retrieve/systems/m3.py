"""Type m3: one of M3's four ways of scoring."""

from __future__ import annotations

import math
from dataclasses import dataclass

from arkiv.base.cli import add_words
from arkiv.base.declared import setting
from arkiv.base.errors import InputError
from arkiv.encode.settings import MODES
from arkiv.retrieve.systems.system import Column, System

# Of each mode the encodings that it takes. Those that take a vector for each token
# re-rank the first passages of the dense ranking.
TAKES = {
    "dense": ("dense",),
    "sparse": ("sparse",),
    "multi_vector": ("dense", "multi_vector"),
    "combined": ("dense", "sparse", "multi_vector"),
}


@dataclass(frozen=True)
class M3System(System):
    """One of M3's four ways of scoring.

    dense and sparse rank the whole corpus, exactly. multi_vector and combined re-rank
    the first passages of the dense ranking, with late interaction alone or with the
    weighted mean of all three scores; the passages below follow in dense order.
    """

    type = "m3"
    needs_gpu = True

    model: str = setting(
        help="base, tuned, round_1 …", pattern="^(base|tuned|round_[1-9][0-9]*)$"
    )
    mode: str = setting(help="way of scoring", choices=MODES)

    @property
    def model_of_run(self):
        return self.model

    @property
    def encodings(self):
        return tuple(kind for kind in TAKES[self.mode] if kind != "multi_vector")

    def faults(self, depth=math.inf, rounds=math.inf):
        number = (self.model or "base").partition("_")[2]
        if number and int(number) > rounds:
            yield "model", f"is {self.model}, but `rounds` is {rounds}"

    def called(self, name, *, alone):
        model, mode = self.model.replace("_", " "), self.mode.replace("_", "-")
        return f"the {model} model's {mode} search"

    def column(self, name):
        model = self.model.replace("_", " ").capitalize()
        mode = self.mode.replace("_", "-")
        return Column(name, f"{model} model", name.replace("_", " "), mode)

    @classmethod
    def add_flags(cls, arguments):
        from arkiv.encode.flags import add_model, add_weights

        super().add_flags(arguments)
        add_words(
            arguments,
            encodings="DIR what encode_collection.py wrote",
            query_encodings="[DIR] of other queries; not given: those among "
            "--encodings",
        )
        add_weights(arguments)
        arguments.add_argument(
            "--rerank-depth", type=int, default=100, help="how many of them to re-rank"
        )
        arguments.add_argument(
            "--query-max-length", type=int, default=256, help="of a query, in tokens"
        )
        add_model(arguments, max_length=8192)

    def ranked(self, given, queries, passages):
        from arkiv.encode.models import check_model
        from arkiv.retrieve.modes import search_encoded

        check_model(given.model, "m3")
        if min(given.weights) < 0 or not sum(given.weights) > 0:
            raise InputError(
                "expected three weights from 0, not all of them 0", key="--weights"
            )
        return search_encoded(self.mode, TAKES[self.mode], given, queries, passages)

    def loaded(self, run):
        from functools import partial

        from arkiv.retrieve.modes import M3OneByOne

        model = run.once(("m3", self.model), lambda: M3OneByOne(run, self.model))
        model.index.load(self.mode, self.encodings)
        return partial(model.rank, self.mode)
