"""Type embedder: the dense vectors of any embedder."""

from __future__ import annotations

from dataclasses import dataclass

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

    source: str
    revision: str | None = None
    pooling: str | None = None
    query_prompt: str | None = None
    passage_prompt: str | None = None
    similarity: str | None = None

    @classmethod
    def add_flags(cls, arguments):
        from arkiv.encode.dense import POOLINGS, SIMILARITIES
        from arkiv.encode.flags import add_cache, add_model

        super().add_flags(arguments)
        arguments.add_argument(
            "--pooling",
            choices=POOLINGS,
            help="not given: the model's own, or the mean if it says nothing",
        )
        arguments.add_argument(
            "--query-prompt",
            metavar="TEXT",
            help="put before each query; not given: the model's own",
        )
        arguments.add_argument(
            "--passage-prompt", metavar="TEXT", help="likewise before each passage"
        )
        arguments.add_argument(
            "--similarity",
            choices=SIMILARITIES,
            help="of vectors; not given: the model's own, or cosine",
        )
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
