"""Type bm25: the lexical baseline."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from arkiv.base.cli import add_words
from arkiv.base.declared import setting
from arkiv.base.errors import InputError
from arkiv.retrieve.systems.system import Column, System

if TYPE_CHECKING:
    from arkiv.base.files import Record
    from arkiv.retrieve.bm25 import BM25Index

# Of runs of characters, unless said otherwise.
LENGTH = 4


@dataclass(frozen=True)
class BM25System(System):
    """BM25 over the tokens of a model, over words, stemmed if asked for, or over runs
    of characters, which a misread letter leaves for the most part.

    The tokens are those that the sparse scores of M3 weigh, counted.
    """

    type = "bm25"

    tokens: str = setting(
        "model",
        "count tokens of the base model, words, or runs of characters",
        choices=("model", "words", "characters"),
    )
    stemming: str = setting(
        None, "of words, such as swedish; null: none", pattern="^[a-z]+$"
    )
    length: int = setting(None, "characters of a run; not given: 4", at_least=1)
    k1: float = setting(1.5, "saturation of a term's frequency", at_least=0)
    b: float = setting(
        0.75, "normalisation by a passage's length", at_least=0, at_most=1
    )

    @property
    def model_of_run(self):
        return "base" if self.tokens == "model" else None

    def faults(self, depth, rounds):
        if self.stemming and self.tokens != "words":
            yield "stemming", "is for words; set `tokens: words`"
        if self.length is not None and self.tokens != "characters":
            yield "length", "is of runs of characters; set `tokens: characters`"

    def called(self, name, *, alone):
        return "BM25" if alone else f"BM25 ({name})"

    def column(self, name):
        title = "BM25" if name == self.type else name.replace("_", " ")
        return Column(name, "BM25", title, title, self.tokens != "words")

    @classmethod
    def add_flags(cls, arguments):
        super().add_flags(arguments)
        add_words(arguments, model="[DIR] whose tokens are counted")

    def _index(self, passages: Iterable[Record], model: str | None) -> BM25Index:
        from arkiv.retrieve.bm25 import BM25Index, TokenIds
        from arkiv.text.words import Grams, Words

        if self.tokens == "words":
            numbered = Words(self.stemming).ids
        elif self.tokens == "characters":
            numbered = Grams(LENGTH if self.length is None else self.length).ids
        elif model is None:
            reason = "is not given, whose tokens are to be counted"
            raise InputError(reason, key="--model")
        else:
            numbered = TokenIds(model)
        texts = (passage["text"] for passage in passages)
        return BM25Index(texts, numbered, k1=self.k1, b=self.b)

    def ranked(self, given, queries, passages):
        index = self._index(passages, given.model)
        return index.rankings((query["query"] for query in queries), given.depth)

    def loaded(self, run):
        if self not in run.loaded:
            model = self.model_of_run and run.model(self.model_of_run)
            run.loaded[self] = self._index(run.passages, model)
        index = run.loaded[self]

        def rank(query, rows, depth):
            (found,) = index.rankings([query], depth, rows)
            return found

        return rank
