"""What a run is to do with each of its models, by its configuration."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from arkiv.encode.ahead import Use
from arkiv.encode.settings import Reading
from arkiv.retrieve.forms import cuts
from arkiv.retrieve.systems import systems_of
from arkiv.retrieve.systems.system import System
from arkiv.settings.heads import wants_heads

# Of the model of a role, and of that which a system may bring along.
KIND_OF_ROLE = {"embedder": "m3", "reranker": "cross_encoder"}
KIND_OF_SYSTEM = {"embedder": "dense", "reranker": "cross_encoder"}
# The settings that say how long the texts of the model to tune are, where numbers do.
LENGTHS = {
    "mining": ("query_max_length", "passage_max_length"),
    "train.args": ("query_max_len", "passage_max_len"),
}


def use_of_role(config: Mapping[str, Any], role: str) -> Use:
    """Of the embedder or the reranker."""
    kind, trusted = KIND_OF_ROLE[role], config["models"]["trust_remote_code"]
    if role == "reranker":
        return Use(kind, trusted, lengths=_scored(config) if _scores(config) else {})
    embedder = config["models"][role]
    reading = Reading.configured(embedder)
    kept = cuts(config["evaluate"]["compress"])
    return Use(kind, trusted, reading, _encoded(config), wants_heads(config), kept)


def use_in_system(config: Mapping[str, Any], system: System) -> Use:
    """Of a model that a system brings along."""
    kind = KIND_OF_SYSTEM[system.role]
    lengths = _scored(config) if kind == "cross_encoder" else {}
    return Use(kind, config["models"]["trust_remote_code"], lengths=lengths)


def use_of_gold(config: Mapping[str, Any]) -> Use:
    """Of the embedder that the gold standard is made by."""
    return Use("dense", config["models"]["trust_remote_code"])


def told(use: Use) -> dict[str, Any]:
    """The flags of prepare_model.py that say so.

    Not what is measured of its vectors: no model is made anew for that.
    """
    return {
        "kind": use.kind,
        "headed": use.headed,
        "trust_remote_code": use.trusted,
        "lengths": [f"{key}={tokens}" for key, tokens in use.lengths.items()] or None,
        **vars(use.reading),
    }


def _encoded(config: Mapping[str, Any]) -> dict[str, int]:
    """Tokens of the longest texts that the model to tune reads, by setting."""
    sections = {"mining": config["mining"], "train.args": config["train"]["args"]}
    return {
        f"{section}.{key}": length
        for section, keys in LENGTHS.items()
        for key in keys
        if isinstance(length := sections[section].get(key), int)
    }


def _scored(config: Mapping[str, Any]) -> dict[str, int]:
    """Tokens of the longest queries and pairs that rerankers read, by setting."""
    return {
        f"teacher.{key}": length
        for key in ("query_max_length", "max_length")
        if isinstance(length := config["teacher"][key], int)
    }


def _scores(config: Mapping[str, Any]) -> bool:
    """Whether the reranker has anything to do."""
    systems = systems_of(config["evaluate"]["systems"]).values()
    return bool(config["train"]["args"].get("knowledge_distillation")) or any(
        system.model_of_run == "teacher" for system in systems
    )
