"""BGE-M3 encoding: dense, sparse and multi-vector, as FlagEmbedding's inference does.

Source: FlagEmbedding/inference/embedder/encoder_only/m3.py and
finetune/embedder/encoder_only/m3/modeling.py; Chen et al. 2024, "M3-Embedding",
section 3.2. The tests compare with `BGEM3FlagModel`.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from arkiv import models
from arkiv.batches import TOKENISED_AT_ONCE, by_length, distinct, reported
from arkiv.errors import InputError

if TYPE_CHECKING:
    import scipy.sparse
    import torch
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

log = logging.getLogger("arkiv.m3")


@dataclass(frozen=True)
class Encoded:
    """The encodings of n texts, in their order; None where not asked for."""

    dense: np.ndarray | None = None
    """(n, dim) float32, rows of length 1: the CLS vectors."""
    sparse: scipy.sparse.csr_matrix | None = None
    """(n, vocabulary) float32: each token's greatest weight; no special tokens."""
    multi_vector: list[np.ndarray] | None = None
    """n arrays (tokens - 1, dim) float32, rows of length 1; CLS left out, EOS kept."""


class M3Encoder:
    """A BGE-M3 model directory, ready to encode.

    Args:
        model_dir: encoder, tokenizer, `colbert_linear.pt` and `sparse_linear.pt`.
        max_length: tokens per text, special ones included; longer texts are truncated.
        batch_size: texts per forward pass.
        device: default: the first GPU, else the CPU.
        dtype: default: float32 on a CPU, float16 on a GPU.
        trust_remote_code: let the directory run Python code of its own.

    Raises:
        InputError: the directory lacks something or is damaged, or a limit is outside
            what the model takes.
    """

    def __init__(
        self,
        model_dir: str | Path,
        *,
        max_length: int,
        batch_size: int,
        device: torch.device | None = None,
        dtype: torch.dtype | None = None,
        trust_remote_code: bool = False,
    ) -> None:
        path = models.check_model(model_dir, "embedder")
        device = models.device() if device is None else device
        dtype = models.precision(device) if dtype is None else dtype
        tokenizer, model = models.load(
            path, "embedder", dtype, trust_remote_code=trust_remote_code
        )
        models.check_limits(
            path,
            model.config,
            max_length=max_length,
            batch_size=batch_size,
            least=3,
        )
        heads = [
            load_head(path, name, model.config.hidden_size).to(device, dtype).eval()
            for name in models.HEADS
        ]
        self._take(path, tokenizer, model.to(device).eval(), *heads)
        self.max_length, self.batch_size = max_length, batch_size

    @classmethod
    def of(
        cls,
        path: Path,
        tokenizer: PreTrainedTokenizerBase,
        model: PreTrainedModel,
        multi_vector_head: torch.nn.Linear,
        sparse_head: torch.nn.Linear,
        *,
        batch_size: int,
    ) -> M3Encoder:
        """Of a model that is loaded already, such as one in training.

        Args:
            path: what the model is called in messages.
            tokenizer: its tokenizer.
            model: its encoder, which the caller puts into evaluation mode.
            multi_vector_head: its head, on the same device.
            sparse_head: likewise.
            batch_size: texts per forward pass.
        """
        encoder = cls.__new__(cls)
        encoder._take(path, tokenizer, model, multi_vector_head, sparse_head)
        encoder.max_length = encoder.tokenizer.model_max_length
        encoder.batch_size = batch_size
        return encoder

    def _take(self, path, tokenizer, model, multi_vector_head, sparse_head) -> None:
        import torch

        self.path, self.tokenizer, self.model = path, tokenizer, model
        self.multi_vector_head, self.sparse_head = multi_vector_head, sparse_head
        self.device, self.dtype = model.device, model.dtype
        self.dim = model.config.hidden_size
        self.vocabulary = model.config.vocab_size
        # What FlagEmbedding leaves out of lexical weights; the mask token stays.
        self.special = torch.tensor(
            sorted(
                {
                    tokenizer.cls_token_id,
                    tokenizer.eos_token_id,
                    tokenizer.pad_token_id,
                    tokenizer.unk_token_id,
                }
            ),
            device=self.device,
        )

    def encode(
        self,
        texts: Sequence[str],
        *,
        dense: bool = True,
        sparse: bool = False,
        multi_vector: bool = False,
    ) -> Encoded:
        """Encode texts; the results come in their order.

        Each distinct text is encoded once, in batches of texts of like length.

        Raises:
            InputError: the model gives NaN or infinite values.
        """
        import scipy.sparse

        unique, inverse = distinct(texts)
        vectors = np.zeros((len(unique), self.dim), np.float32) if dense else None
        weights: list[tuple[np.ndarray, np.ndarray]] = [None] * len(unique)
        tokens: list[np.ndarray] = [None] * len(unique)
        for rows, hidden, batch in self._hidden_states(unique):
            if dense:
                vectors[rows] = self._numpy(_normalised(hidden[:, 0]))
            if sparse:
                self._lexical(rows, hidden, batch, weights)
            if multi_vector:
                self._token_vectors(rows, hidden, batch, tokens)
        matrix = None
        if sparse:
            matrix = scipy.sparse.csr_matrix(
                (
                    _joined([weights[i][1] for i in inverse], np.float32),
                    _joined([weights[i][0] for i in inverse], np.int32),
                    np.cumsum([0, *(len(weights[i][0]) for i in inverse)]),
                ),
                shape=(len(inverse), self.vocabulary),
            )
        return Encoded(
            vectors[inverse] if dense and inverse else vectors,
            matrix,
            [tokens[i] for i in inverse] if multi_vector else None,
        )

    def _hidden_states(
        self, texts: list[str]
    ) -> Iterator[tuple[list[int], torch.Tensor, dict]]:
        """Yield rows, last hidden states (batch, length, dim) and the padded batch."""
        import torch

        ids = self._token_ids(texts)
        batches = by_length([len(row) for row in ids], self.batch_size)
        for rows in reported(batches, len(texts), "texts encoded"):
            batch = self.tokenizer.pad(
                {"input_ids": [ids[row].tolist() for row in rows]}, return_tensors="pt"
            ).to(self.device)
            with torch.inference_mode():
                hidden = self.model(**batch).last_hidden_state
            if not torch.isfinite(hidden).all():
                raise InputError(
                    f"the model gives NaN or infinite values in {self.dtype}",
                    file=self.path,
                )
            yield rows, hidden, batch

    def _token_ids(self, texts: list[str]) -> list[np.ndarray]:
        # As arrays: as lists of Python's integers a corpus takes ten times as much.
        ids: list[np.ndarray] = []
        for start in range(0, len(texts), TOKENISED_AT_ONCE):
            encoded = self.tokenizer(
                texts[start : start + TOKENISED_AT_ONCE],
                truncation=True,
                max_length=self.max_length,
                return_attention_mask=False,
            )
            ids += [np.array(row, np.int32) for row in encoded["input_ids"]]
        return ids

    def _lexical(self, rows, hidden, batch, weights) -> None:
        import torch

        with torch.inference_mode():
            scores = torch.relu(self.sparse_head(hidden)).squeeze(-1).float()
            scores = scores.masked_fill(
                torch.isin(batch["input_ids"], self.special), 0.0
            )
        ids, scores = batch["input_ids"].cpu().numpy(), scores.cpu().numpy()
        for row, row_ids, row_scores in zip(rows, ids, scores, strict=True):
            kept = row_scores > 0
            token, place = np.unique(row_ids[kept], return_inverse=True)
            greatest = np.zeros(len(token), np.float32)
            np.maximum.at(greatest, place, row_scores[kept])
            weights[row] = token.astype(np.int32), greatest

    def _token_vectors(self, rows, hidden, batch, tokens) -> None:
        import torch

        with torch.inference_mode():
            vectors = _normalised(self.multi_vector_head(hidden[:, 1:]))
        lengths = batch["attention_mask"].sum(1).tolist()
        vectors = self._numpy(vectors)
        for row, row_vectors, length in zip(rows, vectors, lengths, strict=True):
            tokens[row] = row_vectors[: length - 1].copy()

    @staticmethod
    def _numpy(values: torch.Tensor) -> np.ndarray:
        return values.float().cpu().numpy()


def load_head(path: Path, name: str, dim: int) -> torch.nn.Linear:
    """A head of a model directory, in float32.

    Args:
        path: the model directory.
        name: `colbert_linear.pt` or `sparse_linear.pt`.
        dim: what the encoder gives.

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
        raise InputError(
            f"is not the state of a linear layer ({type(error).__name__})",
            file=path / name,
        ) from None
    if columns != dim:
        raise InputError(
            f"takes {columns} dimensions, but the model gives {dim}", file=path / name
        )
    return head


def _normalised(vectors: torch.Tensor) -> torch.Tensor:
    import torch

    return torch.nn.functional.normalize(vectors.float(), dim=-1)


def _joined(arrays: list[np.ndarray], dtype: type) -> np.ndarray:
    return np.concatenate(arrays) if arrays else np.zeros(0, dtype)


def late_interaction_scores(
    queries: Sequence[np.ndarray], passages: Sequence[np.ndarray]
) -> np.ndarray:
    """Late interaction of every query with every passage, a passage at a time.

    Args:
        queries: (m, dim) token vectors each.
        passages: (n, dim) token vectors each.

    Returns:
        (n_queries, n_passages) float32; see `multi_vector_score`.
    """
    tokens = np.concatenate(queries)
    counts = np.array([len(query) for query in queries])
    firsts = np.concatenate(([0], np.cumsum(counts)[:-1]))
    scores = np.empty((len(queries), len(passages)), np.float32)
    for column, passage in enumerate(passages):
        highest = (tokens @ passage.T).max(axis=1)
        scores[:, column] = np.add.reduceat(highest, firsts) / counts
    return scores


def multi_vector_score(query: np.ndarray, passage: np.ndarray) -> float:
    """Late interaction: the mean over query tokens of the best passage token.

    Args:
        query: (m, dim) token vectors.
        passage: (n, dim) token vectors.

    Source: `BGEM3FlagModel.colbert_score`.
    """
    return float((query @ passage.T).max(axis=1).mean())
