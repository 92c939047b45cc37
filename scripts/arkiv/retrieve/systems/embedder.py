"""Type embedder: the dense vectors of any embedder."""

from __future__ import annotations

from dataclasses import dataclass

from arkiv.base.declared import setting
from arkiv.retrieve.systems.system import System

POOLINGS = ("cls", "mean", "max", "lasttoken")
SIMILARITIES = ("cosine", "dot")


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
    revision: str | None = setting(None, "a branch, tag or commit", empty=True)
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
        from arkiv.encode.flags import add_cache, add_model

        super().add_flags(arguments)
        arguments.add_argument(
            "--query-max-length",
            type=int,
            default=256,
            help="of a query, in tokens; less if the model takes less",
        )
        add_cache(arguments)
        add_model(arguments, max_length=8192)

    def ranked(self, given, queries, passages):
        from arkiv.encode.dense import Embedder
        from arkiv.encode.flags import run_options
        from arkiv.retrieve.rankings import search_dense

        with Embedder(
            given.model,
            pooling=self.pooling,
            prompts=(self.query_prompt, self.passage_prompt),
            max_lengths=(given.query_max_length, given.max_length),
            similarity=self.similarity,
            options=run_options(given),
        ) as embedder:
            kept = {"cache": given.cache, "job": given.output}
            vectors = (
                embedder.queries([query["query"] for query in queries], **kept),
                embedder.passages([passage["text"] for passage in passages], **kept),
            )
        cosine = embedder.similarity == "cosine"
        return search_dense(*vectors, given.depth, cosine=cosine)
