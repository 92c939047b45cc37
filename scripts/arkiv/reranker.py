"""The teacher: a cross-encoder that scores query-passage pairs.

Source: FlagEmbedding/inference/reranker/encoder_only/base.py, whose `compute_score` the
tests compare with. Unlike there, a query that fills `max_length` does not raise: it is
cut so that the special tokens and at least one passage token fit.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from arkiv import models
from arkiv.batches import by_length, distinct, reported
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
        dtype: default: float32 on a CPU, bfloat16 or float16 on a GPU.
        trust_remote_code: let the directory run Python code of its own.

    Raises:
        InputError: the directory lacks something, or the model has several labels.
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
        from transformers import AutoModelForSequenceClassification, AutoTokenizer

        self.path = models.check_model(model_dir, "reranker")
        self.batch_size = batch_size
        self.device = models.device() if device is None else device
        dtype = models.precision(self.device) if dtype is None else dtype
        options = {"trust_remote_code": trust_remote_code, "local_files_only": True}
        self.tokenizer = AutoTokenizer.from_pretrained(self.path, **options)
        model = AutoModelForSequenceClassification.from_pretrained(
            self.path, dtype=dtype, **options
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
        ids = self._token_ids(unique)
        values = np.zeros(len(unique))
        batches = by_length([len(row) for row in ids], self.batch_size)
        for rows in reported(batches, len(unique), "pairs scored"):
            batch = self.tokenizer.pad(
                {"input_ids": [ids[row] for row in rows]}, return_tensors="pt"
            ).to(self.device)
            with torch.inference_mode():
                logits = self.model(**batch).logits
            values[rows] = logits.reshape(-1).double().cpu().numpy()
        if not np.isfinite(values).all():
            raise InputError("the model gives NaN or infinite scores", file=self.path)
        return values[inverse]

    def _token_ids(self, pairs: list[tuple[str, str]]) -> list[list[int]]:
        """Token ids of each pair; every distinct text is tokenised once."""
        if not pairs:
            return []
        queries = self._tokens([query for query, _ in pairs], self.query_max_length)
        passages = self._tokens([passage for _, passage in pairs], self.room)
        ids = []
        for query, passage in pairs:
            room = self.room - len(queries[query])
            ids.append(
                [
                    *self.before,
                    *queries[query],
                    *self.between,
                    *passages[passage][:room],
                    *self.after,
                ]
            )
        return ids

    def _tokens(self, texts: list[str], length: int) -> dict[str, list[int]]:
        texts, _ = distinct(texts)
        encoded = self.tokenizer(
            texts,
            add_special_tokens=False,
            truncation=True,
            max_length=length,
            return_attention_mask=False,
        )
        return dict(zip(texts, encoded["input_ids"], strict=True))
