"""Batches and memory: the budget that a device measures, batches that do not fit."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from unittest import mock

import numpy as np

from arkiv.encode.encoder import Encoder
from arkiv.encode.forward import MOST_TOKENS, Batch, Inputs
from arkiv.encode.m3 import M3, M3Layers
from arkiv.encode.options import Options
from arkiv.encode.workers import size_of
from benchmarks.gpu import models
from benchmarks.gpu.encoding import (
    MAX_LENGTH,
    REPRESENTATIONS,
    check_cosines,
    encode_all,
)
from benchmarks.gpu.part import Found, Given
from benchmarks.gpu.precision import PRECISION
from benchmarks.gpu.texts import mixed

# Free memory beside the model, in which no batch of MOST_TOKENS fits.
LITTLE = 1 << 30
# Tokens of the largest batch that fits, at small sizes.
SIMULATED = 4096
ABSURD = 1 << 30
TOKEN = 10


@contextmanager
def crowded(given: Given, left: int) -> Iterator[None]:
    """Hold all of a GPU's free memory but so many bytes; nothing at small sizes."""
    held = None
    if not given.small:
        import torch

        gc.collect()
        torch.cuda.empty_cache()
        free, _ = torch.cuda.mem_get_info()
        held = torch.empty(max(0, free - left), dtype=torch.uint8, device="cuda")
    yield
    del held


@contextmanager
def watched(fits: int | None = None) -> Iterator[list[int]]:
    """Yield a list that gets the padded tokens of each batch given to M3's layers.

    Args:
        fits: tokens of the largest batch that is computed; a larger one is refused as a
            GPU refuses it. None: the device decides.
    """
    import torch

    seen: list[int] = []
    own = M3Layers.output

    def output(layers: M3Layers, inputs: Inputs) -> torch.Tensor:
        seen.append(inputs.ids.numel())
        if fits is not None and seen[-1] > fits:
            raise torch.OutOfMemoryError("simulated")
        return own(layers, inputs)

    with mock.patch.object(M3Layers, "output", output):
        yield seen


def batch_of(lengths: list[int]) -> Batch:
    """A batch of texts of so many tokens, of which all that M3 gives is asked."""
    ids = [np.full(length, TOKEN, np.int32) for length in lengths]
    return Batch(ids, frozenset(REPRESENTATIONS))


def check_budget(found: Found, what: str, encoder: Encoder, longest: int) -> None:
    """Check that batches of an encoder's budget are computed whole, long and short."""
    budget = encoder.workers.budget
    found.check(
        f"{what}: budget in tokens", budget, at_least=longest, at_most=MOST_TOKENS
    )
    for length in sorted({longest, 512, 64}):
        rows = max(1, budget // length)
        with watched() as seen:
            list(encoder.workers.map([(0, batch_of([length] * rows))]))
        said = f"{what}: {rows} texts of {length} tokens, batches that they take"
        found.check(said, len(seen), at_most=1)


def budgets(given: Given, found: Found) -> None:
    """The budget that the device measures, with all of its memory and with little."""
    path = models.embedder(given)
    longest = 512 if given.small else models.LONGEST
    with Encoder(M3(path), longest=longest) as encoder:
        check_budget(found, "all memory", encoder, longest)
        # One text is shorter, so that attention is masked.
        rows = max(2, encoder.workers.budget // longest)
        with watched() as seen:
            batch = batch_of([longest] * (rows - 1) + [longest // 2])
            list(encoder.workers.map([(0, batch)]))
        said = f"all memory: {rows} texts of unlike lengths, batches that they take"
        found.check(said, len(seen), at_most=1)
    if not given.small:
        with (
            crowded(given, size_of(path) + LITTLE),
            Encoder(M3(path), longest=longest) as encoder,
        ):
            check_budget(found, "1 GB beside the model", encoder, longest)


def halving(given: Given, found: Found) -> None:
    """A batch that does not fit is halved until it does, with the same vectors."""
    path, texts = models.embedder(given), mixed(16 if given.small else 256)
    kind = M3(path, Options(batch_tokens=1))
    with Encoder(kind, longest=MAX_LENGTH) as encoder:
        singly = encode_all(encoder, texts)
    kind = M3(path, Options(batch_tokens=ABSURD))
    fits = SIMULATED if given.small else None
    with (
        crowded(given, size_of(path) + LITTLE),
        watched(fits) as seen,
        Encoder(kind, longest=MAX_LENGTH) as encoder,
    ):
        halved = encode_all(encoder, texts)
    found.check("batches tried for want of memory", len(seen), at_least=3)
    found.measure("tokens of the batch that did not fit", max(seen), "tokens")
    what = "halved against each text by itself"
    check_cosines(found, what, halved, singly, PRECISION[given.device], layers_of(path))


def layers_of(path: Path) -> int:
    """The layers of a model."""
    return M3(path).config.num_hidden_layers
