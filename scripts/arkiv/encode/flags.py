"""Flags of the programs that run an encoder, and what is made of them."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import TYPE_CHECKING

from arkiv.base.cli import add_words
from arkiv.base.declared import settings_of
from arkiv.base.setting_flags import add_settings, settings_from
from arkiv.encode.options import Options
from arkiv.encode.settings import (
    Batch,
    Cut,
    Length,
    Lengths,
    Reading,
    Running,
    Scoring,
    Weights,
)

if TYPE_CHECKING:
    import numpy as np

    from arkiv.encode.description import Description
    from arkiv.encode.encoder import Encoder
    from arkiv.encode.kind import Kind


def add_model(
    arguments: argparse.ArgumentParser,
    *,
    max_length: Length = Lengths.passage_max_length,
    required: bool = True,
) -> None:
    """Add `--model`, `--max-length` and how the model runs: see `run_options`."""
    arguments.add_argument("--model", required=required, metavar="DIR")
    add_settings(arguments, Cut(max_length))
    add_settings(arguments, Batch)
    arguments.add_argument(
        "--processes",
        type=int,
        metavar="N",
        help="not given: one per GPU; on a CPU one per core if the model is small",
    )
    add_settings(arguments, Running)


def run_options(arguments: argparse.Namespace) -> Options:
    """How the model runs, as far as flags say."""
    known = settings_of(Options)
    given = {name: value for name, value in vars(arguments).items() if name in known}
    return Options(**given)


def encoder_of(arguments: argparse.Namespace, kind: Kind | None = None) -> Encoder:
    """The encoder that `add_model` or `add_embedder` asks for: M3, if no kind is given.

    M3 reads texts as `add_reading` has it.

    Raises:
        InputError: the model directory will not do.
    """
    from arkiv.encode.encoder import Encoder
    from arkiv.encode.m3 import M3

    kind = kind or M3(arguments.model, run_options(arguments), described(arguments))
    asked = [arguments.max_length]
    if hasattr(arguments, "query_max_length"):
        asked.append(arguments.query_max_length)
    return Encoder(kind, longest=max(map(kind.length, asked)))


def add_reading(arguments: argparse.ArgumentParser) -> None:
    """Add how the model to tune reads a text: see `described`."""
    add_settings(arguments, Reading)


def described(arguments: argparse.Namespace) -> Description:
    """How the `model` makes vectors, by its directory and what `add_reading` added.

    Raises:
        InputError: its files are damaged, or it cannot be trained.
    """
    from arkiv.encode.description import Description

    return Description.of(arguments.model, settings_from(arguments, Reading))


def add_embedder(arguments: argparse.ArgumentParser, *, required: bool = True) -> None:
    """Add what the vectors of queries and passages take: see `encoder_of`."""
    add_settings(arguments, Lengths, "query_max_length")
    add_cache(arguments)
    add_model(arguments, required=required)


def add_reranker(arguments: argparse.ArgumentParser) -> None:
    """Add what a reranker's scores take: see `scores_by`."""
    add_settings(arguments, Scoring, "query_max_length")
    add_cache(arguments)
    add_model(arguments, max_length=Scoring.max_length)


def add_weights(arguments: argparse.ArgumentParser) -> None:
    """Add `--weights` of M3's three scores."""
    add_settings(arguments, Weights, metavar=("DENSE", "SPARSE", "MULTI_VECTOR"))


def add_cache(arguments: argparse.ArgumentParser) -> None:
    """Add `--cache`: where computed values are kept for the next job."""
    add_words(
        arguments,
        cache="[DIR] values computed before are taken from here, and new ones kept, "
        "batch by batch: a job that was killed goes on where it was",
    )


def add_weights_kept(arguments: argparse.ArgumentParser) -> None:
    """Add `--keep-weights`: see `also_kept`."""
    arguments.add_argument(
        "--keep-weights",
        action="store_true",
        help="token weights of what is encoded go into the cache from the same pass, "
        "for encode_collection.py",
    )


def also_kept(arguments: argparse.Namespace) -> tuple[str, ...]:
    """What `Encoder.embed` keeps beside dense vectors, as `add_weights_kept` has it."""
    return ("sparse",) if arguments.keep_weights else ()


def scores_by(
    arguments: argparse.Namespace, pairs: Sequence[tuple[str, str]]
) -> np.ndarray:
    """(n,) float64: raw logits of (query, passage) pairs, each distinct one once.

    Args:
        arguments: with what `add_reranker` adds, and the `output`, after which the job
            is named.
        pairs: see `arkiv.encode.cross_encoder`.

    Raises:
        InputError: the model directory will not do, or gives no numbers.
    """
    from arkiv.encode.cross_encoder import CrossEncoder
    from arkiv.encode.encoder import Encoder

    kind = CrossEncoder(arguments.model, run_options(arguments))
    with Encoder(kind, longest=arguments.max_length) as encoder:
        return encoder.scores(
            pairs,
            max_length=arguments.max_length,
            query_max_length=arguments.query_max_length,
            cache=arguments.cache,
            job=arguments.output,
        )
