"""The teacher: a cross-encoder that scores query-passage pairs.

Source: FlagEmbedding/inference/reranker/encoder_only/base.py, whose `compute_score` the
tests compare with. Unlike there, a query that fills `max_length` does not raise: it is
cut so that the special tokens and at least one passage token fit. And the token ids go
into the model as they are, as with transformers 4: under transformers 5 FlagEmbedding
turns them into text and tokenises that anew, which differs where a text holds unknown
characters or was truncated inside a word.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from arkiv.base.errors import InputError
from arkiv.encode.batches import distinct
from arkiv.encode.forward import Inputs, Layers, Values
from arkiv.encode.kind import Kind, token_ids
from arkiv.encode.limits import length_of, own_limit
from arkiv.encode.loading import load, load_tokenizer
from arkiv.encode.models import check_model
from arkiv.encode.options import Options
from arkiv.encode.settings import Length

if TYPE_CHECKING:
    import torch
    from transformers import PretrainedConfig, PreTrainedTokenizerBase


class CrossEncoder(Kind):
    """A cross-encoder with one label.

    Raises:
        InputError: the directory lacks something or is damaged, or the model has
            several labels.
    """

    gives = frozenset({"cross_encoder"})

    def __init__(
        self,
        model_dir: str | Path,
        options: Options = Options(),  # noqa: B008 - frozen
    ) -> None:
        path = check_model(model_dir, "cross_encoder")
        tokenizer, config = load_tokenizer(path, options)
        ends = end_of_query(tokenizer, config)
        layers = partial(CrossEncoderLayers, path, options, ends)
        super().__init__(path, options, tokenizer, config, layers)
        self.longest, self.typed = own_limit(path), ends is not None
        if self.config.num_labels != 1:
            raise InputError(
                f"the model has {self.config.num_labels} labels, expected a reranker "
                "with one",
                file=path,
            )
        # `<s> A </s></s> B </s>`: what stands before, between and after.
        letter = len(self.tokenizer("a", add_special_tokens=False)["input_ids"])
        pair = self.tokenizer("a", "a")["input_ids"]
        self.before, self.after = pair[:1], pair[-1:]
        self.between = pair[1 + letter : -1 - letter]
        self.special = len(pair) - 2 * letter
        self.least = self.special + 2

    def settings(
        self, *, max_length: Length, query_max_length: Length
    ) -> dict[str, Any]:
        room = self.length(max_length) - self.special
        query = min(length_of(query_max_length, self.takes), room - 1)
        given = {"room": room, "query_max_length": query}
        # What was kept of bodies without types is still of use.
        return {**given, "typed": True} if self.typed else given

    def token_ids(
        self, items: Sequence[tuple[str, ...]], settings: Mapping[str, Any]
    ) -> list[np.ndarray]:
        """Of each pair; its passage is cut to the room that the query leaves."""
        room = settings["room"]
        queries = self._each((one for one, _ in items), settings["query_max_length"])
        passages = self._each((other for _, other in items), room)
        return [
            np.concatenate(
                [
                    self.before,
                    queries[one],
                    self.between,
                    passages[other][: room - len(queries[one])],
                    self.after,
                ]
            ).astype(np.int32)
            for one, other in items
        ]

    def _each(self, texts: Iterable[str], length: int) -> dict[str, np.ndarray]:
        """Token ids of every distinct text, without special ones."""
        each, _ = distinct(texts)
        ids = token_ids(self.tokenizer, each, length, special=False)
        return dict(zip(each, ids, strict=True))


def end_of_query(
    tokenizer: PreTrainedTokenizerBase, config: PretrainedConfig
) -> int | None:
    """The token behind which BERT and its like call all tokens of the second type.

    None: the model knows one type of token, as XLM-RoBERTa does.
    """
    pair = tokenizer("a", "a")
    types = pair.get("token_type_ids", [])
    if 1 not in types or getattr(config, "type_vocab_size", 0) < 2:
        return None
    return pair["input_ids"][types.index(1) - 1]


class CrossEncoderLayers(Layers):
    """A cross-encoder, of a directory that passed `check_model`, on one device.

    Args:
        ends: see `end_of_query`.

    Raises:
        InputError: the directory is damaged.
    """

    what = "scores"

    def __init__(
        self, path: Path, options: Options, ends: int | None, device: str
    ) -> None:
        import torch

        from arkiv.encode.first_token import LastLayer

        self.model = load(path, "cross_encoder", options, torch.device(device))
        self.ends = ends
        # The classification head looks at the first token.
        LastLayer(self.model).take(first_token_alone=True)

    def output(self, inputs: Inputs) -> torch.Tensor:
        """Raw logits, (n,)."""
        types = {}
        if self.ends is not None:
            ends = (inputs.ids == self.ends).long()
            types = {"token_type_ids": (ends.cumsum(1) > ends).long()}
        output = self.model(inputs.ids, attention_mask=inputs.mask, **types)
        return output.logits.reshape(-1)

    def values(self, output: torch.Tensor, inputs: Inputs) -> Values:
        """(n,) float64."""
        return {"cross_encoder": output.double().cpu().numpy()}
