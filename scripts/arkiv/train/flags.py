"""Flags of train_model.py that belong together, and what is made of them."""

from __future__ import annotations

import argparse
import logging

from arkiv.base.cli import add_words
from arkiv.base.declared import plain
from arkiv.base.errors import InputError
from arkiv.base.setting_flags import add_settings, settings_from
from arkiv.encode.flags import add_weights
from arkiv.encode.settings import Batch
from arkiv.train.dev import dev_collection, general_collection
from arkiv.train.settings import Train

log = logging.getLogger("train_model")


def add_evaluation(arguments: argparse.ArgumentParser) -> None:
    """Add `--dev` and what else measuring while training takes: see `evaluation`."""
    add_words(
        arguments,
        dev="[JSONL...] pairs with ids to measure on",
        corpus="[JSONL...] all passages of the --dev files",
    )
    add_settings(arguments, Train, "evaluation")
    add_settings(arguments, Batch)
    add_weights(arguments)


def evaluation(given: argparse.Namespace) -> dict | None:
    """What workers measure the model on and how; None without --dev or steps.

    Raises:
        InputError: a file or a number that will not do.
    """
    if not given.dev:
        return None
    if not given.corpus:
        raise InputError("is missing: --dev needs the passages", key="--corpus")
    how = settings_from(given, Train, "evaluation").evaluation
    if how.steps == 0:
        return None
    bounds = {
        "queries": how.queries,
        "passages": how.passages,
        "seed": given.seed,
    }
    collections = {"dev": dev_collection(given.dev, given.corpus, **bounds)}
    if how.general is not None:
        collections["general"] = general_collection(how.general, **bounds)
    for name, one in collections.items():
        log.info(
            "measuring on %d %s queries, searched in %d passages",
            *(len(one.queries), name, len(one.passages)),
        )
    return {
        "collections": {name: one.as_json() for name, one in collections.items()},
        "steps": how.steps,
        "mode": how.mode,
        "measure": how.measure,
        "weights": given.weights,
        "batch_tokens": settings_from(given, Batch).batch_tokens,
        "patience": how.patience,
    }


def lora(given: argparse.Namespace, values: argparse.Namespace) -> dict | None:
    """The adapters to train; None to train the encoder itself.

    Raises:
        InputError: a value out of bounds, or nothing to train with adapters.
    """
    adapters = settings_from(given, Train, "lora").lora
    if adapters.rank == 0:
        return None
    for name in ("fix_encoder", "fix_position_embedding"):
        if getattr(values, name):
            raise InputError(
                "is given beside train.lora, which freezes the encoder by itself",
                key=f"train.args.{name}",
            )
    return plain(adapters)
