"""How models are to be read of which only their cards say it.

Their directories give no prompts to sentence-transformers, though they were trained
with some: without them their vectors are worse, and nothing tells.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from arkiv.encode.description import Own
from arkiv.example.toys import TINY


@dataclass(frozen=True)
class Family:
    """Models by one maker that are read alike."""

    maker: str
    """Whose they are on the hub."""
    name: str
    """A regular expression for the name, in lower case."""
    pooling: str
    query_prompt: str
    passage_prompt: str

    def holds(self, source: str) -> bool:
        """Whether a hub name is of it, or the name of a local directory has one's."""
        maker, _, name = source.rpartition("/")
        if maker == self.maker:
            return re.fullmatch(self.name, name.lower()) is not None
        alone = re.compile(rf"(?<![a-z0-9])(?:{self.name})(?![a-z0-9])", re.IGNORECASE)
        return any(alone.search(name) for name in _called(Path(source)))


def _called(path: Path) -> list[str]:
    """What a local directory is called; one in the hub's cache is named by a commit."""
    if not path.is_dir():
        return []
    real = path.resolve()
    cached = [real.parent.parent.name] if real.parent.name == "snapshots" else []
    return [path.name, real.name, *cached]


# The first that holds counts. By the cards of intfloat/multilingual-e5-*, intfloat/e5-*
# and BAAI/bge-*; Wang et al. 2024, "Multilingual E5 Text Embeddings", section 3;
# FlagEmbedding, examples/inference/embedder.
FAMILIES = (
    Family(
        "intfloat",
        "multilingual-e5-large-instruct",
        "mean",
        "Instruct: Given a web search query, retrieve relevant passages that answer "
        "the query\nQuery: ",
        "",
    ),
    Family(
        "intfloat",
        "(multilingual-)?e5(-(small|base|large))?(-v2|-unsupervised)?"
        "(?!.*(instruct|mistral))",
        "mean",
        "query: ",
        "passage: ",
    ),
    Family(
        "BAAI",
        "bge-(small|base|large)-en(-v1[.]5)?",
        "cls",
        "Represent this sentence for searching relevant passages: ",
        "",
    ),
    Family(
        "BAAI",
        "bge-(small|base|large)-zh(-v1[.]5)?",
        "cls",
        "为这个句子生成表示以用于检索相关文章：",
        "",
    ),
)


def with_families(config: Mapping[str, Any]) -> dict[str, Any]:
    """The configuration with what the families of its embedders say.

    What is given counts above it, and what a local directory says of itself; what a
    model on the hub says is seen only when it is fetched, but these are known.

    Args:
        config: checked value by value, in one form.

    Raises:
        InputError: a local directory's own files are damaged.
    """
    models, gold, evaluate = config["models"], config["gold"], config["evaluate"]
    systems = {
        name: _read(one) if one["type"] == "embedder" else one
        for name, one in evaluate["systems"].items()
    }
    return {
        **config,
        "models": {**models, "embedder": _read(models["embedder"])},
        "gold": {**gold, "embedder": _read(gold["embedder"])},
        "evaluate": {**evaluate, "systems": systems},
    }


def _read(wanted: Mapping[str, Any]) -> dict[str, Any]:
    """An embedder's settings, with its family's where nothing else is said."""
    source = wanted.get("source")
    known = source not in (None, TINY) and next(
        (family for family in FAMILIES if family.holds(source)), None
    )
    if not known:
        return dict(wanted)
    filled = {
        "query_prompt": known.query_prompt,
        "passage_prompt": known.passage_prompt,
    }
    if Path(source).is_dir():
        own = Own.of(Path(source))
        if own.prompted:
            filled = {}
        if own.modules is None:
            filled["pooling"] = known.pooling
    return dict(wanted) | {k: v for k, v in filled.items() if wanted.get(k) is None}
