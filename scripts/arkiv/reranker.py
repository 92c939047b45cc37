"""The teacher: a cross-encoder that scores query-passage pairs.

Source: FlagEmbedding/inference/reranker/encoder_only/base.py, whose `compute_score` the
tests compare with. Unlike there, a query that fills `max_length` does not raise: it is
cut so that the special tokens and at least one passage token fit. And the token ids go
into the model as they are, as with transformers 4: under transformers 5 FlagEmbedding
turns them into text and tokenises that anew, which differs where a text holds unknown
characters or was truncated inside a word.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from arkiv import models
from arkiv.batches import TOKENISED_AT_ONCE, by_length, distinct, reported
from arkiv.errors import InputError

if TYPE_CHECKING:
    import torch


class Reranker:
    """A cross-encoder directory with one label, ready to score.

    Args:
        model_dir: the directory.
        max_length: tokens of a pair, special ones included; passages are truncated.
        query_max_length: tokens of a query, without special ones.
        batch_size: pairs per forward pass.
        device: default: the first GPU, else the CPU.
        dtype: default: float32 on a CPU, float16 on a GPU.
        trust_remote_code: let the directory run Python code of its own.

    Raises:
        InputError: the directory lacks something or is damaged, the model has several
            labels, or a limit is outside what it takes.
    """

    def __init__(
        self,
        model_dir: str | Path,
        *,
        max_length: int = 8192,
        query_max_length: int = 256,
        batch_size: int = 16,
        device: torch.device | None = None,
        dtype: torch.dtype | None = None,
        trust_remote_code: bool = False,
    ) -> None:
        self.path = models.check_model(model_dir, "reranker")
        self.batch_size = batch_size
        self.device = models.device() if device is None else device
        dtype = models.precision(self.device) if dtype is None else dtype
        self.tokenizer, model = models.load(
            self.path, "reranker", dtype, trust_remote_code=trust_remote_code
        )
        if model.config.num_labels != 1:
            raise InputError(
                f"the model has {model.config.num_labels} labels, expected a reranker "
                "with one",
                file=self.path,
            )
        self.model = model.to(self.device).eval()
        # `<s> A </s></s> B </s>`: what stands before, between and after.
        letter = len(self.tokenizer("a", add_special_tokens=False)["input_ids"])
        pair = self.tokenizer("a", "a")["input_ids"]
        self.before, self.after = pair[:1], pair[-1:]
        self.between = pair[1 + letter : -1 - letter]
        special = len(pair) - 2 * letter
        models.check_limits(
            self.path,
            model.config,
            max_length=max_length,
            batch_size=batch_size,
            least=special + 2,
        )
        self.room = max_length - special
        self.query_max_length = min(query_max_length, self.room - 1)

    def scores(self, pairs: Sequence[tuple[str, str]]) -> np.ndarray:
        """Score pairs of query and passage, each distinct pair once.

        Returns:
            (n,) float64: raw logits, in the order of the pairs.

        Raises:
            InputError: the model gives NaN or infinite scores.
        """
        import torch

        unique, inverse = distinct(pairs)
        queries = self._tokens([query for query, _ in unique], self.query_max_length)
        passages = self._tokens([passage for _, passage in unique], self.room)
        ids = [(queries[query], passages[passage]) for query, passage in unique]
        values = np.zeros(len(unique))
        # Untruncated lengths order the pairs well enough.
        batches = by_length([len(q) + len(p) for q, p in ids], self.batch_size)
        for rows in reported(batches, len(unique), "pairs scored"):
            batch = self.tokenizer.pad(
                {"input_ids": [self._joined(*ids[row]) for row in rows]},
                return_tensors="pt",
            ).to(self.device)
            with torch.inference_mode():
                logits = self.model(**batch).logits.reshape(-1)
            if not torch.isfinite(logits).all():
                raise InputError(
                    f"the model gives NaN or infinite scores in {logits.dtype}",
                    file=self.path,
                )
            values[rows] = logits.double().cpu().numpy()
        return values[inverse]

    def _joined(self, query: np.ndarray, passage: np.ndarray) -> list[int]:
        """The ids of a pair; the passage is cut to the room that the query leaves."""
        return [
            *self.before,
            *query.tolist(),
            *self.between,
            *passage[: self.room - len(query)].tolist(),
            *self.after,
        ]

    def _tokens(self, texts: list[str], length: int) -> dict[str, np.ndarray]:
        """Token ids of every distinct text, without special ones."""
        texts, _ = distinct(texts)
        tokens = {}
        for start in range(0, len(texts), TOKENISED_AT_ONCE):
            chunk = texts[start : start + TOKENISED_AT_ONCE]
            encoded = self.tokenizer(
                chunk,
                add_special_tokens=False,
                truncation=True,
                max_length=length,
                return_attention_mask=False,
            )
            for text, ids in zip(chunk, encoded["input_ids"], strict=True):
                tokens[text] = np.array(ids, np.int32)
        return tokens
