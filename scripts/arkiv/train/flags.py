"""Flags of train_model.py that belong together, and what is made of them."""

from __future__ import annotations

import argparse
import logging

from arkiv.base.errors import InputError
from arkiv.encode.flags import add_weights
from arkiv.encode.settings import MODES
from arkiv.train.dev import dev_collection, general_collection
from arkiv.train.settings import MEASURES

log = logging.getLogger("train_model")


def mode_and_measure(text: str) -> tuple[str, str]:
    """Parse `dense nDCG@10`."""
    mode, _, measure = text.partition(" ")
    if mode not in MODES or measure not in MEASURES:
        raise argparse.ArgumentTypeError(
            f"is not one of {', '.join(MODES)} with one of {', '.join(MEASURES)}"
        )
    return mode, measure


def add_evaluation(arguments: argparse.ArgumentParser) -> None:
    """Add `--dev` and what else measuring while training takes: see `evaluation`."""
    arguments.add_argument(
        "--dev", nargs="+", metavar="JSONL", help="pairs with ids to measure on"
    )
    arguments.add_argument(
        "--corpus", nargs="+", metavar="JSONL", help="all passages of the --dev files"
    )
    arguments.add_argument(
        "--general",
        metavar="JSONL",
        help="{query, pos} rows of another kind, to watch for forgetting",
    )
    arguments.add_argument(
        "--evaluate-steps", type=int, default=500, metavar="N", help="between measures"
    )
    arguments.add_argument(
        "--evaluate-queries", type=int, default=200, metavar="N", help="at most"
    )
    arguments.add_argument(
        "--evaluate-passages",
        type=int,
        default=2000,
        metavar="N",
        help="sampled to search in, beside the relevant ones, at most",
    )
    arguments.add_argument("--evaluate-batch-tokens", type=int, metavar="N")
    arguments.add_argument(
        "--evaluate-by",
        type=mode_and_measure,
        default="combined nDCG@10",
        metavar="MODE MEASURE",
        help="what decides which model is best",
    )
    add_weights(arguments)
    arguments.add_argument(
        "--patience",
        type=int,
        metavar="N",
        help="stop after so many measures without a better one (default: never)",
    )


def evaluation(given: argparse.Namespace) -> dict | None:
    """What workers measure the model on and how; None without --dev.

    Raises:
        InputError: a file or a number that will not do.
    """
    if given.dev is None:
        return None
    if given.corpus is None:
        raise InputError("is missing: --dev needs the passages", key="--corpus")
    for key in ("steps", "queries", "batch_tokens"):
        value = getattr(given, f"evaluate_{key}")
        if value is not None and value < 1:
            raise InputError("is below 1", key=f"--evaluate-{key.replace('_', '-')}")
    bounds = {
        "queries": given.evaluate_queries,
        "passages": given.evaluate_passages,
        "seed": given.seed,
    }
    collections = {"dev": dev_collection(given.dev, given.corpus, **bounds)}
    if given.general is not None:
        collections["general"] = general_collection(given.general, **bounds)
    for name, one in collections.items():
        log.info(
            "measuring on %d %s queries, searched in %d passages",
            *(len(one.queries), name, len(one.passages)),
        )
    mode, measure = given.evaluate_by
    return {
        "collections": {name: one.as_json() for name, one in collections.items()},
        "steps": given.evaluate_steps,
        "mode": mode,
        "measure": measure,
        "weights": given.weights,
        "batch_tokens": given.evaluate_batch_tokens,
        "patience": given.patience,
    }


def add_lora(arguments: argparse.ArgumentParser) -> None:
    """Add `--lora-rank` and the like: see `lora`."""
    arguments.add_argument(
        "--lora-rank",
        type=int,
        default=0,
        metavar="R",
        help="train adapters of this rank instead of the encoder; 0: the encoder",
    )
    arguments.add_argument("--lora-alpha", type=float, default=64, metavar="ALPHA")
    arguments.add_argument("--lora-dropout", type=float, default=0.1, metavar="P")
    arguments.add_argument(
        "--lora-targets",
        nargs="+",
        default=["query", "key", "value", "dense"],
        metavar="NAME",
        help="linear layers that get an adapter",
    )


def lora(given: argparse.Namespace, values: argparse.Namespace) -> dict | None:
    """The adapters to train; None to train the encoder itself.

    Raises:
        InputError: a rank that is none, or nothing to train with it.
    """
    if given.lora_rank == 0:
        return None
    if given.lora_rank < 0:
        raise InputError("is below 0", key="train.lora.rank")
    for name in ("fix_encoder", "fix_position_embedding"):
        if getattr(values, name):
            raise InputError(
                "is given beside train.lora, which freezes the encoder by itself",
                key=f"train.args.{name}",
            )
    return {
        "rank": given.lora_rank,
        "alpha": given.lora_alpha,
        "dropout": given.lora_dropout,
        "targets": given.lora_targets,
    }
