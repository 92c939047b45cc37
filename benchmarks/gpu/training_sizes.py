"""A training step at BGE-M3's shape, ours and FlagEmbedding's own.

The models of benchmarks.train_step with random weights, in bfloat16 with gradient
checkpointing and all losses of M3: unified, self-distillation, the teacher's scores.
"""

from __future__ import annotations

import gc
import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING

from benchmarks import train_step
from benchmarks.gpu.part import Found, Given
from benchmarks.gpu.timing import seconds_of
from benchmarks.training import NAMES, TOLERANCE

if TYPE_CHECKING:
    import torch

POSITIONS, QUERY = train_step.POSITIONS - 2, 256
# Of a loss in bfloat16, whose products have 8 bits, relative; and of a gradient, as
# the share of its length.
HALF_TOLERANCE = 0.02
GRADIENTS = {"float32": 1e-4, "bfloat16": 0.05}
COMPARED = 256
SPEEDS = (512, 1024)
GRAIN = 512
# GiB of a card on which much is trained today; seconds for each search.
CARD, SEARCH = 24.0, 15.0


class Trained:
    """A model in training on a device, with its optimizer.

    Args:
        kind: of train_step.KINDS.
        given: on what, and whether small.
    """

    def __init__(self, kind: str, given: Given, **shape: object) -> None:
        import torch

        self.given = given
        large = train_step.BGE_M3 | shape
        vocabulary = 2000 if given.small else None
        with torch.device(given.device):
            self.model = train_step.build(
                kind, train_step.TINY if given.small else large, vocabulary
            )
        self.model.gradient_checkpointing_enable()
        fused = given.device == "cuda"
        self.optimizer = torch.optim.AdamW(
            self.model.parameters(), lr=1e-6, fused=fused
        )
        self.loss = math.nan

    def step(self, length: int, queries: int) -> None:
        """One step by passages of `length` tokens."""
        self.loss = train_step.step(
            self.model,
            length,
            query_length=min(length, QUERY),
            queries=queries,
            bf16=True,
        )
        self.optimizer.step()
        self.optimizer.zero_grad()


@contextmanager
def trained(kind: str, given: Given, **shape: object) -> Iterator[Trained]:
    """A model in training, whose memory is free again afterwards."""
    import torch

    one = Trained(kind, given, **shape)
    yield one
    del one.model, one.optimizer
    gc.collect()
    if given.device == "cuda":
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()


def tokens(length: int, queries: int) -> int:
    """Tokens of a step."""
    return queries * (min(length, QUERY) + train_step.GROUP * length)


def peak_gb(given: Given) -> float:
    """The most memory held, in 10^9 bytes: by tensors on a GPU, else by the process."""
    import torch

    if given.device == "cuda":
        return torch.cuda.max_memory_allocated() / 1e9
    return train_step.peak_mb() / 1e3


def large(given: Given, found: Found) -> None:
    """The method's batch at the longest passages: 2 queries, 8 passages each."""
    length, queries = 64 if given.small else POSITIONS, train_step.QUERIES
    with trained("arkiv", given) as one:
        work = partial(one.step, length, queries)
        seconds = seconds_of(work, given.device, warm_up=1, runs=2)
        found.check("the loss is finite", math.isfinite(one.loss), at_least=1)
        of = f"{queries} x {train_step.GROUP} passages of {length:,} tokens"
        found.measure(f"a step of {of}", seconds, "s")
        found.measure(f"{of}: memory", peak_gb(given), "GB")
        found.measure(f"{of}: speed", tokens(length, queries) / seconds, "tokens/s")


def one_gradient(kind: str, given: Given, *, bf16: bool) -> tuple[float, torch.Tensor]:
    """The loss of a batch that is the same for every kind, and a gradient of it."""
    import torch

    with trained(kind, given, **train_step.NO_DROPOUT) as one:
        torch.manual_seed(1)
        length = 16 if given.small else COMPARED
        loss = train_step.step(one.model, length, query_length=length // 2, bf16=bf16)
        return loss, one.model.colbert_linear.weight.grad.double().cpu()


def loss(given: Given, found: Found) -> None:
    """Our loss is FlagEmbedding's, and so is what the multi-vector head learns."""
    for precision, most in (("float32", TOLERANCE), ("bfloat16", HALF_TOLERANCE)):
        bf16 = precision == "bfloat16"
        (ours, own), (theirs, other) = (
            one_gradient(kind, given, bf16=bf16) for kind in NAMES
        )
        found.check(
            f"loss {ours:.5f} and FlagEmbedding's, {precision}: relative difference",
            abs(ours / theirs - 1),
            at_most=most,
        )
        found.check(
            f"a gradient and FlagEmbedding's, {precision}: relative difference",
            ((own - other).norm() / other.norm()).item(),
            at_most=GRADIENTS[precision],
        )


def training_speed(given: Given, found: Found) -> None:
    """Tokens a second and memory of the same batches, ours and FlagEmbedding's."""
    for length in (32,) if given.small else SPEEDS:
        speeds = {}
        for kind, name in NAMES.items():
            with trained(kind, given) as one:
                work = partial(one.step, length, train_step.QUERIES)
                seconds = seconds_of(work, given.device, warm_up=1, runs=3)
                of = f"{name}, passages of {length:,} tokens"
                speeds[kind] = tokens(length, train_step.QUERIES) / seconds
                found.measure(f"{of}: training", speeds[kind], "tokens/s")
                found.measure(f"{of}: memory", peak_gb(given), "GB")
        ours, theirs = speeds.values()
        found.measure(
            f"of {length:,} tokens: speed over FlagEmbedding's",
            ours / theirs,
            "",
            at_least=1,
        )


def longest(given: Given, found: Found) -> None:
    """The longest passages of one query's group that train, on the card and on less."""
    most, grain = (64, 16) if given.small else (POSITIONS, GRAIN)
    for memory in (None, CARD) if given.device == "cuda" else (None,):
        if memory is not None:
            train_step.limit_memory(memory)
        for kind, name in NAMES.items():
            with trained(kind, given) as one:
                one.step(grain, 1)  # what the optimizer keeps is there from now on
                until = time.monotonic() + SEARCH
                length = train_step.longest(fits(one), grain, most, until)
            of = f"{name}: passages of at most {most:,} tokens that train"
            within = "on the card" if memory is None else f"in {memory:g} GiB"
            cut = ", where time was up" if time.monotonic() > until else ""
            found.measure(f"{of} {within}{cut}", length, "tokens")


def fits(one: Trained) -> Callable[[int], bool]:
    """Whether a step of one query's passages of a length fits."""

    def tried(length: int) -> bool:
        return train_step.in_memory(lambda: one.step(length, 1))

    return tried
