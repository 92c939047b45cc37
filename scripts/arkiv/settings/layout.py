"""Where a run's files lie by its configuration: for the rules and the search page."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from arkiv.base.errors import InputError
from arkiv.base.hashing import content_id
from arkiv.encode.ahead import Use, check_ahead
from arkiv.encode.body import CONFIG
from arkiv.encode.tokenizer import TOKENIZER
from arkiv.example.toys import TINY
from arkiv.retrieve.systems import system_of, systems_of
from arkiv.retrieve.systems.system import GIVEN
from arkiv.settings.datasets import learnt_datasets
from arkiv.settings.heads import is_path
from arkiv.settings.uses import (
    KIND_OF_ROLE,
    use_in_system,
    use_of_gold,
    use_of_role,
)

# Where the tuned model lies, below the run's directory, if it is averaged with another.
MERGED = "merged/"
# The other model where it is the one to tune.
BASE = "base"


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
    return first | {
        where: learnt_datasets(config["datasets"]) for where in rounds_of(config)
    }


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
    if source == TINY:
        return f"{models}/tiny-{tiny}"
    if local_source(wanted):
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
        InputError: a path that is no directory, or what the files that are there
            already say against its use.
    """
    wanted = config["models"][role]
    path = model_directory(config, wanted, role, f"models.{role}")
    _check_there(path, wanted, partial(use_of_role, config, role))
    whole = role == "reranker" or Path(path, TOKENIZER).is_file()
    return path if whole or not local_source(wanted) else _linked(config, path)


def local_source(wanted: Mapping[str, Any]) -> list[str]:
    """The directory that a `source` names, if it names one."""
    source = wanted["source"]
    return [source] if source != TINY and Path(source).is_dir() else []


def _check_there(path: str, wanted: Mapping[str, Any], use: Callable[[], Use]) -> None:
    """See that a model which is there already, given or fetched before, will do."""
    if local_source(wanted) or Path(path, CONFIG).is_file():
        check_ahead(path, use())


def _linked(config: Mapping[str, Any], source: str) -> str:
    """Where a local directory is prepared that is not to be written to."""
    whole = Path(source).resolve()
    name = re.sub(r"[^\w.-]", "_", whole.name)
    return f"{config['models']['directory']}/local--{name}@{content_id(str(whole))}"


def model_of_system(config: Mapping[str, Any], name: str) -> str | None:
    """The directory of the model that a system brings along, or takes of the run.

    Raises:
        InputError: a path that is no directory.
    """
    system = system_of(config["evaluate"]["systems"][name])
    if system.source is not None:
        key = f"evaluate.systems.{name}"
        wanted = vars(system)
        path = model_directory(config, wanted, system.role, key)
        _check_there(path, wanted, partial(use_in_system, config, system))
        return path
    taken = system.model_of_run
    return None if taken is None else model_under_test(config, taken)


def model_under_test(config: Mapping[str, Any], name: str) -> str:
    """The model directory that base, tuned, round_1 or teacher stands for."""
    if name in GIVEN:
        return prepared_model(config, GIVEN[name])
    if name == "tuned" and config["merge"]["with"]:
        where = MERGED
    elif name == "tuned":
        where = list(trainings_of(config))[-1]
    else:
        where = rounds_of(config)[int(name.removeprefix("round_")) - 1]
    return f"{run_folder(config)}/{where}model"


def merged_with(config: Mapping[str, Any]) -> str:
    """The directory of the model that the tuned one is averaged with, if it is.

    Raises:
        InputError: as of `prepared_model`; or a path that is no directory, or this
            run's own.
    """
    key, other = "merge.with", config["merge"]["with"]
    if other == BASE:
        return prepared_model(config, "embedder")
    if not Path(other).is_dir():
        raise InputError(
            f"is {other}, expected base, or a model directory, such as another run's "
            "results/NAME/model",
            key=key,
        )
    if Path(other).resolve().is_relative_to(Path(run_folder(config)).resolve()):
        raise InputError(f"is {other}, which this run makes itself", key=key)
    check_ahead(other, use_of_role(config, "embedder"))
    return other


def model_of_gold(config: Mapping[str, Any]) -> str:
    """The directory of the embedder that the gold standard is made by.

    Raises:
        InputError: a path that is no directory.
    """
    wanted = config["gold"]["embedder"]
    path = model_directory(config, wanted, "embedder", "gold.embedder")
    _check_there(path, wanted, partial(use_of_gold, config))
    return path


def models_wanted(
    config: Mapping[str, Any],
) -> dict[str, tuple[Use, Mapping[str, Any]]]:
    """What each model that a run is given is for, and its source, by its directory.

    A model of both a role and a system must do for its role.

    Raises:
        InputError: as of `prepared_model`.
    """
    found: dict[str, tuple[Use, Mapping[str, Any]]] = {}
    for name, system in systems_of(config["evaluate"]["systems"]).items():
        if system.source is not None:
            directory = model_of_system(config, name)
            found[directory] = use_in_system(config, system), vars(system)
    if config["gold"]["method"] == "embedder":
        wanted = config["gold"]["embedder"]
        found[model_of_gold(config)] = use_of_gold(config), wanted
    for role in KIND_OF_ROLE:
        wanted = config["models"][role]
        found[prepared_model(config, role)] = use_of_role(config, role), wanted
    return found
