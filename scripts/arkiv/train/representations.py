"""Representations of a batch made a few texts at a time, and shared by all processes.

The losses compare each query with every passage of a batch. What that takes of a text
are its vectors alone: its encoding need not be kept, nor be done in this process.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
import torch.distributed as dist
import torch.nn.functional as F
from torch.autograd.function import once_differentiable
from torch.utils.checkpoint import checkpoint

Texts = Mapping[str, torch.Tensor]
# Dense (n, dim), sparse (n, vocabulary) and multi-vector (n, tokens, dim); the latter
# two are None where the heads are not trained.
Vectors = tuple[torch.Tensor, torch.Tensor | None, torch.Tensor | None]


def in_parts(texts: Texts | Sequence[Texts], size: int | None) -> Sequence[Texts]:
    """Texts as the collator gives them, in parts of `size` texts if one is given.

    With `sub_batch_size` FlagEmbedding's collator makes a list of parts, each padded
    to its own longest text.
    """
    if not isinstance(texts, Mapping):
        return texts
    if size is None or size <= 0:
        return [texts]
    rows = range(0, len(texts["input_ids"]), size)
    return [{k: v[row : row + size] for k, v in texts.items()} for row in rows]


def padded(tokens: torch.Tensor, length: int) -> torch.Tensor:
    """(n, tokens, ...) with zeros behind up to `length` tokens, as padding is 0."""
    missing = length - tokens.shape[1]
    return F.pad(tokens, (*(0, 0) * (tokens.ndim - 2), 0, missing))


def encoded_in_parts(
    encode: Callable[[Texts], Vectors], parts: Sequence[Texts]
) -> Vectors:
    """The vectors of all parts, of which one at a time is in memory with its encoding.

    In training each part is encoded again for its gradient, with the same random
    numbers; what is kept are its vectors. The gradients are those of the batch in one,
    as by Gao et al. 2021, "Scaling Deep Contrastive Learning Batch Size under Memory
    Limited Setup", but within one backward pass, so that DDP sees each gradient once.
    """
    if len(parts) == 1:
        return encode(parts[0])
    made = [checkpoint(encode, part, use_reentrant=False) for part in parts]
    dense, sparse, tokens = zip(*made, strict=True)
    if tokens[0] is None:
        return torch.cat(dense), None, None
    longest = max(each.shape[1] for each in tokens)
    tokens = [padded(each, longest) for each in tokens]
    return torch.cat(dense), torch.cat(sparse), torch.cat(tokens)


def _own(rows: torch.Tensor) -> torch.Tensor:
    """Of the rows of all processes those of this one."""
    return rows.chunk(dist.get_world_size())[dist.get_rank()]


class _Joined(torch.autograd.Function):
    """Joins what the processes have; each has as many rows.

    The gradient of its own rows, times a weight, is what each has of it.
    """

    @staticmethod
    def forward(ctx, own: torch.Tensor, weight: int) -> torch.Tensor:
        ctx.weight = weight
        own = own.contiguous()
        every = [torch.empty_like(own) for _ in range(dist.get_world_size())]
        dist.all_gather(every, own)
        return torch.cat(every)

    @staticmethod
    @once_differentiable
    def backward(ctx, gradient: torch.Tensor) -> tuple[torch.Tensor, None]:
        return _own(gradient) * ctx.weight, None


class _SummedGradient(torch.autograd.Function):
    """What all processes have alike, each of which uses it for rows of its own."""

    @staticmethod
    def forward(ctx, shared: torch.Tensor) -> torch.Tensor:
        return shared.view_as(shared)

    @staticmethod
    @once_differentiable
    def backward(ctx, gradient: torch.Tensor) -> torch.Tensor:
        whole = gradient.clone(memory_format=torch.contiguous_format)
        dist.all_reduce(whole)
        return whole


def by_own_rows(
    score: Callable[[torch.Tensor, torch.Tensor], torch.Tensor],
    rows: torch.Tensor,
    shared: torch.Tensor,
) -> torch.Tensor:
    """`score(rows, shared)`, of which each process makes the rows that are its own.

    It makes of (n, ...) rows and what is shared, both of `of_all_processes`, (n, m).
    """
    # What the scores were made of makes their gradient whole: it is not weighed here.
    return _Joined.apply(score(_own(rows), _SummedGradient.apply(shared)), 1)


def gathered(value: Any) -> list[Any]:
    """The value that each process has, in the order of their ranks."""
    if not dist.is_initialized():
        return [value]
    values: list[Any] = [None] * dist.get_world_size()
    dist.all_gather_object(values, value)
    return values


def of_all_processes(own: torch.Tensor, *, tokens: bool = False) -> torch.Tensor:
    """The rows of all processes, in the order of their ranks.

    Args:
        own: (n, ...), n the same in every process.
        tokens: the second dimension is tokens, of which processes may have more or
            fewer; they are padded to the most.
    """
    if tokens:
        length = torch.tensor(own.shape[1], device=own.device)
        dist.all_reduce(length, dist.ReduceOp.MAX)
        own = padded(own, int(length))
    # All compute the same loss of all rows, so the gradient of its own rows is whole in
    # each, and DDP's mean over processes would divide it by their number.
    return _Joined.apply(own, dist.get_world_size())
