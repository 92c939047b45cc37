"""Which heads the model to tune has, as far as planning can know, and what follows.

What is planned depends on the configuration and on the files of a local directory
alone: what a model on the hub has is seen only when it is fetched.
"""

from __future__ import annotations

from collections.abc import Mapping, Set
from pathlib import Path
from typing import Any

from arkiv.base.declared import at, plain
from arkiv.base.errors import InputError
from arkiv.encode.models import has_heads
from arkiv.evaluate.settings import COMPARISONS, Evaluate, compared
from arkiv.example.toys import TINY
from arkiv.retrieve.systems import KEY, system_of
from arkiv.train.given import checked
from arkiv.train.settings import UNTRAINED, Train

# On the hub, the models that are known to have heads.
HEADED = ("BAAI/bge-m3",)
# What stands in, where they are compared by default, for systems of the base model that
# are left out.
INSTEAD = "base_dense"


def base_heads(embedder: Mapping[str, Any]) -> bool | None:
    """Whether the model to tune has heads of its own; None: that is not known.

    Args:
        embedder: `models.embedder` of the configuration.

    Raises:
        InputError: a local directory has one head without the other, or none where
            `heads` says that it has them.
    """
    source = embedder["source"]
    if source != TINY and Path(source).is_dir():
        found = has_heads(source)
        if embedder["heads"] == "own" and not found:
            reason = f"is own, but {source} comes without heads; use auto, or none"
            raise InputError(reason, key="models.embedder.heads")
        return found
    if embedder["heads"] == "own" or source in (TINY, *HEADED):
        return True
    # Of a path where nothing is, the heads are not what is missing: whoever looks for
    # the directory says so.
    return True if is_path(source) else None


def is_path(source: str) -> bool:
    """Whether what a source of models names can be no name on the hub."""
    return source.startswith((".", "~")) or Path(source).is_absolute()


def with_heads(config: Mapping[str, Any]) -> dict[str, Any]:
    """The configuration without the default systems that its model cannot be.

    Those of the base model by sparse or multi-vector scores go where it has no heads or
    is not known to have any: what is compared with them by default is compared with its
    dense search. With `heads: none` those of every model go, also from what is compared
    by default, and training is of dense vectors alone. A system of the user's own that
    searches by them says that the base model has heads.

    Args:
        config: checked value by value, in one form.

    Raises:
        InputError: what is asked for by the configuration itself needs heads.
    """
    embedder, train = config["models"]["embedder"], config["train"]
    default, headed = at(Evaluate, "systems").default, _headed(config)
    own, none = base_heads(embedder), embedder["heads"] == "none"
    if own is None:
        asked = headed.keys() - default.keys()
        own = any(headed[name] == "base" for name in asked) or None
    if none:
        train = _dense_alone(train)
    elif own is not True and not train["args"].get("unified_finetuning"):
        reason = UNTRAINED.format(embedder["source"])
        if own is None:
            reason += ", or `own` if it has them"
        raise InputError(reason, key="train.args.unified_finetuning")
    gone = set()
    for name, model in headed.items():
        if not none and (own or model != "base"):
            continue
        if name not in default:
            mode = config["evaluate"]["systems"][name]["mode"]
            reason = f"is {mode}, but {_lacking(embedder)}"
            raise InputError(reason, key=f"{KEY}.{name}.mode")
        gone.add(name)
    return _without(gone, {**config, "train": train})


def _headed(config: Mapping[str, Any]) -> dict[str, str | None]:
    """The systems that search by heads, each with the model that is to have them."""
    return {
        name: system.get("model")
        for name, system in config["evaluate"]["systems"].items()
        if system["type"] == "m3" and system.get("mode") not in (None, "dense")
    }


def wants_heads(config: Mapping[str, Any]) -> bool:
    """Whether the model to tune must have heads of its own, else the run is in vain."""
    embedder = config["models"]["embedder"]
    return embedder["heads"] == "own" or (
        embedder["heads"] != "none" and "base" in _headed(config).values()
    )


def without_heads(config: Mapping[str, Any]) -> str | None:
    """Why a configuration that `with_heads` gave is without default systems.

    `none`, as `heads` is; `lacking`: the base model has no heads; `unknown`: perhaps it
    has. None: it is without none.
    """
    embedder = config["models"]["embedder"]
    if embedder["heads"] == "none":
        return "none"
    if wants_heads(config):
        return None
    own = base_heads(embedder)
    return None if own else "unknown" if own is None else "lacking"


def _lacking(embedder: Mapping[str, Any]) -> str:
    """Why a model gives dense vectors alone, in words."""
    source = embedder["source"]
    if embedder["heads"] == "none":
        return "`models.embedder.heads` is none, so that there are dense vectors alone"
    if base_heads(embedder) is None:
        return (
            f"{source} is not known to have heads; say `models.embedder.heads: own` if "
            "it has them"
        )
    return f"{source} comes without the heads for it"


def _dense_alone(train: Mapping[str, Any]) -> dict[str, Any]:
    """The training section, where dense vectors are all."""
    watched = train["evaluation"]
    if watched["mode"] not in ("dense", at(Train, "evaluation").default.mode):
        raise InputError(
            f"is {watched['mode']}, but `models.embedder.heads` is none: dense alone "
            "can be measured",
            key="train.evaluation.mode",
        )
    return {
        **train,
        "args": checked({**train["args"], "unified_finetuning": False}),
        "evaluation": {**watched, "mode": "dense"},
    }


def _without(gone: Set[str], config: dict[str, Any]) -> dict[str, Any]:
    """The configuration without systems, and without what names them by default.

    Raises:
        InputError: they are named where they are not by default.
    """
    if not gone:
        return config
    evaluate, why = config["evaluate"], _lacking(config["models"]["embedder"])
    kept = {key: _still_compared(gone, evaluate, key, why) for key in COMPARISONS}
    systems = {k: v for k, v in evaluate["systems"].items() if k not in gone}
    for key, names in (
        ("report.systems", config["report"]["systems"]),
        ("evaluate.require", [one["system"] for one in evaluate["require"]]),
        *((f"{KEY}.{name}", system_of(one).builds_on) for name, one in systems.items()),
    ):
        for name in names:
            if name in gone:
                raise InputError(f"names the system {name}, but {why}", key=key)
    evaluate = {**evaluate, "systems": systems, **kept}
    spelling = evaluate["spelling"]
    named = at(Evaluate, "spelling").default.systems
    left = [name for name in spelling["systems"] if name not in gone & {*named}]
    if spelling["queries"] and not left:
        reason = f"names {', '.join(spelling['systems'])} alone, but {why}"
        raise InputError(reason, key="evaluate.spelling.systems")
    return {
        **config,
        "evaluate": {**evaluate, "spelling": {**spelling, "systems": left}},
    }


def _still_compared(
    gone: Set[str], evaluate: Mapping[str, Any], key: str, why: str
) -> dict[str, list[str]]:
    """What is compared without some systems: with the base model's dense search instead
    of them where it is so by default.

    Raises:
        InputError: they are named where they are not by default.
    """
    default = set(compared(plain(at(Evaluate, key).default)))
    left = evaluate["systems"].keys() - gone
    kept: dict[str, list[str]] = {}
    for system, base in compared(evaluate[key]):
        lost = [name for name in (system, base) if name in gone]
        if lost and (system, base) not in default:
            reason = f"names the system {lost[0]}, but {why}"
            raise InputError(reason, key=f"evaluate.{key}")
        if lost:
            base = INSTEAD
            if not {system, base} <= left:
                continue
        if base not in kept.setdefault(system, []):
            kept[system].append(base)
    return kept
