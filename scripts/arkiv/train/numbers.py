"""Items and batches that say which texts they hold, by number.

What false negatives are found by (`arkiv.train.false_negatives`): a process knows the
texts of its own rows alone, and numbers are what it can tell the others.
"""

from __future__ import annotations

import functools

import numpy as np
import torch
from FlagEmbedding.abc.finetune.embedder import (
    AbsEmbedderCollator,
    AbsEmbedderSameDatasetCollator,
)

from arkiv.train.false_negatives import SIDES, FalseNegatives


class NumberedItems:
    """A data set of FlagEmbedding whose items end with the numbers of their texts.

    Attributes:
        false_negatives: what knows the numbers; None: items stay what they were.
    """

    false_negatives: FalseNegatives | None = None

    def __getitem__(self, index: int) -> tuple:
        item = super().__getitem__(index)
        if self.false_negatives is None:
            return item
        queries, passages = item[:2]  # an item is a row, or a batch of some
        given = [queries] if isinstance(queries, str) else queries, passages
        prompts = (
            self.args.query_instruction_for_retrieval,
            self.args.passage_instruction_for_retrieval,
        )
        numbers = {}
        for side, texts, prompt in zip(SIDES, given, prompts, strict=True):
            bare = [text.removeprefix(prompt or "") for text in texts]
            as_read = [self._shuffled.get(text, text) for text in bare]
            numbers[side] = self.false_negatives.numbers(side, as_read)
        self._shuffled.clear()
        return *item, numbers

    @functools.cached_property
    def _shuffled(self) -> dict[str, str]:
        """What `shuffle_ratio` has made of positives of an item, and of which."""
        return {}

    def _shuffle_text(self, text: str) -> str:
        shuffled = super()._shuffle_text(text)
        if shuffled != text:
            self._shuffled[shuffled] = text
        return shuffled


class _Numbered:
    """Gives the model the numbers with which items end."""

    def __call__(self, features: list[tuple]) -> dict:
        batch = super().__call__(features)
        if isinstance(features[0][-1], dict):
            each = [feature[-1] for feature in features]
            batch["numbers"] = {
                side: torch.from_numpy(np.concatenate([one[side] for one in each]))
                for side in SIDES
            }
        return batch


class MixedCollator(_Numbered, AbsEmbedderCollator):
    """Of items that are rows."""


class SameShardCollator(_Numbered, AbsEmbedderSameDatasetCollator):
    """Of items that are batches."""
