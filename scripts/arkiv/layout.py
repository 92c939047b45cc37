"""Where a run's files lie by its configuration: for the rules and the search page."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from arkiv.errors import InputError


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


def prepared_model(config: Mapping[str, Any], role: str) -> str:
    """The directory of the embedder or the reranker: given, or made by prepare_model.

    Raises:
        InputError: a path that is no directory.
    """
    models = config["models"]
    wanted = models[role]["source"]
    if wanted == "tiny":
        return f"{models['directory']}/tiny-{role}"
    if Path(wanted).is_dir():
        return wanted
    if wanted.startswith((".", "~")) or Path(wanted).is_absolute():
        raise InputError(
            f"names {wanted}, which is not a directory", key=f"models.{role}.source"
        )
    revision = models[role].get("revision") or "main"
    return f"{models['directory']}/{'--'.join(Path(wanted).parts)}@{revision[:12]}"


def model_under_test(config: Mapping[str, Any], name: str) -> str:
    """The model directory that base, tuned or round_1 stands for."""
    if name == "base":
        return prepared_model(config, "embedder")
    if name == "tuned":
        where = list(trainings_of(config))[-1]
    else:
        where = rounds_of(config)[int(name.removeprefix("round_")) - 1]
    return f"{run_folder(config)}/{where}model"
