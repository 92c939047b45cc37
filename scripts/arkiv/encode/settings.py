"""The settings of models, and of an embedder that is given beside the one to tune.

Read while the Snakefile is parsed: nothing heavy here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, Self

from arkiv.base.declared import setting, settings_of

PRECISIONS = ("auto", "float32", "float16", "bfloat16")
ATTENTIONS = ("auto", "sdpa", "flash_attention_2", "eager")
POOLINGS = ("cls", "mean", "max", "lasttoken")
# Of a model that is trained.
TRAINED_POOLINGS = ("cls", "mean", "last")
SIMILARITIES = ("cosine", "dot")
HEADS = ("auto", "own", "none")
# Of scoring by M3; the last one is all others together.
MODES = ("dense", "sparse", "multi_vector", "combined")
# Tokens at which a text is cut; see `arkiv.encode.limits`.
AUTO = "auto"
Length = int | Literal["auto"] | None


@dataclass(frozen=True)
class Running:
    """How a model runs, whatever it is asked."""

    precision: str = setting(
        "auto",
        "to encode and score in; auto: float16 on a GPU, float32 on a CPU",
        choices=PRECISIONS,
    )
    attention: str = setting(
        "auto",
        "auto: flash attention where it is installed, else torch's own",
        choices=ATTENTIONS,
    )
    trust_remote_code: bool = setting(
        False, "let a model directory run Python code of its own"
    )


@dataclass(frozen=True)
class Batch:
    """How much a model reads at once."""

    batch_tokens: int | None = setting(
        None, "tokens of a padded batch; null: as many as the device takes", at_least=1
    )


@dataclass(frozen=True)
class Lengths:
    """Where texts are cut off when a model embeds them."""

    query_max_length: int | Literal["auto"] | None = setting(
        AUTO,
        "tokens of a query; auto: 256, or what the model takes if that is less; null: "
        "as many as it takes",
        at_least=1,
    )
    passage_max_length: int | None = setting(
        None, "tokens of a passage; null: as many as the model takes", at_least=1
    )


@dataclass(frozen=True)
class Scoring(Batch):
    """How a reranker reads."""

    query_max_length: int | Literal["auto"] | None = setting(
        AUTO,
        "tokens of the query; auto: 256, or what the reranker takes if that is less; "
        "null: as many as it takes",
        at_least=1,
    )
    max_length: int | None = setting(
        None,
        "tokens of query and passage together; null: as many as the reranker takes",
        at_least=1,
    )


@dataclass(frozen=True)
class Cut:
    """Where a program that reads one kind of input cuts it."""

    max_length: int | Literal["auto"] | None = setting(
        None, "tokens per input; not given: as many as the model takes", at_least=1
    )


@dataclass(frozen=True)
class Weights:
    """How M3's three scores become one."""

    weights: tuple[float, float, float] | Literal["auto"] = setting(
        (1.0, 0.3, 1.0),
        "of dense, sparse and multi-vector scores in mode combined; auto: learnt on "
        "dev queries when systems are measured",
        at_least=0,
    )


@dataclass(frozen=True)
class Model:
    """Where a model comes from."""

    source: str = setting(help="a hub name, a local directory, or `tiny`")
    revision: str | None = setting(
        None, "what to fetch from the hub", empty=True, shown="a commit"
    )


@dataclass(frozen=True)
class Reading:
    """How the model to tune reads a text, where its own files are not to say it."""

    pooling: str | None = setting(
        None,
        "of token vectors into a dense one; null: the model's own",
        choices=TRAINED_POOLINGS,
    )
    query_prompt: str | None = setting(
        None, "put before each query; null: the model's own, if any", empty=True
    )
    passage_prompt: str | None = setting(
        None, "put before each passage; null: the model's own, if any", empty=True
    )

    @classmethod
    def configured(cls, embedder: Mapping[str, Any]) -> Self:
        """Of what `models.embedder` of the configuration gives, or a part of it."""
        return cls(**{name: embedder.get(name) for name in settings_of(cls)})


@dataclass(frozen=True)
class Headed:
    """By what the model to tune searches, beside its dense vectors."""

    heads: str = setting(
        "auto",
        "for sparse and multi-vector search; auto: the model's own, or new ones; own: "
        "the model is to have them; none: dense vectors alone, whatever it has",
        choices=HEADS,
    )


@dataclass(frozen=True)
class Tunable(Headed, Reading, Model):
    """The model to tune."""


@dataclass(frozen=True)
class Models(Running):
    """The models of a run, and how they run."""

    directory: str = setting("models", "where fetched and built models lie")
    embedder: Tunable = setting(
        Tunable("BAAI/bge-m3", "5617a9f61b028005a4858fdac845db406aefb181"),
        "the model to tune",
    )
    reranker: Model = setting(
        Model("BAAI/bge-reranker-v2-m3", "953dc6f6f85a1b2dbfca4c34a2796e7dde08d41e"),
        "the teacher",
    )


@dataclass(frozen=True)
class Embedder:
    """Another embedder, and what is not to be read from its own files."""

    source: str | None = setting(None, "a hub name, a local directory or `tiny`")
    revision: str | None = setting(None, "what to fetch from the hub", empty=True)
    pooling: str | None = setting(
        None,
        "of token vectors; null: the model's own",
        choices=POOLINGS,
    )
    query_prompt: str | None = setting(
        None, "put before each query; null: the model's own", empty=True
    )
    passage_prompt: str | None = setting(
        None, "put before each passage; null: the model's own", empty=True
    )
    similarity: str | None = setting(
        None, "of vectors; null: the model's own, or cosine", choices=SIMILARITIES
    )
