"""What a tuned model is."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from arkiv.base.markdown import blocks, coded, counted, escaped, items
from arkiv.encode.body import DIMENSIONS
from arkiv.encode.description import Description
from arkiv.encode.models import HEADS
from arkiv.example.toys import TINY, warning

# What bodies call their sizes in config.json.
LAYERS = ("num_hidden_layers", "n_layers", "num_layers", "n_layer")
# The end of the path of a model in the hub's cache.
CACHED = re.compile("models--([^/]+)/snapshots/([0-9a-f]{40})")
# What the model is, by its heads.
KINDS = {
    "own": "A model with heads like those of BGE-M3",
    "new": "A model with new heads like those of BGE-M3",
    "none": "A model of dense vectors",
}
# What it makes of a text: with heads, and without.
GIVES = {
    True: "It makes of a text a dense vector, a weight for each of its tokens (sparse) "
    "and a vector for each token (multi-vector). Texts are compared by any one of "
    "them, or by all three combined.",
    False: "It makes of a text a dense vector, by which texts are compared. It has no "
    "heads for sparse and multi-vector search.",
}


@dataclass(frozen=True)
class Origin:
    """A model that the run started from."""

    name: str  # on the hub; of a directory only its own name; or `tiny`
    revision: str | None = None  # on the hub
    local: bool = False  # whether it was a directory

    @classmethod
    def of(cls, source: str, revision: str | None) -> Origin:
        """Of what the configuration says."""
        path = Path(source)
        if source == TINY:
            return cls(TINY)
        if path.is_absolute() or path.is_dir():
            real = path.resolve()
            if cached := CACHED.fullmatch("/".join(real.parts[-3:])):
                return cls(cached[1].replace("--", "/", 1), cached[2])
            # As it is called here, wherever a link leads to.
            return cls(os.path.basename(os.path.abspath(path)), local=True)
        return cls(source, revision)

    @property
    def is_tiny(self) -> bool:
        """Whether it was built on the spot, for trying out."""
        return not self.local and self.name == TINY

    @property
    def on_hub(self) -> bool:
        return not self.local and self.name != TINY

    def __str__(self) -> str:
        if self.is_tiny:
            return "a tiny model that was built on the spot, for trying out"
        name = coded(self.name)
        if self.local:
            return f"the local model {name}"
        return f"{name} at revision {coded(self.revision)}" if self.revision else name


@dataclass(frozen=True)
class About:
    """What the configuration says of a run."""

    name: str  # title of the card
    base: Origin  # what was tuned
    teacher: Origin | None  # the reranker whose scores it learnt, with distillation
    kinds: Mapping[str, str]  # what each dataset starts from
    trainings: int  # how many, one after the other, made the model
    query_max_length: int  # in tokens, where it was measured
    passage_max_length: int
    weights: tuple[float, float, float]  # of the three scores in mode combined
    description: Description  # of how dense vectors are made
    heads: str  # own, new, or none
    body: str = ""  # `model_type` of its config.json
    multi_vector: bool = False  # whether there is a directory for MultiVectorEncoder
    language: tuple[str, ...] = ()  # codes, such as `sv`
    license: str | None = None  # as the hub names it


def front_matter(about: About) -> str:
    """What the hub reads of a card, as YAML."""
    from huggingface_hub import ModelCardData

    on_hub = about.base.on_hub
    data = ModelCardData(
        language=list(about.language) or None,
        license=about.license,
        library_name="sentence-transformers",
        pipeline_tag="sentence-similarity",
        tags=[
            "sentence-transformers",
            *(["FlagEmbedding"] if about.heads != "none" else []),
            "feature-extraction",
        ],
        base_model=about.base.name if on_hub else None,
        base_model_relation="finetune" if on_hub else None,
    )
    return f"---\n{data.to_yaml()}\n---"


def opening(about: About, history: Mapping[str, Any]) -> str:
    """What the model is, in a few sentences."""
    datasets = counted(len(about.kinds), "dataset")
    taught = f", towards the scores of {about.teacher}" if about.teacher else ""
    models = {"embedder": about.base, "reranker": about.teacher}
    tiny = [name for name, model in models.items() if model and model.is_tiny]
    kind = KINDS[about.heads]
    if about.base.is_tiny and about.heads == "own":
        kind = "A tiny model in the shape of BGE-M3"
    elif "bge-m3" in about.base.name.lower() and about.heads == "own":
        kind = "A BGE-M3 model"
    times = ""
    if about.trainings > 1:
        times = f"{about.trainings:,} times, the last time "
    return blocks(
        f"# {escaped(about.name)}",
        *([f"**{warning(tiny)}**"] if tiny else []),
        f"{kind}, fine-tuned by arkiv to search one archive. It started from "
        f"{about.base} and was trained {times}on {counted(history['rows'], 'row')} of "
        f"{datasets}, each a query with relevant passages and negatives{taught}.",
        GIVES[about.heads != "none"],
    )


def size_of(config: Mapping[str, Any], names: tuple[str, ...]) -> int:
    """A size in a model's own configuration, by the first name that it has.

    Raises:
        KeyError: it has none of them.
    """
    name = next((name for name in names if name in config), names[0])
    return config[name]


def sizes(
    about: About, config: Mapping[str, Any], parameters: Mapping[str, int]
) -> str:
    """How large the model is, by its own configuration and the parameters of the
    encoder, by their type as safetensors writes it."""
    kinds = ", ".join(sorted(parameters))
    heads = ""
    if about.heads != "none":
        heads = f", and two linear heads, {' and '.join(map(coded, HEADS))}"
    return blocks(
        "## Size",
        items(
            [
                f"{sum(parameters.values()):,} parameters in the encoder ({kinds})"
                f"{heads}",
                f"{counted(size_of(config, LAYERS), 'layer')}, vectors of "
                f"{size_of(config, DIMENSIONS):,} dimensions",
                f"a vocabulary of {config['vocab_size']:,} tokens",
                f"texts of at most {about.passage_max_length:,} tokens",
            ]
        ),
    )
