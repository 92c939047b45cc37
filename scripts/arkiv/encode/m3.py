"""BGE-M3: dense, sparse and multi-vector, as FlagEmbedding's inference does.

Or any other body, with heads as BGE-M3 has them or, for dense vectors alone, without.

Source: FlagEmbedding/inference/embedder/encoder_only/m3.py and
finetune/embedder/encoder_only/m3/modeling.py; Chen et al. 2024, "M3-Embedding",
section 3.2. The tests compare with `BGEM3FlagModel`.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from arkiv.base.errors import InputError
from arkiv.encode.description import Description, Side
from arkiv.encode.forward import Inputs, Layers, Values
from arkiv.encode.kind import Kind
from arkiv.encode.loading import check_positions, load, load_tokenizer, padding
from arkiv.encode.models import HEADS, check_model, has_heads
from arkiv.encode.options import Options
from arkiv.encode.settings import Length

if TYPE_CHECKING:
    import torch
    from torch.nn import Linear
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

    # Of multi-vector and of sparse search.
    Heads = tuple[Linear, Linear]


class M3(Kind):
    """BGE-M3, of a directory or loaded already.

    Args:
        path: encoder and tokenizer; `colbert_linear.pt` and `sparse_linear.pt`, without
            which it gives dense vectors alone.
        description: how dense vectors are made; None: as the directory says.
        loaded: of a model in memory, such as one in training: its tokenizer, its
            encoder in evaluation mode, its multi-vector and its sparse head if it has
            them; then the path is what it is called in messages.

    Raises:
        InputError: the directory lacks something or is damaged.
    """

    def __init__(
        self,
        path: str | Path,
        options: Options = Options(),  # noqa: B008 - frozen
        description: Description | None = None,
        *,
        loaded: tuple[PreTrainedTokenizerBase, PreTrainedModel, Heads | None]
        | None = None,
    ) -> None:
        path = Path(path)
        if loaded is None:
            check_model(path, "m3")
        self.description = description or Description.of(path)
        pooling = self.description.pooling
        if loaded is None:
            tokenizer, config = load_tokenizer(path, options)
            padding(tokenizer, path)
            check_positions(path)
            special = special_ids(tokenizer)
            headed = has_heads(path)
            layers = partial(load_layers, path, options, special, pooling)
        else:
            tokenizer, model, heads = loaded
            config, headed = model.config, heads is not None
            special = special_ids(tokenizer)
            there = M3Layers(special, model, heads, pooling=pooling, whole=True)

            def layers(device: str) -> M3Layers:
                return there

        self.gives = frozenset(
            {"dense", "sparse", "multi_vector"} if headed else {"dense"}
        )
        super().__init__(path, options, tokenizer, config, layers)
        self.longest = self.description.longest

    def prompted(self, text: str, side: Side) -> str:
        return self.description.prompt(side) + text

    def settings(self, *, max_length: Length) -> dict[str, Any]:
        given = super().settings(max_length=max_length)
        pooling = self.description.pooling
        # What was kept when all were pooled by CLS is still of use.
        if pooling == Description.pooling:
            return given
        # Not `pooling`: `Dense`, told to pool so, leaves vectors as long as they are.
        return {**given, "normalised_after": pooling}


def special_ids(tokenizer: PreTrainedTokenizerBase) -> list[int]:
    """What is left out of lexical weights; the mask token stays.

    As FlagEmbedding does, of XLM-RoBERTa: its tokens for begin and end are also those
    for class and separation, which other bodies have by these names alone.
    """
    names = ("cls", "bos", "eos", "sep", "pad", "unk")
    known = {getattr(tokenizer, f"{name}_token_id", None) for name in names}
    return sorted(known - {None})


class M3Layers(Layers):
    """BGE-M3 on one device.

    Args:
        special: ids of tokens without lexical weights.
        model: the encoder, in evaluation mode.
        heads: on the same device; None: dense vectors alone are asked.
        pooling: of the last hidden states into a dense vector, as a `Description` has
            it.
        whole: leave the last layer as it is, which others use too.
    """

    def __init__(
        self,
        special: Sequence[int],
        model: PreTrainedModel,
        heads: Heads | None,
        *,
        pooling: str = Description.pooling,
        whole: bool = False,
    ) -> None:
        import torch

        from arkiv.encode.first_token import LastLayer

        self.special = torch.tensor(special, device=model.device)
        self.model, self.last_layer = model, LastLayer(model)
        if heads is not None:
            self.multi_vector_head, self.sparse_head = heads
        self.pooling, self._whole = pooling, whole

    def output(self, inputs: Inputs) -> torch.Tensor:
        """The last hidden states, (n, length, dim), or the first token's alone."""
        alone = inputs.asked == {"dense"} and self.pooling == "cls" and not self._whole
        self.last_layer.take(first_token_alone=alone)
        return self.model(inputs.ids, attention_mask=inputs.mask).last_hidden_state

    def values(self, output: torch.Tensor, inputs: Inputs) -> Values:
        """Dense (n, dim) float32, and lists of n for the others."""
        found: dict[str, Sequence] = {}
        if "dense" in inputs.asked:
            found["dense"] = _numpy(_normalised(self._pooled(output, inputs)))
        if "sparse" in inputs.asked:
            found["sparse"] = self._lexical(output, inputs.ids)
        if "multi_vector" in inputs.asked:
            vectors = _numpy(_normalised(self.multi_vector_head(output[:, 1:])))
            found["multi_vector"] = [
                row[: length - 1].copy()
                for row, length in zip(vectors, inputs.lengths, strict=True)
            ]
        return found

    def _pooled(self, hidden: torch.Tensor, inputs: Inputs) -> torch.Tensor:
        """(n, length, dim) to (n, dim), as FlagEmbedding does in training."""
        import torch

        if self.pooling == "cls":
            return hidden[:, 0]
        lengths = torch.tensor(inputs.lengths, device=hidden.device)
        if self.pooling == "last":
            return hidden[torch.arange(len(hidden), device=hidden.device), lengths - 1]
        hidden = hidden.float()
        if inputs.mask is not None:
            hidden = hidden * inputs.mask.unsqueeze(-1)
        return hidden.sum(dim=1) / lengths.unsqueeze(-1)

    def _lexical(
        self, hidden: torch.Tensor, padded: torch.Tensor
    ) -> list[tuple[np.ndarray, np.ndarray]]:
        """The tokens of each text, and their greatest weights."""
        import torch

        scores = torch.relu(self.sparse_head(hidden)).squeeze(-1).float()
        scores = scores.masked_fill(torch.isin(padded, self.special), 0.0)
        weights = []
        for ids, row in zip(padded.cpu().numpy(), scores.cpu().numpy(), strict=True):
            kept = row > 0
            token, place = np.unique(ids[kept], return_inverse=True)
            greatest = np.zeros(len(token), np.float32)
            np.maximum.at(greatest, place, row[kept])
            weights.append((token.astype(np.int32), greatest))
        return weights


def load_layers(
    path: Path, options: Options, special: Sequence[int], pooling: str, device: str
) -> M3Layers:
    """The layers of a directory that passed `check_model`, on a device.

    Raises:
        InputError: a file is damaged.
    """
    import torch

    model = load(path, "m3", options, torch.device(device))
    heads = None
    if has_heads(path):
        loaded = (load_head(path, name, model.config.hidden_size) for name in HEADS)
        heads = tuple(head.to(model.device, model.dtype) for head in loaded)
    return M3Layers(special, model, heads, pooling=pooling)


def load_head(path: Path, name: str, dim: int) -> Linear:
    """A head, one of HEADS, of a model directory whose encoder gives `dim`, in float32.

    Raises:
        InputError: naming the file, if it is no such layer.
    """
    import torch

    try:
        state = torch.load(path / name, map_location="cpu", weights_only=True)
        rows, columns = state["weight"].shape
        head = torch.nn.Linear(columns, rows)
        head.load_state_dict(state)
    except Exception as error:  # whatever unpickling a foreign file may raise
        reason = f"is not the state of a linear layer ({type(error).__name__})"
        raise InputError(reason, file=path / name) from None
    if columns != dim:
        reason = f"takes {columns} dimensions, but the model gives {dim}"
        raise InputError(reason, file=path / name)
    return head


def _numpy(values: torch.Tensor) -> np.ndarray:
    return values.float().cpu().numpy()


def _normalised(vectors: torch.Tensor) -> torch.Tensor:
    import torch

    return torch.nn.functional.normalize(vectors.float(), dim=-1)
