"""A model on one device, from batches of token ids to values."""

from __future__ import annotations

import logging
import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

import numpy as np

from arkiv.base.errors import InputError

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedModel

log = logging.getLogger("arkiv.encode.forward")

# Tokens of a padded batch. On a CPU the batch that stays in the core's cache is the
# fastest; a GPU is busy well below what its memory holds.
CPU_TOKENS = 2048
MOST_TOKENS = 1 << 16
# Of the free memory; kernels and fragments take the rest.
USED_SHARE = 0.7
SHORT = 64


class Batch(NamedTuple):
    """Inputs to compute together, and what is asked of them."""

    ids: list[np.ndarray]
    """Token ids of each, special ones included."""
    asked: frozenset[str]
    """Of what the kind of encoder gives."""


class Inputs(NamedTuple):
    """A padded batch, as a model takes it."""

    ids: torch.Tensor
    """(n, longest) int64"""
    mask: torch.Tensor | None
    """Likewise, 0 where padded; None where nothing is: attention then takes its fast
    kernels."""
    lengths: list[int]
    """Tokens of each input."""
    asked: frozenset[str]


# What was asked, of each input of a batch.
Values = Mapping[str, Sequence[Any]]


class Layers(ABC):
    """What of a model computes, on one device and in evaluation mode."""

    what: ClassVar[str] = "values"
    model: PreTrainedModel

    @abstractmethod
    def output(self, inputs: Inputs) -> torch.Tensor:
        """What the model gives for a batch, (n, …)."""

    @abstractmethod
    def values(self, output: torch.Tensor, inputs: Inputs) -> Values:
        """What was asked, made of the model's output."""


class Forward:
    """A model on one device: from token ids to values (see `arkiv.encode.workers`).

    Args:
        path: what the model is called in messages.
        layers: gives its layers on a device.
        pad: the id of the padding token.
        longest: tokens of the longest input that will come.
        budget: tokens of a padded batch; None: as many as the device takes.

    Raises:
        InputError: the model is damaged, or the device takes no such input.
    """

    def __init__(
        self,
        path: Path,
        layers: Callable[[str], Layers],
        pad: int,
        longest: int,
        budget: int | None,
        device: str,
    ) -> None:
        self.path, self.pad = path, pad
        self.layers = layers(device)
        self.model = self.layers.model
        self.budget = budget or self._token_budget(longest)

    def _token_budget(self, longest: int) -> int:
        """Tokens of a padded batch that the device takes, measured once."""
        import torch

        on = self.model.device
        if on.type != "cuda":
            return CPU_TOKENS
        per_token = 0.0  # bytes
        # Attention's share grows with the length, that of the rest does not.
        for rows, length in (
            (1, longest),
            (max(1, longest // SHORT), min(SHORT, longest)),
        ):
            torch.cuda.reset_peak_memory_stats(on)
            before = torch.cuda.memory_allocated(on)
            try:
                self._values(Batch([np.zeros(length, np.int32)] * rows, frozenset()))
            except torch.OutOfMemoryError:
                reason = f"is {longest}, but the GPU has no memory for such a text"
                raise InputError(f"{reason}; lower it", key="max_length") from None
            peak = torch.cuda.max_memory_allocated(on) - before
            per_token = max(per_token, peak / (rows * length))
        torch.cuda.empty_cache()
        free, _ = torch.cuda.mem_get_info(on)
        # A power of two: the same for every GPU of a kind, whatever else it holds.
        fits = 1 << max(0, int(math.log2(max(1.0, USED_SHARE * free / per_token))))
        budget = max(longest, min(fits, MOST_TOKENS))
        log.info("%s: batches of up to %d tokens", on, budget)
        return budget

    def __call__(self, batch: Batch) -> Values:
        """The values of a batch; in halves where the GPU has no memory for the whole.

        Only that error is taken for want of memory.

        Raises:
            InputError: the model gives NaN or infinite values, or a single text does
                not fit.
        """
        import torch

        try:
            return self._values(batch)
        except torch.OutOfMemoryError:
            if len(batch.ids) == 1:
                raise InputError(
                    f"a text of {len(batch.ids[0])} tokens does not fit into the GPU's "
                    "memory; lower the length",
                    key="max_length",
                ) from None
        torch.cuda.empty_cache()
        half = len(batch.ids) // 2
        one = self(batch._replace(ids=batch.ids[:half]))
        other = self(batch._replace(ids=batch.ids[half:]))
        return {name: [*one[name], *other[name]] for name in one}

    def _values(self, batch: Batch) -> Values:
        import torch

        with torch.inference_mode():
            inputs = padded(batch, self.pad, self.model.device)
            output = self.layers.output(inputs)
            if not torch.isfinite(output).all():
                raise InputError(
                    f"the model gives NaN or infinite {self.layers.what} in "
                    f"{self.model.dtype}",
                    file=self.path,
                )
            return self.layers.values(output, inputs)


def padded(batch: Batch, pad: int, on: torch.device) -> Inputs:
    """The token ids of a batch on a device, padded to the longest."""
    import torch

    lengths = [len(row) for row in batch.ids]
    table = np.full((len(lengths), max(lengths)), pad, np.int64)
    for row, values in zip(table, batch.ids, strict=True):
        row[: len(values)] = values
    mask = None
    if min(lengths) < max(lengths):
        places = np.arange(table.shape[1]) < np.array(lengths)[:, None]
        mask = torch.from_numpy(places.astype(np.int64)).to(on)
    return Inputs(torch.from_numpy(table).to(on), mask, lengths, batch.asked)
