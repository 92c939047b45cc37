"""What a model's config.json says of it, and what of that will not do.

Read as it stands, without the library, so that a model is refused before a job runs it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal

from arkiv.base.errors import InputError
from arkiv.base.files import read_object

Kind = Literal["m3", "dense", "cross_encoder"]

CONFIG = "config.json"
SCORING = "ForSequenceClassification"
# Parts of models that take more than texts.
PARTS = ("text_config", "vision_config", "audio_config")
# Bodies that came with code of their own, and that transformers has had since.
ADOPTED = ("eurobert", "gte", "nomic_bert")
# What transformers takes where nothing is said.
LABELS = 2
# What bodies call the dimensions of their states.
DIMENSIONS = ("hidden_size", "dim", "d_model", "n_embd")


def check_body(path: Path, kind: Kind, *, embeds: bool) -> None:
    """See that the model of a directory is of a form that can be loaded and used.

    Args:
        path: where its `config.json` lies.
        kind: what it is to do.
        embeds: other files say that it makes vectors of texts, whatever this one does.

    Raises:
        InputError: the file is damaged, or says something that will not do.
    """
    config = _said(path)
    if not isinstance(config.get("model_type"), str) and "auto_map" not in config:
        raise InputError(
            "is not there, which says what body the model has",
            file=path / CONFIG,
            key="model_type",
        )
    if quantised := config.get("quantization_config"):
        how = quantised.get("quant_method") if isinstance(quantised, dict) else None
        reason = f"has quantised weights ({how or 'of unknown kind'}), expected whole"
        raise InputError(reason, file=path)
    if "hidden_size" not in config and any(part in config for part in PARTS):
        reason = "takes more than texts, expected a model of texts alone"
        raise InputError(reason, file=path)
    if kind == "cross_encoder":
        _check_scoring(path, config)
    else:
        _check_encoding(path, config, embeds=embeds)


def _said(path: Path) -> dict[str, Any]:
    return read_object(path / CONFIG, "configuration of a model")


def _architectures(config: Mapping[str, Any]) -> list[str]:
    said = config.get("architectures") or []
    return [str(name) for name in (said if isinstance(said, list) else [said])]


def _check_encoding(path: Path, config: Mapping[str, Any], *, embeds: bool) -> None:
    """Refuse a model that scores pairs, or whose decoder reads an encoder."""
    if config.get("is_encoder_decoder"):
        reason = "has a decoder that reads an encoder's states, expected either alone"
        raise InputError(reason, file=path)
    for name in _architectures(config):
        if name.endswith(SCORING) and not embeds:
            reason = f"is a {name}, such as rerankers are, expected an encoder"
            raise InputError(reason, file=path)


def _check_scoring(path: Path, config: Mapping[str, Any]) -> None:
    """Refuse a model that gives a pair no score, or more than one."""
    for name in _architectures(config):
        if not name.endswith(SCORING):
            reason = f"is a {name}, expected a reranker, such as …{SCORING}"
            raise InputError(reason, file=path)
    names = config.get("id2label")
    labels = len(names) if isinstance(names, dict) else config.get("num_labels", LABELS)
    if labels != 1:
        reason = f"the model has {labels} labels, expected a reranker with one"
        raise InputError(reason, file=path)


def check_code(path: Path, kind: Kind, *, trusted: bool) -> None:
    """See that a model which brings its own code may run it, and has it.

    Args:
        path: where its `config.json` lies.
        kind: what it is to do.
        trusted: as `models.trust_remote_code` has it.

    Raises:
        InputError: it may not, or the code lies elsewhere: jobs ask no hub.
    """
    config = _said(path)
    wanted = [*_code(config.get("auto_map"), kind)]
    if not wanted or (not trusted and config.get("model_type") in ADOPTED):
        return
    if not trusted:
        reason = f"runs Python code of its own ({wanted[0]}), which is not trusted"
        advice = "look at the code, and set `models.trust_remote_code: true`"
        raise InputError(f"{reason}; {advice}", file=path)
    for name in wanted:
        repository, _, local = name.rpartition("--")
        file = f"{local.partition('.')[0]}.py"
        if repository:
            raise InputError(
                f"takes code from another repository ({name}), which no job asks for: "
                f"put {file} beside config.json, and name {local} in its `auto_map`",
                file=path,
            )
        if not (path / file).is_file():
            raise InputError(
                f"lacks {file}, the code that config.json names", file=path
            )


def _code(named: Any, kind: Kind) -> Iterator[str]:
    """The classes of its own, such as `modeling.NewModel`, that a model is made by."""
    named = named if isinstance(named, dict) else {}
    of_kind = f"AutoModel{SCORING}" if kind == "cross_encoder" else "AutoModel"
    return (str(named[key]) for key in ("AutoConfig", of_kind) if named.get(key))
