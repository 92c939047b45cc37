"""What tells one kind of encoder from another, and how texts become token ids."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from arkiv.base.errors import InputError
from arkiv.encode.description import Side
from arkiv.encode.forward import Forward, Layers
from arkiv.encode.limits import least, length_of, too_long
from arkiv.encode.loading import longest_input
from arkiv.encode.options import Options
from arkiv.encode.settings import Length
from arkiv.encode.workers import Recipe

if TYPE_CHECKING:
    from transformers import PretrainedConfig, PreTrainedTokenizerBase

# Handed to the tokeniser at a time, which keeps far more of a text than its tokens.
TOKENISED_AT_ONCE = 4096


class Kind:
    """A model of one kind: what it takes, what it gives, how it is loaded.

    Each kind has a class, such as `arkiv.encode.m3.M3`. Its items are texts, in tuples
    of one, unless it says otherwise.

    Args:
        path: its directory, or what it is called in messages.
        layers: gives its layers on a device; called in the worker's process.
    """

    gives: frozenset[str]
    """What may be asked of it, of `arkiv.encode.cache.VERSIONS`."""
    similarity = "cosine"
    """What its dense vectors are compared by."""
    least = 3
    """Tokens of the shortest input with something in it."""
    longest: int | None = None
    """Tokens that it takes by its files; None: they do not say."""
    bounded = False
    """Whether that holds for whatever length is asked for."""

    def __init__(
        self,
        path: Path,
        options: Options,
        tokenizer: PreTrainedTokenizerBase,
        config: PretrainedConfig,
        layers: Callable[[str], Layers],
    ) -> None:
        self.path, self.options = path, options
        self.tokenizer, self.config, self._layers = tokenizer, config, layers
        dim = getattr(config, "hidden_size", None)
        if not isinstance(dim, int):
            raise InputError(
                "does not say of what size its vectors are, expected a model of texts",
                file=path / "config.json",
                key="hidden_size",
            )
        self.dim = dim

    @property
    def takes(self) -> int | None:
        """Tokens of an input that it takes unless told otherwise; None: any number."""
        return least(self.longest, longest_input(self.config))

    def length(self, max_length: Length) -> int:
        """Tokens at which inputs are cut, by what is asked for.

        Raises:
            InputError: the length or the budget is none that the model can work with.
        """
        budget, positions = self.options.batch_tokens, longest_input(self.config)
        length = length_of(max_length, self.takes)
        if self.bounded:
            length = least(length, self.takes)
        if budget is not None and budget < 1:
            raise InputError(f"is {budget}, expected 1 or more", key="batch_tokens")
        if length < self.least:
            reason = f"is {length}, expected {self.least} or more"
            raise InputError(reason, key="max_length")
        if positions is not None and length > positions:
            called = f"the model in {self.path}"
            raise too_long(length, called, positions, "max_length")
        return length

    def prompted(self, text: str, side: Side) -> str:
        """A text as the model is to read it."""
        return text

    def settings(self, *, max_length: Length) -> dict[str, Any]:
        """What values depend on beside the model and how it runs, such as lengths.

        Raises:
            InputError: a limit is outside what the model takes.
        """
        return {"max_length": self.length(max_length)}

    def token_ids(
        self, items: Sequence[tuple[str, ...]], settings: Mapping[str, Any]
    ) -> list[np.ndarray]:
        """int32 token ids of each item, special ones included."""
        texts = (text for (text,) in items)
        return token_ids(self.tokenizer, texts, settings["max_length"])

    def recipe(self, longest: int) -> Recipe:
        """Makes the worker on a device, for inputs of so many tokens at most."""
        pad = filler(self.tokenizer)
        return partial(Forward, self.path, self._layers, pad, longest)


def filler(tokenizer: PreTrainedTokenizerBase) -> int:
    """The id of the token that pads inputs, which are told from it by their length."""
    names = ("pad", "eos", "unk")
    known = (getattr(tokenizer, f"{name}_token_id") for name in names)
    return next((token for token in known if token is not None), 0)


def token_ids(
    tokenizer: PreTrainedTokenizerBase,
    texts: Iterable[str],
    max_length: int,
    *,
    special: bool = True,
) -> list[np.ndarray]:
    """int32 token ids of each text, with special tokens or without.

    With them a text has one token at least: where a tokenizer adds none, and finds none
    in it, that which pads.
    """
    empty = [filler(tokenizer)] if special else []
    # As arrays: as lists of Python's integers a corpus takes ten times as much.
    ids: list[np.ndarray] = []
    texts = iter(texts)
    while chunk := list(islice(texts, TOKENISED_AT_ONCE)):
        encoded = tokenizer(
            chunk,
            add_special_tokens=special,
            truncation=True,
            max_length=max_length,
            return_attention_mask=False,
        )
        ids += [np.array(row or empty, np.int32) for row in encoded["input_ids"]]
    return ids
