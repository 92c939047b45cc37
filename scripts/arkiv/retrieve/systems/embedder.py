"""Type embedder: the dense vectors of any embedder."""

from __future__ import annotations

from argparse import Namespace
from dataclasses import dataclass
from typing import TYPE_CHECKING

from arkiv.base.declared import setting
from arkiv.encode.settings import POOLINGS, SIMILARITIES
from arkiv.retrieve.systems.system import OF_RUN, System, beyond

if TYPE_CHECKING:
    from arkiv.encode.kind import Kind

# Of a model of the run none is given: it is read as it was trained.
READ_BY = ("revision", "pooling", "query_prompt", "passage_prompt", "similarity")


@dataclass(frozen=True)
class EmbedderSystem(System):
    """The dense vectors of any embedder, over all passages.

    The model is one of Hugging Face's or of sentence-transformers, or one of the run,
    of which no heads are asked. Vectors are kept by content as those of mining are.
    """

    type = "embedder"
    needs_gpu = True
    cache = "embeddings"

    source: str = setting(None, "a hub name, a local directory or `tiny`")
    model: str = setting(None, "of the run instead: base, tuned …", pattern=OF_RUN)
    revision: str | None = setting(
        None, "a branch, tag or commit", empty=True, optional=True
    )
    pooling: str = setting(
        None,
        "not given: the model's own",
        choices=(*POOLINGS, "last"),
    )
    query_prompt: str = setting(
        None, "put before each query; not given: the model's own", empty=True
    )
    passage_prompt: str = setting(None, "likewise before each passage", empty=True)
    similarity: str = setting(
        None, "of vectors; not given: the model's own, or cosine", choices=SIMILARITIES
    )

    @property
    def model_of_run(self):
        return self.model

    def misnamed(self, rounds):
        if not (self.source or self.model):
            yield "source", "is missing, expected it or the `model` of the run"
        if self.source and self.model:
            yield "source", "is another model than `model`, expected one of both"
        yield from beyond(self.model, rounds)
        for key in READ_BY if self.model else ():
            if getattr(self, key) is not None:
                reason = "is given, but the model of the run is read by models.embedder"
                yield key, reason

    def called(self, name, *, alone):
        if self.model is None:
            return name
        return f"the {self.model.replace('_', ' ')} model as an embedder"

    @classmethod
    def add_flags(cls, arguments):
        from arkiv.encode.flags import add_embedder

        super().add_flags(arguments)
        add_embedder(arguments)
        arguments.add_argument(
            "--trained-here",
            action="store_true",
            help="the model is one of the run: read as it is trained",
        )

    def ranked(self, given, queries, passages):
        from arkiv.retrieve.rankings import search_texts

        return search_texts(
            [query["query"] for query in queries],
            [passage["text"] for passage in passages],
            given.depth,
            given,
            # One of the run is read as M3 is, without its heads.
            None if given.trained_here else self._kind(given),
        )

    def _kind(self, given: Namespace) -> Kind:
        """The encoder of a directory."""
        from arkiv.encode.dense import Dense
        from arkiv.encode.flags import run_options

        return Dense(
            given.model,
            run_options(given),
            pooling="lasttoken" if self.pooling == "last" else self.pooling,
            prompts=(self.query_prompt, self.passage_prompt),
            similarity=self.similarity,
        )
