"""New heads, as BGE-M3 has them, for an encoder that comes without.

Chen et al. 2024, "M3-Embedding", section 3.2, has the layers; where they begin it does
not say.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

import torch
from torch.nn import Linear
from torch.nn.utils import skip_init

# A token's first weight. Of two texts it makes 0.01 a token that they share: less than
# a difference of dense scores that tells something.
WEIGHT = 0.1


def counting(dim: int, generator: torch.Generator) -> dict[str, Linear]:
    """Heads that begin with what the encoder knows, whatever its states are.

    The vector of a token is its last state, and each token weighs as much as any other,
    so that sparse scores count the tokens that texts share. No weight begins at 0 or
    below, where the ReLU would let no gradient through.
    """
    heads = blank(dim)
    with torch.no_grad():
        torch.nn.init.eye_(heads["colbert_linear"].weight)
        heads["sparse_linear"].bias.fill_(WEIGHT)
    return heads


def random(dim: int, generator: torch.Generator) -> dict[str, Linear]:
    """Heads as torch makes linear layers, with which FlagEmbedding begins."""
    heads = blank(dim)
    bound = dim**-0.5
    with torch.no_grad():
        for head in heads.values():
            for values in head.parameters():
                values.uniform_(-bound, bound, generator=generator)
    return heads


def blank(dim: int) -> dict[str, Linear]:
    """Both heads of an encoder of so many dimensions, all 0."""
    # Without torch's own first values, which would be drawn from its generator.
    linear = partial(skip_init, Linear, dim)
    heads = {"colbert_linear": linear(dim), "sparse_linear": linear(1)}
    for head in heads.values():
        for values in head.parameters():
            torch.nn.init.zeros_(values)
    return heads


# How heads may begin; the first is what training takes.
BEGINNINGS: Mapping[str, Callable[[int, torch.Generator], dict[str, Linear]]] = {
    "counting": counting,
    "random": random,
}


def new_heads(
    dim: int, seed: int, beginning: str = next(iter(BEGINNINGS))
) -> dict[str, Linear]:
    """`colbert_linear` and `sparse_linear` of an encoder of so many dimensions.

    In float32, and the same for the same seed; torch's own generator is not touched.
    """
    return BEGINNINGS[beginning](dim, torch.Generator().manual_seed(seed))
