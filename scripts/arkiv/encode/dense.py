"""Dense vectors of any encoder: of Hugging Face's or of sentence-transformers.

The encoder is loaded as M3's; what makes a vector of its states (pooling, further
layers) is sentence-transformers' own, from the model's `modules.json`. The tests
compare with `SentenceTransformer.encode`.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from arkiv.base.errors import InputError
from arkiv.encode.description import Own, Side, pooling_unsaid
from arkiv.encode.forward import Inputs, Layers, Values
from arkiv.encode.kind import Kind, token_ids
from arkiv.encode.limits import length_of
from arkiv.encode.loading import first_line, load, load_tokenizer
from arkiv.encode.models import check_model, encoder_directory
from arkiv.encode.options import Options
from arkiv.encode.settings import SIMILARITIES, Length

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedModel

log = logging.getLogger("arkiv.encode.dense")


class Dense(Kind):
    """An encoder of which dense vectors alone are asked.

    Args:
        model_dir: a model of Hugging Face's with a tokenizer, with or without the
            modules of sentence-transformers.
        pooling: of POOLINGS; None: the model's own modules, or what `pooling_unsaid`
            gives without any.
        prompts: put before a query and before a passage; None: the model's own.
        similarity: of SIMILARITIES; None: the model's own, or cosine.

    Raises:
        InputError: the directory lacks something, is damaged, or is of a model that
            makes its vectors in another way.
    """

    gives = frozenset({"dense"})
    bounded = True

    def __init__(
        self,
        model_dir: str | Path,
        options: Options = Options(),  # noqa: B008 - frozen
        *,
        pooling: str | None = None,
        prompts: tuple[str | None, str | None] = (None, None),
        similarity: str | None = None,
    ) -> None:
        path = check_model(model_dir, "dense")
        own = Own.of(path)
        tokenizer, config = load_tokenizer(encoder_directory(path), options)
        if pooling is None and own.modules is None:
            pooling = pooling_unsaid(path)
        layers = partial(load_layers, path, options, pooling)
        super().__init__(path, options, tokenizer, config, layers)
        if config.is_encoder_decoder:
            raise InputError("has a decoder that reads an encoder's states", file=path)
        self.pooling, self.lower_case = pooling, own.lower_case
        self.similarity = similarity or own.similarity or SIMILARITIES[0]
        if self.similarity not in SIMILARITIES:
            raise InputError(
                f"compares by {self.similarity}, expected {' or '.join(SIMILARITIES)}",
                file=path,
            )
        sides: tuple[Side, ...] = "query", "passage"
        self.prompts = {
            side: own.prompt(side) if given is None else given
            for side, given in zip(sides, prompts, strict=True)
        }
        self.longest = own.longest
        modules = load_modules(path, pooling, self.dim)
        if any(self.prompts.values()) and not all(
            getattr(module, "include_prompt", True) for module in modules
        ):
            raise InputError(
                "leaves the prompt out of its pooling, which is not done here; give "
                'empty prompts ("") or a `pooling`',
                file=path,
            )
        *_, self.dim = (
            module.get_embedding_dimension()
            for module in modules
            if hasattr(module, "get_embedding_dimension")
        )
        longest = length_of(None, self.takes)
        log.info(
            "%s: prompts %r and %r, takes %d tokens at most, compared by %s",
            *(path, *self.prompts.values(), longest, self.similarity),
        )

    def prompted(self, text: str, side: Side) -> str:
        return self.prompts[side] + text

    def settings(self, *, max_length: Length) -> dict[str, Any]:
        return {**super().settings(max_length=max_length), "pooling": self.pooling}

    def token_ids(
        self, items: Sequence[tuple[str, ...]], settings: Mapping[str, Any]
    ) -> list[np.ndarray]:
        texts = (text.lower() if self.lower_case else text for (text,) in items)
        return token_ids(self.tokenizer, texts, settings["max_length"])


class DenseLayers(Layers):
    """A dense encoder on one device, and what makes a vector of its states."""

    def __init__(self, model: PreTrainedModel, modules: list[torch.nn.Module]) -> None:
        self.model, self.modules = model, modules

    def output(self, inputs: Inputs) -> torch.Tensor:
        """The vectors, (n, dim), of whatever length the modules give them."""
        import torch

        states = self.model(inputs.ids, attention_mask=inputs.mask).last_hidden_state
        mask = torch.ones_like(inputs.ids) if inputs.mask is None else inputs.mask
        features = {"token_embeddings": states, "attention_mask": mask}
        for module in self.modules:
            features = module(features)
        return features["sentence_embedding"]

    def values(self, output: torch.Tensor, inputs: Inputs) -> Values:
        """(n, dim) float32."""
        return {"dense": output.float().cpu().numpy()}


def load_layers(
    path: Path, options: Options, pooling: str | None, device: str
) -> DenseLayers:
    """The layers of a directory that passed `check_model`, on a device.

    Args:
        pooling: instead of the model's own modules; None: those.

    Raises:
        InputError: the directory is damaged.
    """
    import torch

    model = load(encoder_directory(path), "dense", options, torch.device(device))
    modules = load_modules(path, pooling, model.config.hidden_size)
    return DenseLayers(model, [m.to(model.device, model.dtype).eval() for m in modules])


def load_modules(path: Path, pooling: str | None, dim: int) -> list[torch.nn.Module]:
    """What follows the encoder, in order.

    Raises:
        InputError: a module is damaged.
    """
    from sentence_transformers.sentence_transformer import modules as library

    if pooling is not None:
        return [library.Pooling(dim, pooling_mode=pooling)]
    loaded = []
    for name, folder in Own.of(path).modules or ():
        try:
            # Without settings, its folder is empty and does not come with a repository.
            alone = name == "Normalize"
            kind = getattr(library, name)
            loaded.append(kind() if alone else kind.load(str(folder)))
        except Exception as error:  # each file format has its own
            reason = f"cannot be loaded ({first_line(error)})"
            raise InputError(reason, file=folder) from None
    return loaded
