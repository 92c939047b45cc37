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

    def faults(self, depth, rounds):
        if self.stemming and self.tokens != "words":
            yield "stemming", "is for words; set `tokens: words`"

    def called(self, name, *, alone):
        return "BM25" if alone else f"BM25 ({name})"

    def column(self, name):
        title = "BM25" if name == self.type else name.replace("_", " ")
        return Column(name, "BM25", title, title, self.tokens == "model")

    @classmethod
    def add_flags(cls, arguments):
        super().add_flags(arguments)
        add_words(arguments, model="[DIR] whose tokens are counted")

    def _index(self, passages: Iterable[Record], model: str | None) -> BM25Index:
        from arkiv.retrieve.bm25 import BM25Index, TokenIds
        from arkiv.text.words import Words

        if self.tokens == "words":
            numbered = Words(self.stemming).ids
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
