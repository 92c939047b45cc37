"""The teacher: a cross-encoder that scores query-passage pairs.

Source: FlagEmbedding/inference/reranker/encoder_only/base.py, whose `compute_score` the
tests compare with. Unlike there, a query that fills `max_length` does not raise: it is
cut so that the special tokens and at least one passage token fit. And the token ids go
into the model as they are, as with transformers 4: under transformers 5 FlagEmbedding
turns them into text and tokenises that anew, which differs where a text holds unknown
characters or was truncated inside a word.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

import numpy as np

from arkiv.base.errors import InputError
from arkiv.encode import models
from arkiv.encode.batches import (
    HELD_AT_ONCE,
    TOKENISED_AT_ONCE,
    by_budget,
    chunked,
    distinct,
)
from arkiv.encode.workers import OnDevices


class RerankerForward:
    """A cross-encoder on one device: from the token ids of pairs to scores.

    Args:
        model_dir: the directory.
        options: precision, attention and the like.
        longest: tokens of the longest pair that will come.
        budget: tokens of a padded batch; None: as many as the device takes.
        device: such as `cpu` or `cuda:0`.

    Raises:
        InputError: the directory is damaged, or the device takes no such pair.
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

        from arkiv.encode.first_token import LastLayer

        self.path = model_dir
        self.device = torch.device(device)
        self.model = models.load(model_dir, "reranker", options, self.device)
        # The classification head looks at the first token.
        LastLayer(self.model).take(first_token_alone=True)
        tokenizer, _ = models.load_tokenizer(model_dir, options)
        self.pad = tokenizer.pad_token_id
        self.budget = budget or models.token_budget(
            self.device,
            longest,
            lambda rows, length: self._logits(
                [np.full(length, tokenizer.cls_token_id)] * rows
            ),
        )

    def __call__(self, batch: list[np.ndarray]) -> np.ndarray:
        """(n,) float64: raw logits of the pairs.

        Raises:
            InputError: the model gives NaN or infinite scores.
        """
        return models.in_halves(
            self._scores, batch, lambda one, other: np.concatenate([one, other])
        )

    def _scores(self, ids: list[np.ndarray]) -> np.ndarray:
        import torch

        with torch.inference_mode():
            logits = self._logits(ids)
            if not torch.isfinite(logits).all():
                raise InputError(
                    f"the model gives NaN or infinite scores in {logits.dtype}",
                    file=self.path,
                )
            return logits.double().cpu().numpy()

    def _logits(self, ids: list[np.ndarray]):
        padded, mask = models.padded(ids, self.pad, self.device)
        return self.model(padded, attention_mask=mask).logits.reshape(-1)


class Reranker(OnDevices):
    """A cross-encoder directory with one label, ready to score on all GPUs or the CPU.

    Args:
        model_dir: the directory.
        max_length: tokens of a pair, special ones included; passages are truncated.
        query_max_length: tokens of a query, without special ones.
        options: precision, budget, processes and the like.

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
        options: models.Options = models.Options(),  # noqa: B008 - frozen
    ) -> None:
        path = models.check_model(model_dir, "reranker")
        self.tokenizer, config = models.load_tokenizer(path, options)
        if config.num_labels != 1:
            raise InputError(
                f"the model has {config.num_labels} labels, expected a reranker "
                "with one",
                file=path,
            )
        # `<s> A </s></s> B </s>`: what stands before, between and after.
        letter = len(self.tokenizer("a", add_special_tokens=False)["input_ids"])
        pair = self.tokenizer("a", "a")["input_ids"]
        self.before, self.after = pair[:1], pair[-1:]
        self.between = pair[1 + letter : -1 - letter]
        special = len(pair) - 2 * letter
        models.check_limits(
            path,
            config,
            max_length=max_length,
            batch_tokens=options.batch_tokens,
            least=special + 2,
        )
        self.room = max_length - special
        self.query_max_length = min(query_max_length, self.room - 1)
        super().__init__(
            path, options, partial(RerankerForward, path, options, max_length)
        )

    def scores(
        self,
        pairs: Sequence[tuple[str, str]],
        cache: str | Path | None = None,
        job: str = "",
    ) -> np.ndarray:
        """(n,) float64: raw logits of (query, passage) pairs, in their order.

        Args:
            pairs: each distinct one is scored once.
            cache: a directory of `arkiv.encode.cache`: pairs whose scores it has are
                not scored again.
            job: its name, under which it goes on if it was killed.

        Raises:
            InputError: the model gives NaN or infinite scores.
        """
        return self.by_content(
            pairs,
            self._batches,
            value="<f8",
            kind="cross_encoder",
            settings={"room": self.room, "query_max_length": self.query_max_length},
            cache=cache,
            job=job,
            what="pairs scored",
        )

    def _batches(
        self, pairs: list[tuple[str, str]]
    ) -> Iterator[tuple[list[int], list[np.ndarray]]]:
        """Rows and token ids of each batch; no more pairs at once than HELD_AT_ONCE."""
        workers = self.workers  # they load the model while the first texts are read
        for held in chunked(len(pairs), HELD_AT_ONCE):
            part = pairs[held.start : held.stop]
            queries = self._tokens([query for query, _ in part], self.query_max_length)
            passages = self._tokens([passage for _, passage in part], self.room)
            ids = [self._joined(queries[one], passages[two]) for one, two in part]
            for batch in by_budget([len(row) for row in ids], workers.budget):
                yield [held[place] for place in batch], [ids[place] for place in batch]

    def _joined(self, query: np.ndarray, passage: np.ndarray) -> np.ndarray:
        """The ids of a pair; the passage is cut to the room that the query leaves."""
        return np.concatenate(
            [
                self.before,
                query,
                self.between,
                passage[: self.room - len(query)],
                self.after,
            ]
        ).astype(np.int32)

    def _tokens(self, texts: list[str], length: int) -> dict[str, np.ndarray]:
        """Token ids of every distinct text, without special ones."""
        texts, _ = distinct(texts)
        tokens = {}
        for part in chunked(len(texts), TOKENISED_AT_ONCE):
            chunk = texts[part.start : part.stop]
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
