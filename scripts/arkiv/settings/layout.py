"""Where a run's files lie by its configuration: for the rules and the search page."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from arkiv.base.errors import InputError
from arkiv.encode.description import Description
from arkiv.encode.loading import longest_text
from arkiv.encode.models import check_heads
from arkiv.retrieve.systems import system_of
from arkiv.retrieve.systems.system import GIVEN
from arkiv.settings.heads import is_path, wants_heads


def run_folder(config: Mapping[str, Any]) -> str:
    """The directory of all results."""
    return f"results/{config['run']}"


def rounds_of(config: Mapping[str, Any]) -> list[str]:
    """Where the files of each round of mining and training lie, below the run's.

    Those of the first lie where those of a single one do.
    """
    return ["", *(f"rounds/{number}/" for number in range(2, config["rounds"] + 1))]


def trainings_of(config: Mapping[str, Any]) -> dict[str, list[str]]:
    """The trainings in their order: where the files of each lie, and its datasets.

    Each starts from the model of the one before; the last one makes the tuned model.
    """
    names = config["train"]["cumulative"]
    first = {f"stages/{count}/": names[:count] for count in range(1, len(names))}
    return first | {where: list(config["datasets"]) for where in rounds_of(config)}


def model_directory(
    config: Mapping[str, Any], wanted: Mapping[str, Any], tiny: str, key: str
) -> str:
    """The directory of a model: given, or made by prepare_model.

    Args:
        config: the configuration.
        wanted: `source` and perhaps `revision`.
        tiny: `embedder` or `reranker`, of which the tiny one may be wanted.
        key: where the configuration says so.

    Raises:
        InputError: a path that is no directory.
    """
    models, source = config["models"]["directory"], wanted["source"]
    if source == "tiny":
        return f"{models}/tiny-{tiny}"
    if Path(source).is_dir():
        return source
    if is_path(source):
        raise InputError(
            f"names {source}, which is not a directory", key=f"{key}.source"
        )
    revision = wanted.get("revision") or "main"
    return f"{models}/{'--'.join(Path(source).parts)}@{revision[:12]}"


def prepared_model(config: Mapping[str, Any], role: str) -> str:
    """The directory of the embedder or the reranker.

    Raises:
        InputError: a path that is no directory, or the files of an embedder that is
            there already say that it cannot be tuned, or not on texts so long; or one
            that was fetched before lacks the heads that are counted on.
    """
    wanted = config["models"][role]
    path = model_directory(config, wanted, role, f"models.{role}")
    if role == "embedder":
        if path == wanted["source"]:
            Description.configured(path, wanted)
            _check_lengths(config, path)
        elif Path(path, "config.json").is_file() and wants_heads(config):
            check_heads(path)
    return path


def _check_lengths(config: Mapping[str, Any], model: str) -> None:
    """See that no text is to be longer than a model takes."""
    longest = longest_text(Path(model))
    for section, values, keys in (
        ("mining", config["mining"], ("query_max_length", "passage_max_length")),
        ("train.args", config["train"]["args"], ("query_max_len", "passage_max_len")),
    ):
        for key in keys:
            length = values.get(key)
            if longest is not None and isinstance(length, int) and length > longest:
                reason = f"is {length}, but {model} takes {longest} tokens at most"
                raise InputError(reason, key=f"{section}.{key}")


def model_of_system(config: Mapping[str, Any], name: str) -> str | None:
    """The directory of the model that a system brings along, or takes of the run.

    Raises:
        InputError: a path that is no directory.
    """
    system = system_of(config["evaluate"]["systems"][name])
    if system.source is not None:
        key = f"evaluate.systems.{name}"
        return model_directory(config, vars(system), system.role, key)
    taken = system.model_of_run
    return None if taken is None else model_under_test(config, taken)


def model_under_test(config: Mapping[str, Any], name: str) -> str:
    """The model directory that base, tuned, round_1 or teacher stands for."""
    if name in GIVEN:
        return prepared_model(config, GIVEN[name])
    if name == "tuned":
        where = list(trainings_of(config))[-1]
    else:
        where = rounds_of(config)[int(name.removeprefix("round_")) - 1]
    return f"{run_folder(config)}/{where}model"


def model_of_gold(config: Mapping[str, Any]) -> str:
    """The directory of the embedder that the gold standard is made by.

    Raises:
        InputError: a path that is no directory.
    """
    wanted = config["gold"]["embedder"]
    return model_directory(config, wanted, "embedder", "gold.embedder")
