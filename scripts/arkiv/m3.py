"""BGE-M3 encoding: dense, sparse and multi-vector, as FlagEmbedding's inference does.

Source: FlagEmbedding/inference/embedder/encoder_only/m3.py and
finetune/embedder/encoder_only/m3/modeling.py; Chen et al. 2024, "M3-Embedding",
section 3.2. The tests compare with `BGEM3FlagModel`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from operator import itemgetter
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from arkiv import models
from arkiv.batches import (
    HELD_AT_ONCE,
    TOKENISED_AT_ONCE,
    by_budget,
    chunked,
    distinct,
    reported,
)
from arkiv.cache import Cache, key
from arkiv.errors import InputError
from arkiv.workers import OnDevices

if TYPE_CHECKING:
    import scipy.sparse
    import torch


@dataclass(frozen=True)
class Encoded:
    """The encodings of n texts, in their order; None where not asked for."""

    dense: np.ndarray | None = None
    """(n, dim) float32, rows of length 1: the CLS vectors."""
    sparse: scipy.sparse.csr_matrix | None = None
    """(n, vocabulary) float32: each token's greatest weight; no special tokens."""
    multi_vector: list[np.ndarray] | None = None
    """n arrays (tokens - 1, dim) float32, rows of length 1; CLS left out, EOS kept."""


class Batch(NamedTuple):
    """Texts to encode together, and into what."""

    ids: list[np.ndarray]
    """Token ids of each text, special ones included."""
    dense: bool
    sparse: bool
    multi_vector: bool


class M3Forward:
    """A BGE-M3 model on one device: from token ids to vectors.

    Args:
        model_dir: encoder, tokenizer, `colbert_linear.pt` and `sparse_linear.pt`.
        options: precision, attention and the like.
        longest: tokens of the longest text that will come.
        budget: tokens of a padded batch; None: as many as the device takes.
        device: such as `cpu` or `cuda:0`.

    Raises:
        InputError: the directory lacks something or is damaged.
    """

    def __init__(
        self,
        model_dir: Path,
        options: models.Options,
        longest: int,
        budget: int | None,
        device: str,
    ) -> None:
        import torch

        self.path = model_dir
        self.device = torch.device(device)
        self.dtype = options.dtype(self.device)
        tokenizer, config = models.load_tokenizer(model_dir, options)
        self.model = models.load(model_dir, "embedder", options, self.device)
        self.dim, self.pad = config.hidden_size, tokenizer.pad_token_id
        self.multi_vector_head = self._head("colbert_linear.pt")
        self.sparse_head = self._head("sparse_linear.pt")
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
        self.budget = budget or models.token_budget(
            self.device,
            longest,
            lambda rows, length: self._hidden(
                [np.full(length, tokenizer.cls_token_id)] * rows
            ),
        )

    def _head(self, name: str) -> torch.nn.Linear:
        import torch

        try:
            state = torch.load(self.path / name, map_location="cpu", weights_only=True)
            rows, columns = state["weight"].shape
            head = torch.nn.Linear(columns, rows)
            head.load_state_dict(state)
        except Exception as error:  # whatever unpickling a foreign file may raise
            raise InputError(
                f"is not the state of a linear layer ({type(error).__name__})",
                file=self.path / name,
            ) from None
        if columns != self.dim:
            raise InputError(
                f"takes {columns} dimensions, but the model gives {self.dim}",
                file=self.path / name,
            )
        return head.to(self.device, self.dtype).eval()

    def __call__(self, batch: Batch) -> tuple:
        """Dense vectors (n, dim) float32, and lists of n for the other kinds.

        Raises:
            InputError: the model gives NaN or infinite values.
        """
        return models.in_halves(
            lambda ids: self._encoded(batch._replace(ids=ids)),
            batch.ids,
            lambda one, other: tuple(
                None if some is None else [*some, *more]
                for some, more in zip(one, other, strict=True)
            ),
        )

    def _encoded(self, batch: Batch) -> tuple:
        import torch

        with torch.inference_mode():
            hidden, padded = self._hidden(batch.ids)
            if not torch.isfinite(hidden).all():
                raise InputError(
                    f"the model gives NaN or infinite values in {self.dtype}",
                    file=self.path,
                )
            return (
                _numpy(_normalised(hidden[:, 0])) if batch.dense else None,
                self._lexical(hidden, padded) if batch.sparse else None,
                self._token_vectors(hidden, batch.ids) if batch.multi_vector else None,
            )

    def _hidden(self, ids: list[np.ndarray]) -> tuple[torch.Tensor, torch.Tensor]:
        """The last hidden states (n, length, dim) and the padded ids (n, length)."""
        padded, mask = models.padded(ids, self.pad, self.device)
        return self.model(padded, attention_mask=mask).last_hidden_state, padded

    def _lexical(
        self, hidden: torch.Tensor, padded: torch.Tensor
    ) -> list[tuple[np.ndarray, np.ndarray]]:
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

    def _token_vectors(
        self, hidden: torch.Tensor, ids: list[np.ndarray]
    ) -> list[np.ndarray]:
        vectors = _numpy(_normalised(self.multi_vector_head(hidden[:, 1:])))
        return [
            row[: len(text) - 1].copy() for row, text in zip(vectors, ids, strict=True)
        ]


class M3Encoder(OnDevices):
    """A BGE-M3 model directory, ready to encode, on all GPUs or on the CPU.

    Args:
        model_dir: encoder, tokenizer, `colbert_linear.pt` and `sparse_linear.pt`.
        max_length: tokens per text, special ones included; longer texts are truncated.
        options: precision, budget, processes and the like.

    Raises:
        InputError: the directory lacks something or is damaged, or a limit is outside
            what the model takes.
    """

    def __init__(
        self,
        model_dir: str | Path,
        *,
        max_length: int,
        options: models.Options = models.Options(),  # noqa: B008 - frozen
    ) -> None:
        path = models.check_model(model_dir, "embedder")
        self.tokenizer, config = models.load_tokenizer(path, options)
        models.check_limits(
            path,
            config,
            max_length=max_length,
            batch_tokens=options.batch_tokens,
            least=3,
        )
        self.max_length = max_length
        self.dim, self.vocabulary = config.hidden_size, config.vocab_size
        super().__init__(path, options, partial(M3Forward, path, options, max_length))

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
        if unique:
            found = self.workers.map(
                (rows, Batch(ids, dense, sparse, multi_vector))
                for rows, ids in self._batches(unique)
            )
            for rows, kinds in reported(found, len(unique), "texts encoded"):
                for values, kind in zip((vectors, weights, tokens), kinds, strict=True):
                    if kind is None:
                        continue
                    for row, value in zip(rows, kind, strict=True):
                        values[row] = value
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

    def dense(
        self, texts: Sequence[str], cache: str | Path | None = None, job: str = ""
    ) -> np.ndarray:
        """(n, dim) float16: dense vectors in the order of the texts.

        Args:
            texts: each distinct one is encoded once.
            cache: a directory of `arkiv.cache`: texts whose vectors it has are not
                encoded again.
            job: its name, under which it goes on if it was killed.

        Raises:
            InputError: the model gives NaN or infinite values.
        """
        unique, inverse = distinct(texts)
        vectors = np.zeros((len(unique), self.dim), np.float16)
        with Cache(
            cache,
            job,
            model=self.path,
            settings=self.options.settings() | {"max_length": self.max_length},
            sources=[__file__, models.__file__],
            value=("<f2", (self.dim,)),
        ) as kept:
            keys = [key(text) for text in unique]
            missing = kept.fill(keys, vectors)
            found = self.computed(
                (
                    (rows, Batch(ids, True, False, False))
                    for rows, ids in self._batches([unique[row] for row in missing])
                ),
                [keys[row] for row in missing],
                kept,
                itemgetter(0),
            )
            for rows, values in reported(found, len(missing), "texts encoded"):
                vectors[[missing[row] for row in rows]] = values
        return vectors[inverse] if inverse else vectors

    def _batches(
        self, texts: list[str]
    ) -> Iterator[tuple[list[int], list[np.ndarray]]]:
        """Rows and token ids of each batch; no more texts at once than HELD_AT_ONCE."""
        workers = self.workers  # they load the model while the first texts are read
        for held in chunked(len(texts), HELD_AT_ONCE):
            ids = self._token_ids(texts[held.start : held.stop])
            for batch in by_budget([len(row) for row in ids], workers.budget):
                yield [held[place] for place in batch], [ids[place] for place in batch]

    def _token_ids(self, texts: list[str]) -> list[np.ndarray]:
        # As arrays: as lists of Python's integers a corpus takes ten times as much.
        ids: list[np.ndarray] = []
        for part in chunked(len(texts), TOKENISED_AT_ONCE):
            encoded = self.tokenizer(
                texts[part.start : part.stop],
                truncation=True,
                max_length=self.max_length,
                return_attention_mask=False,
            )
            ids += [np.array(row, np.int32) for row in encoded["input_ids"]]
        return ids


def _numpy(values: torch.Tensor) -> np.ndarray:
    return values.float().cpu().numpy()


def _normalised(vectors: torch.Tensor) -> torch.Tensor:
    import torch

    return torch.nn.functional.normalize(vectors.float(), dim=-1)


def _joined(arrays: list[np.ndarray], dtype: type) -> np.ndarray:
    return np.concatenate(arrays) if arrays else np.zeros(0, dtype)


def multi_vector_score(query: np.ndarray, passage: np.ndarray) -> float:
    """Late interaction: the mean over query tokens of the best passage token.

    Args:
        query: (m, dim) token vectors.
        passage: (n, dim) token vectors.

    Source: `BGEM3FlagModel.colbert_score`.
    """
    return float((query @ passage.T).max(axis=1).mean())
