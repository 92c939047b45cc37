"""Type bm25: the lexical baseline."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from threading import Lock

from arkiv.base.cli import add_words
from arkiv.base.declared import setting
from arkiv.base.errors import InputError
from arkiv.retrieve.systems.system import Column, System


@dataclass(frozen=True)
class BM25System(System):
    """BM25 over the tokens of a model, or over words, stemmed if asked for.

    The tokens are those that the sparse scores of M3 weigh, counted.
    """

    type = "bm25"

    tokens: str = setting(
        "model", "count tokens of the base model, or words", choices=("model", "words")
    )
    stemming: str = setting(
        None, "of words, such as swedish; null: none", pattern="^[a-z]+$"
    )
    k1: float = setting(1.5, "saturation of a term's frequency", at_least=0)
    b: float = setting(
        0.75, "normalisation by a passage's length", at_least=0, at_most=1
    )

    @property
    def model_of_run(self):
        return None if self.tokens == "words" else "base"

    def faults(self, depth=math.inf, rounds=math.inf):
        if self.stemming and self.tokens != "words":
            yield "stemming", "is for words; set `tokens: words`"

    def called(self, name, *, alone):
        return "BM25" if alone else f"BM25 ({name})"

    def column(self, name):
        title = "BM25" if name == self.type else name.replace("_", " ")
        return Column(name, "BM25", title, title)

    @classmethod
    def add_flags(cls, arguments):
        super().add_flags(arguments)
        add_words(arguments, model="[DIR] whose tokens are counted")

    def _ids(self, model: str | None) -> Callable:
        """From texts to the numbers of their tokens or words."""
        from arkiv.encode.models import tokenizer_file
        from arkiv.retrieve.bm25 import TokenIds
        from arkiv.text.words import Words

        if self.tokens == "words":
            return Words(self.stemming).ids
        if model is None:
            raise InputError(
                "is not given, whose tokens are to be counted", key="--model"
            )
        return TokenIds(tokenizer_file(model))

    def ranked(self, given, queries, passages):
        from arkiv.retrieve.bm25 import search_bm25

        ids = self._ids(given.model)
        found = ids(passage["text"] for passage in passages)
        asked = ids(query["query"] for query in queries)
        return search_bm25(asked, found, given.depth, k1=self.k1, b=self.b)

    def loaded(self, run):
        from arkiv.retrieve.bm25 import BM25Index
        from arkiv.retrieve.rankings import best

        ids = self._ids(self.model_of_run and run.model(self.model_of_run))
        texts = (passage["text"] for passage in run.passages)
        index = BM25Index(ids(texts), k1=self.k1, b=self.b)
        # Words and their stemmer keep what they have met.
        reading = Lock()

        def rank(query, rows, depth):
            with reading:
                (tokens,) = ids([query])
            return best(index.scores(tokens), depth, matching=True, rows=rows)

        return rank
