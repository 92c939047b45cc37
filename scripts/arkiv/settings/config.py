"""The configuration: merged, checked against its declaration, faults in a sentence."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import Any

from arkiv.base.declared import at, faults, in_one_form, settings_of
from arkiv.base.errors import InputError
from arkiv.base.files import open_input, read_yaml
from arkiv.documents.settings import check_documents
from arkiv.encode.settings import Model
from arkiv.evaluate.settings import COMPARISONS, check_evaluate
from arkiv.gold.settings import faults_of_gold, faults_of_judge, faults_of_sheet
from arkiv.mining.settings import check_mining
from arkiv.pairs.settings import check_pairs
from arkiv.queries.settings import check_queries
from arkiv.retrieve.systems import check_learning, check_named, check_systems
from arkiv.settings.configuration import Configuration
from arkiv.settings.datasets import (
    check_datasets,
    check_judgements,
    check_rounds,
    check_unit,
    learnt_datasets,
)
from arkiv.settings.families import with_families
from arkiv.settings.heads import with_heads
from arkiv.settings.image_links import ImageLinks, LineLinks, ManifestLinks
from arkiv.settings.layout import model_under_test, run_folder
from arkiv.settings.secrets import check_secrets, concealing, texts
from arkiv.train.altering import check_augment
from arkiv.train.given import checked
from arkiv.train.settings import check_merge, check_train

PROJECT = Path(__file__).parents[3]
DEFAULTS = PROJECT / "config/config.yaml"
ROLES = ("embedder", "reranker")
# The models whose commits our own files name: the defaults, and config/laptop.yaml.
PINNED = (
    *(at(Configuration, f"models.{role}").default for role in ROLES),
    Model("intfloat/multilingual-e5-small", "fd1525a9fd15316a2d503bf26ab031a61d056e98"),
)
# Half a surrogate pair, which YAML may write by its number, and no path can have.
HALF = re.compile("[\ud800-\udfff]")
# A working directory's own, by the name that Snakemake's workflow catalogue gives it.
OWN = "config/config.yaml"

# Maps in which `key: null` takes an entry of the defaults away.
REMOVABLE = (
    ("datasets",),
    ("evaluate", "systems"),
    *(("evaluate", key) for key in COMPARISONS),
)

# Settings whose default is a file of the project, or which may name one.
SHIPPED = (
    ("queries", "prompts", "file"),
    ("queries", "judge", "prompt"),
    ("queries", "group", "prompt"),
    ("gold", "judge", "prompt"),
    ("evaluate", "spelling", "rules"),
    ("train", "args", "deepspeed"),
)

# The keys of the top that are true or false.
TRUTHS = frozenset(
    one.name for one in settings_of(Configuration).values() if one.type is bool
)

# Keys that were renamed or removed, and what stands in their place; a test keeps them
# out of the declaration.
REPLACED: dict[str, str] = {
    f"{section}.batch_size": f"{section}.batch_tokens"
    for section in ("mining", "teacher", "evaluate")
}


def read_config(
    overlays: Sequence[str | Path], settings: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """The defaults with files laid over them as Snakemake's `--configfile` does.

    The working directory's own configuration is laid over the defaults before them.

    Args:
        overlays: the files.
        settings: laid over the last of them.

    Raises:
        InputError: a file is missing or not YAML, or the whole is not valid.
    """
    config: dict[str, Any] = {}
    own = own_configuration()
    for path in (*([own] if own else []), *overlays):
        config = laid_over(config, read_layer(path))
    return check_config(completed(laid_over(config, settings or {})))


def own_configuration() -> str | None:
    """The working directory's own configuration, unless that is the defaults."""
    own = Path(OWN)
    return OWN if own.is_file() and not own.samefile(DEFAULTS) else None


def completed(config: Mapping[str, Any]) -> dict[str, Any]:
    """The whole configuration, of the parts that were given: no key is missing."""
    whole = laid_over(_defaults_for(config), config)
    return with_truths(with_shipped(without_removed(_with_own_revisions(whole))))


def _defaults_for(config: Mapping[str, Any]) -> dict[str, Any]:
    """The defaults to lay a configuration over.

    The revision of a default model is none of another one's, which is as it is newest
    unless a revision is given.
    """
    defaults = read_layer(DEFAULTS)
    given = config.get("models")
    for role in ROLES:
        model = defaults["models"][role]
        other = given.get(role) if isinstance(given, Mapping) else None
        source = other.get("source") if isinstance(other, Mapping) else None
        if source not in (None, model["source"]):
            model["revision"] = None
    return defaults


def _with_own_revisions(config: Mapping[str, Any]) -> dict[str, Any]:
    """The configuration without a commit of the project's files for another model.

    Where one's own file over config/laptop.yaml, or in a copy of the defaults, names a
    source alone. A copy of the model elsewhere, of the same name, may have the commit.
    """
    pinned = {model.revision: _last(model.source) for model in PINNED}
    models = config["models"]
    if not isinstance(models, Mapping):
        return dict(config)

    def own(model: Any) -> Any:
        if not isinstance(model, Mapping) or not isinstance(model.get("source"), str):
            return model
        revision = model.get("revision")
        known = pinned.get(revision) if isinstance(revision, str) else None
        other = known not in (None, _last(model["source"]))
        return {**model, "revision": None} if other else model

    found = {role: own(models[role]) for role in ROLES if role in models}
    return {**config, "models": {**models, **found}}


def _last(source: str) -> str:
    return source.rpartition("/")[2].lower()


def read_layer(path: str | Path) -> dict[str, Any]:
    """A configuration as a file has it: the defaults, or what is laid over them.

    Raises:
        InputError: the file is missing, or no map in YAML or JSON.
    """

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        keys = [key for key, _ in pairs]
        for key in keys:
            if keys.count(key) > 1:
                raise InputError(f"has the key `{key[:40]}` twice", file=path)
        return dict(pairs)

    # As Snakemake takes it, for YAML knows no tabs.
    try:
        with open_input(path) as file:
            value = json.loads(file.read().decode(), object_pairs_hook=once)
    except ValueError:
        value = read_yaml(path)
    if not isinstance(value, dict):
        raise InputError("is not a map of keys, expected a configuration", file=path)
    return value


def check_layers(paths: Sequence[str | Path]) -> None:
    """Refuse files that Snakemake has read otherwise than they were meant.

    Raises:
        InputError: as of `read_layer`; a key stands twice, of which the last counts.
    """
    for path in paths:
        read_layer(path)


def laid_over(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """A configuration laid over another, map by map, as Snakemake's `update_config`."""
    merged = dict(below)
    for key, value in above.items():
        both = isinstance(value, Mapping) and isinstance(merged.get(key), Mapping)
        merged[key] = laid_over(merged[key], value) if both else value
    return merged


def without_removed(config: Mapping[str, Any]) -> dict[str, Any]:
    """The configuration without the entries that an overlay set to null."""

    def pruned(value: Any, path: tuple[str, ...]) -> Any:
        if not isinstance(value, Mapping):
            return value
        return {
            key: pruned(entry, (*path, key))
            for key, entry in value.items()
            if entry is not None or path not in REMOVABLE
        }

    return pruned(config, ())


def with_shipped(config: Mapping[str, Any]) -> dict[str, Any]:
    """The configuration with the project's own files named by where they lie.

    A relative path is the working directory's file if there is one, else the project's:
    config/prompts/sv-court.txt is found wherever a run is started.
    """

    def found(value: Any, keys: tuple[str, ...]) -> Any:
        if isinstance(value, list):
            return [found(one, keys) for one in value]
        if keys and isinstance(value, Mapping) and keys[0] in value:
            return {**value, keys[0]: found(value[keys[0]], keys[1:])}
        if keys or not isinstance(value, str) or os.path.exists(value):
            return value
        there = os.path.join(PROJECT, value)
        return there if os.path.isfile(there) else value

    for keys in SHIPPED:
        config = found(config, keys)
    return dict(config)


def with_truths(config: Mapping[str, Any]) -> dict[str, Any]:
    """The configuration with `--config KEY=true` meaning true, as it does in a file.

    Snakemake takes True for a truth on its command line, and true for a text.
    """
    truths = {"true": True, "false": False}
    return {
        key: truths.get(value, value)
        if key in TRUTHS and isinstance(value, str)
        else value
        for key, value in config.items()
    }


def check_config(config: Mapping[str, Any]) -> dict[str, Any]:
    """Check a configuration; give it in one form, for all that mean the same.

    Raises:
        InputError: one sentence that names the first key at fault, what was expected,
            and a near name for an unknown one.
    """
    check_secrets(config)
    with concealing(config):
        for where, text in texts(config):
            if "\0" in text:
                reason = "holds the character NUL, which no command or path can have"
                raise InputError(reason, key=".".join(where))
            if not text.isascii() and HALF.search(text):
                reason = "holds half a surrogate pair, which is no Unicode text"
                raise InputError(reason, key=".".join(where))
        _check_each(config)
        config = in_one_form(config, Configuration)
        config["train"]["args"] = checked(config["train"]["args"])
        try:
            config = with_heads(with_families(config))
            _check_together(config)
        except OSError as error:
            reason = f"names {error.filename}, which cannot be read ({error.strerror})"
            raise InputError(reason) from None
    return config


def _check_each(config: Mapping[str, Any]) -> None:
    """What the declaration says of each value."""
    for fault in faults(config, Configuration):
        if fault.unknown and fault.key in REPLACED:
            raise InputError(f"is gone; use `{REPLACED[fault.key]}`", key=fault.key)
        if fault.key == "datasets" and not config["datasets"]:
            raise InputError(
                "is empty; name your data in a file of your own and give it with "
                "--configfile (config/demo.yaml is an example)",
                key=fault.key,
            )
        raise InputError(fault.reason, key=fault.key or None)


def _check_together(config: Mapping[str, Any]) -> None:
    """What a type cannot say: values that must agree with each other."""
    evaluate, datasets = config["evaluate"], config["datasets"]
    check_mining(config["mining"])
    check_documents(config["documents"], config["gold"]["duplicate_jaccard"])
    check_queries(config["queries"], datasets)
    check_pairs(config["pairs"])
    check_evaluate(evaluate, datasets)
    for name in config["report"]["systems"]:
        check_named(name, evaluate["systems"], "report.systems")
    check_systems(evaluate, config["rounds"])
    check_learning(evaluate, config["pairs"]["shares"]["dev"])
    _check_gold(config)
    check_datasets(datasets)
    check_judgements(datasets, run_folder(config))
    check_unit(evaluate["unit"], datasets)
    check_rounds(config)
    check_train(config["train"], config["split"], learnt_datasets(datasets))
    check_merge(config["merge"], config["pairs"]["shares"]["dev"])
    pages = any("pages" in datasets[name] for name in learnt_datasets(datasets))
    check_augment(config["train"]["augment"], pages=pages)
    _check_serve(config["serve"])
    _check_index(config["index"], config["rounds"])


def _check_serve(serve: Mapping[str, Any]) -> None:
    ImageLinks(serve["image_link"])  # raises what is wrong with it
    for key in ("iiif", "canvas"):
        if serve[key] is not None:
            LineLinks(serve[key], f"serve.{key}")


def _check_index(index: Mapping[str, Any], rounds: int) -> None:
    ManifestLinks(index["manifest_link"])  # raises what is wrong with it
    kind, _, number = index["model"].partition("_")
    if kind == "round" and int(number) > rounds:
        reason = f"is {index['model']}, but the run has {rounds} rounds"
        raise InputError(reason, key="index.model")


def _check_gold(config: Mapping[str, Any]) -> None:
    gold, run = config["gold"], Path(run_folder(config))
    for key, reason in chain(
        faults_of_gold(gold, config["evaluate"]),
        faults_of_judge(gold, config["queries"]),
        faults_of_sheet(gold["sheet"], run / "gold/sheet.csv"),
    ):
        raise InputError(reason, key=f"gold.{key}")
    source = gold["embedder"]["source"]
    if source is not None and Path(source).resolve() == (run / "export").resolve():
        raise InputError(
            f"is {source}, whose card tells of the measures; name the model itself, "
            f"{model_under_test(config, 'tuned')}",
            key="gold.embedder.source",
        )
