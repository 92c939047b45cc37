"""Type embedder: the dense vectors of any embedder."""

from __future__ import annotations

from dataclasses import dataclass

from arkiv.base.declared import setting
from arkiv.encode.settings import POOLINGS, SIMILARITIES
from arkiv.retrieve.systems.system import System


@dataclass(frozen=True)
class EmbedderSystem(System):
    """The dense vectors of any embedder, over all passages.

    The model is one of Hugging Face's or of sentence-transformers. Vectors are kept by
    content as those of mining are.
    """

    type = "embedder"
    needs_gpu = True
    cache = "embeddings"

    source: str = setting(help="a hub name, a local directory or `tiny`")
    revision: str | None = setting(
        None, "a branch, tag or commit", empty=True, optional=True
    )
    pooling: str = setting(
        None,
        "not given: the model's own, or the mean if it says nothing",
        choices=POOLINGS,
    )
    query_prompt: str = setting(
        None, "put before each query; not given: the model's own", empty=True
    )
    passage_prompt: str = setting(None, "likewise before each passage", empty=True)
    similarity: str = setting(
        None, "of vectors; not given: the model's own, or cosine", choices=SIMILARITIES
    )

    @classmethod
    def add_flags(cls, arguments):
        from arkiv.encode.flags import add_embedder

        super().add_flags(arguments)
        add_embedder(arguments)

    def ranked(self, given, queries, passages):
        from arkiv.encode.dense import Dense
        from arkiv.encode.flags import run_options
        from arkiv.retrieve.rankings import search_texts

        kind = Dense(
            given.model,
            run_options(given),
            pooling=self.pooling,
            prompts=(self.query_prompt, self.passage_prompt),
            similarity=self.similarity,
        )
        return search_texts(
            [query["query"] for query in queries],
            [passage["text"] for passage in passages],
            given.depth,
            given,
            kind,
        )
