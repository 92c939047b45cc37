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

from arkiv.base.errors import InputError
from arkiv.encode import models
from arkiv.encode.batches import (
    HELD_AT_ONCE,
    TOKENISED_AT_ONCE,
    by_budget,
    chunked,
    distinct,
    reported,
)
from arkiv.encode.workers import OnDevices

if TYPE_CHECKING:
    import scipy.sparse
    import torch
    from transformers import PreTrainedModel, PreTrainedTokenizerBase


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

        tokenizer, config = models.load_tokenizer(model_dir, options)
        model = models.load(model_dir, "embedder", options, torch.device(device))
        heads = [
            load_head(model_dir, name, config.hidden_size).to(model.device, model.dtype)
            for name in models.HEADS
        ]
        self._take(model_dir, tokenizer, model, *heads)
        self.budget = budget or models.token_budget(
            self.device,
            longest,
            lambda rows, length: self._hidden(
                [np.full(length, tokenizer.cls_token_id)] * rows
            ),
        )

    @classmethod
    def of(
        cls,
        path: Path,
        tokenizer: PreTrainedTokenizerBase,
        model: PreTrainedModel,
        multi_vector_head: torch.nn.Linear,
        sparse_head: torch.nn.Linear,
        budget: int,
    ) -> M3Forward:
        """Of a model that is loaded already."""
        forward = cls.__new__(cls)
        forward._take(path, tokenizer, model, multi_vector_head, sparse_head)
        forward.budget = budget
        return forward

    def _take(self, path, tokenizer, model, multi_vector_head, sparse_head) -> None:
        import torch

        from arkiv.encode.first_token import LastLayer

        self.path, self.model = path, model
        self.last_layer = LastLayer(model)
        self.multi_vector_head, self.sparse_head = multi_vector_head, sparse_head
        self.device, self.dtype = model.device, model.dtype
        self.pad = tokenizer.pad_token_id
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

        only_dense = not (batch.sparse or batch.multi_vector)
        with torch.inference_mode():
            self.last_layer.take(first_token_alone=only_dense)
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

    @classmethod
    def of(
        cls,
        path: Path,
        tokenizer: PreTrainedTokenizerBase,
        model: PreTrainedModel,
        multi_vector_head: torch.nn.Linear,
        sparse_head: torch.nn.Linear,
        *,
        batch_tokens: int | None = None,
    ) -> M3Encoder:
        """Of a model that is loaded already, such as one in training.

        Args:
            path: what the model is called in messages.
            tokenizer: its tokenizer.
            model: its encoder, which the caller puts into evaluation mode.
            multi_vector_head: its head, on the same device.
            sparse_head: likewise.
            batch_tokens: of a padded batch; None: a few, since training holds memory.
        """
        encoder = cls.__new__(cls)
        encoder.tokenizer, encoder.max_length = tokenizer, tokenizer.model_max_length
        encoder.dim = model.config.hidden_size
        encoder.vocabulary = model.config.vocab_size
        forward = M3Forward.of(
            *(path, tokenizer, model, multi_vector_head, sparse_head),
            batch_tokens or models.CPU_TOKENS,
        )
        OnDevices.__init__(
            encoder, path, models.Options(), lambda budget, device: forward
        )
        return encoder

    def encode(
        self,
        texts: Sequence[str],
        *,
        dense: bool = True,
        sparse: bool = False,
        multi_vector: bool = False,
        quietly: bool = False,
    ) -> Encoded:
        """Encode texts; the results come in their order.

        Each distinct text is encoded once, in batches of texts of like length. How far
        it is shows in the log, unless it is to be done quietly.

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
            if not quietly:
                found = reported(found, len(unique), "texts encoded")
            for rows, kinds in found:
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
            cache: a directory of `arkiv.encode.cache`: texts whose vectors it has are
                not encoded again.
            job: its name, under which it goes on if it was killed.

        Raises:
            InputError: the model gives NaN or infinite values.
        """
        return self.by_content(
            [(text,) for text in texts],
            lambda items: (
                (rows, Batch(ids, True, False, False))
                for rows, ids in self._batches([text for (text,) in items])
            ),
            value=("<f2", (self.dim,)),
            kind="dense",
            settings={"max_length": self.max_length},
            cache=cache,
            job=job,
            what="texts encoded",
            values_of=itemgetter(0),
        )

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
