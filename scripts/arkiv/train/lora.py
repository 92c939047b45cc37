"""Low-rank adapters in the encoder, and its weights with them merged in.

Hu et al. 2021, "LoRA: Low-Rank Adaptation of Large Language Models", by `peft`.
"""

from __future__ import annotations

import torch

from arkiv.base.errors import InputError
from arkiv.train.settings import Lora


def add_adapters(encoder: torch.nn.Module, lora: Lora) -> None:
    """Put an adapter on each layer whose name ends in a target; freeze all else.

    Raises:
        InputError: the encoder has no such layer.
    """
    import peft

    settings = peft.LoraConfig(
        r=lora.rank,
        lora_alpha=lora.alpha,
        lora_dropout=lora.dropout,
        target_modules=list(lora.targets),
        # Which stands behind the CLS vector that M3 takes.
        exclude_modules=["pooler.dense"],
    )
    try:
        peft.inject_adapter_in_model(settings, encoder)
    except ValueError:
        raise InputError(
            f"names {', '.join(lora.targets)}, but the encoder has no such layers to "
            "put adapters on",
            key="train.lora.targets",
        ) from None


def merged_state(encoder: torch.nn.Module) -> dict[str, torch.Tensor]:
    """The encoder's weights under their own names, adapters added to them.

    Those of an encoder without adapters as they are. The encoder is not changed.
    """
    from peft.tuners.lora import LoraLayer

    state = encoder.state_dict()
    for name, layer in encoder.named_modules():
        if isinstance(layer, LoraLayer):
            weight = state[f"{name}.base_layer.weight"]
            change = layer.get_delta_weight("default").detach()
            state[f"{name}.base_layer.weight"] = weight + change.to(weight.dtype)
    return {
        name.replace(".base_layer.", "."): value
        for name, value in state.items()
        if ".lora_" not in name
    }
