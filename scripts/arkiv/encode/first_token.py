"""The last layer of an encoder for the first token alone.

A dense vector of M3 and a score of a cross-encoder are made from the first token of the
last layer. There the other tokens need keys and values, but no queries, no attention of
their own and no feed-forward network: most of a layer, of 24 in BGE-M3, and half of the
work of a model of two. The result is the same up to rounding.
"""

from __future__ import annotations

import torch
from transformers import PreTrainedModel
from transformers.models.xlm_roberta.modeling_xlm_roberta import XLMRobertaLayer


class FirstTokenLayer(torch.nn.Module):
    """An encoder layer that gives the states of the first token, (n, 1, hidden)."""

    def __init__(self, layer: XLMRobertaLayer) -> None:
        super().__init__()
        self.layer = layer

    def forward(
        self,
        hidden_states: torch.Tensor,
        attention_mask: torch.Tensor | None = None,
        *args: object,
        **kwargs: object,
    ) -> torch.Tensor:
        """As the layer's own, from (n, length, hidden) and (n, 1, length, length)."""
        attention = self.layer.attention
        of_self = attention.self
        first = hidden_states[:, :1]

        def by_head(states: torch.Tensor) -> torch.Tensor:
            heads = (*states.shape[:2], -1, of_self.attention_head_size)
            return states.view(heads).transpose(1, 2)

        found = torch.nn.functional.scaled_dot_product_attention(
            by_head(of_self.query(first)),
            by_head(of_self.key(hidden_states)),
            by_head(of_self.value(hidden_states)),
            attn_mask=None if attention_mask is None else attention_mask[:, :, :1],
            scale=of_self.scaling,
        )
        joined = found.transpose(1, 2).flatten(2)
        return self.layer.feed_forward_chunk(attention.output(joined, first))


class LastLayer:
    """The last layer of a model's encoder, which may be for the first token alone.

    Args:
        model: of whatever kind; one that is no XLM-RoBERTa with torch's own attention
            stays as it is, wherever its layers lie.
    """

    def __init__(self, model: PreTrainedModel) -> None:
        self._layers = getattr(getattr(model.base_model, "encoder", None), "layer", [])
        whole = self._layers[-1] if len(self._layers) else None
        self._choices = {False: whole, True: whole}
        if (
            isinstance(whole, XLMRobertaLayer)
            and not whole.is_decoder
            and model.config._attn_implementation == "sdpa"
        ):
            self._choices[True] = FirstTokenLayer(whole)
        self._alone = False

    def take(self, *, first_token_alone: bool) -> None:
        """Have the model compute the first token's last states alone, or all."""
        if len(self._layers) and first_token_alone != self._alone:
            self._layers[-1] = self._choices[first_token_alone]
            self._alone = first_token_alone
