"""FlagEmbedding's M3 model in training, with scores that need less memory.

Losses, scores and gradients are those of `EncoderOnlyEmbedderM3Model`, and the tests
compare them in float64; but for the losses of a batch without in-batch negatives, where
FlagEmbedding's own fail, for negatives across processes, where its gradients depend on
the number of processes, and for false negatives, which are masked.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
import torch.distributed as dist
import torch.nn.functional as F
from FlagEmbedding.abc.finetune.embedder import EmbedderOutput
from FlagEmbedding.finetune.embedder.encoder_only.m3 import EncoderOnlyEmbedderM3Model
from torch.autograd.function import once_differentiable

from arkiv.encode.description import Description
from arkiv.encode.m3 import special_ids
from arkiv.encode.models import HEADS
from arkiv.train.false_negatives import SIDES, FalseNegatives
from arkiv.train.representations import (
    Texts,
    Vectors,
    by_own_rows,
    encoded_in_parts,
    in_parts,
    of_all_processes,
)

# Products of token vectors held at once: 64 MiB of float32.
BLOCK_PRODUCTS = 1 << 24


def largest_weights(
    input_ids: torch.Tensor, weights: torch.Tensor, vocabulary: int
) -> torch.Tensor:
    """Each token's largest weight in its text, by token id.

    (batch, length) ids and weights from 0 become (batch, vocabulary), 0 for a token
    that the text does not have. Where a token has its largest weight at several places,
    the gradient goes to the first of them, as that of `torch.max` does in
    FlagEmbedding's.
    """
    batch, length = input_ids.shape
    with torch.no_grad():
        largest = weights.new_zeros(batch, vocabulary)
        largest = largest.scatter_reduce(-1, input_ids, weights, "amax")
        is_largest = weights == largest.gather(-1, input_ids)
        place = torch.arange(length, dtype=torch.int32, device=weights.device)
        first = place.new_full((batch, vocabulary), length).scatter_reduce(
            -1, input_ids, torch.where(is_largest, place, length), "amin"
        )
        wins = first.gather(-1, input_ids) == place
    # One place a token is left, so that adding is taking it.
    empty = weights.new_zeros(batch, vocabulary)
    return empty.scatter_add(-1, input_ids, weights.masked_fill(~wins, 0))


def _blocks(tokens: int, passages: int, length: int) -> Iterator[tuple[slice, slice]]:
    """Rows of query tokens and of passages whose products are held at once."""
    rows = max(1, min(tokens, BLOCK_PRODUCTS // length))
    columns = max(1, BLOCK_PRODUCTS // (rows * length))
    for column in range(0, passages, columns):
        for row in range(0, tokens, rows):
            yield slice(row, row + rows), slice(column, column + columns)


class BestTokens(torch.autograd.Function):
    """For each query token the highest product with a token of each passage.

    The products are made a block at a time, and only the places of the highest are
    kept for the gradient; all at once they would take queries x query tokens x
    passages x passage tokens.
    """

    @staticmethod
    def forward(ctx, queries: torch.Tensor, passages: torch.Tensor) -> torch.Tensor:
        """(n_queries, m, dim) and (n_passages, n, dim) to (n_queries, m, n_passages).

        Of equal products the first counts, as in `torch.max`.
        """
        tokens, length = queries.flatten(0, 1), passages.shape[1]
        shape = len(tokens), len(passages)
        places = torch.empty(shape, dtype=torch.int32, device=queries.device)
        highest = None
        for rows, columns in _blocks(*shape, length):
            # In half precision under autocast, as FlagEmbedding's.
            products = tokens[rows] @ passages[columns].flatten(0, 1).T
            best = products.unflatten(1, (-1, length)).max(-1)
            if highest is None:
                highest = products.new_empty(shape)
            highest[rows, columns], places[rows, columns] = best
        ctx.save_for_backward(queries, passages, places)
        return highest.unflatten(0, queries.shape[:2])

    @staticmethod
    @once_differentiable
    def backward(ctx, gradient: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """The gradients of queries and passages.

        Each is a sum of the other's tokens at the places of the highest, weighted by
        the gradient. `embedding_bag` makes it without holding what it adds up, and
        unlike `index_add_` on a GPU adds in the same order every time.
        """
        queries, passages, places = ctx.saved_tensors
        tokens, length = queries.flatten(0, 1), passages.shape[1]
        gradient = gradient.flatten(0, 1).to(tokens.dtype)
        first = torch.arange(len(passages), device=places.device) * length
        chosen = places + first
        of_tokens = F.embedding_bag(
            chosen, passages.flatten(0, 1), mode="sum", per_sample_weights=gradient
        )
        # Likewise the other way round: for each token of a passage the query tokens
        # that chose it.
        chosen, order = chosen.flatten().sort(stable=True)
        ends = torch.arange(passages.shape[0] * length + 1, device=places.device)
        of_passages = F.embedding_bag(
            order // len(passages),
            tokens,
            torch.searchsorted(chosen, ends),
            mode="sum",
            per_sample_weights=gradient.flatten()[order],
            include_last_offset=True,
        )
        return of_tokens.view_as(queries), of_passages.view_as(passages)


class M3Model(EncoderOnlyEmbedderM3Model):
    """The M3 model in training, with sparse and multi-vector scores in less memory.

    Attributes:
        largest_weight: the largest token weight of the sparse head since it was last
            set to None; a tensor, not to wait for the GPU at every step.
        source: the directory that it was loaded from.
        description: how it makes dense vectors.
        named_tokens: what its tokenizer came without and is to call some tokens.
        keep_heads: its directory is to have heads, trained or as they were.
        negatives_of_all: each query is compared with the passages of all processes.
        false_negatives: what finds those of a batch, which no loss has then.
    """

    largest_weight: torch.Tensor | None = None
    source: str
    description: Description
    named_tokens: Mapping[str, str] = {}
    keep_heads = True
    negatives_of_all = False
    false_negatives: FalseNegatives | None = None
    _shared = False
    _masked: torch.Tensor | None = None

    def share_negatives(self) -> None:
        """Have `negatives_cross_device` make of all processes one with all rows.

        FlagEmbedding shares dense vectors only, and sums the gradients of a loss that
        every process computes whole, which DDP then divides by their number: the more
        processes, the less it weighs beside the other losses.
        """
        self.negatives_of_all = self.negatives_cross_device
        self.negatives_cross_device = False

    def forward(
        self,
        queries: Texts | Sequence[Texts] | None = None,
        passages: Texts | Sequence[Texts] | None = None,
        teacher_scores: Sequence[float] | None = None,
        no_in_batch_neg_flag: bool = False,
        numbers: Mapping[str, torch.Tensor] | None = None,
    ) -> EmbedderOutput:
        """The loss of a batch, as FlagEmbedding's.

        `numbers` are those of the texts, (n_queries,) and (n_passages,) int64, of which
        `false_negatives` are found.
        """
        self._shared = self.negatives_of_all and not no_in_batch_neg_flag
        self._masked = None
        if numbers is not None and self.training:
            self._masked = self._mask_of(
                numbers, graded=teacher_scores is not None, alone=no_in_batch_neg_flag
            )
        if self._shared and teacher_scores is not None:
            device = next(self.parameters()).device
            own = torch.tensor(teacher_scores, dtype=torch.float64, device=device)
            teacher_scores = of_all_processes(own).tolist()
        return super().forward(queries, passages, teacher_scores, no_in_batch_neg_flag)

    def _mask_of(
        self, numbers: Mapping[str, torch.Tensor], *, graded: bool, alone: bool
    ) -> torch.Tensor | None:
        """(n_queries, n_passages) bool: what no loss is to have; None: nothing.

        Args:
            numbers: of this process's texts.
            graded: a teacher has scored each query's own negatives, and knows better.
            alone: a query is compared with its own passages, (n_queries, group).
        """
        queries, passages = (
            (of_all_processes(numbers[side]) if self._shared else numbers[side])
            for side in SIDES
        )
        group = len(passages) // len(queries)
        found = self.false_negatives.of(queries.cpu().numpy(), passages.cpu().numpy())
        own = np.repeat(np.eye(len(queries), dtype=bool), group, axis=1)
        for masked in found.values():
            masked &= ~own if graded else True
            masked &= own if alone else True
        # What all processes have alike is counted by the first.
        if not self._shared or dist.get_rank() == 0:
            compared = len(queries) * ((group if alone else len(passages)) - 1)
            self.false_negatives.count(compared, found)
        every = np.logical_or.reduce([*found.values(), np.zeros_like(own)])
        if not every.any():
            return None
        every = every[own].reshape(-1, group) if alone else every
        return torch.from_numpy(every).to(numbers[SIDES[0]].device)

    def _without_masked(
        self, score: Callable[..., torch.Tensor]
    ) -> Callable[..., torch.Tensor]:
        """Scores of which those that are masked have no share in a softmax."""
        if self._masked is None:
            return score

        def scores(*given: torch.Tensor, **more: torch.Tensor) -> torch.Tensor:
            found = score(*given, **more)
            # Far from infinity, of which a distillation would make 0 x -inf, also
            # where scores of several heads are added.
            lowest = torch.finfo(found.dtype).min / 4
            return found.masked_fill(self._masked, lowest)

        return scores

    def _compute_in_batch_neg_loss(
        self,
        q_reps: torch.Tensor,
        p_reps: torch.Tensor,
        teacher_targets: torch.Tensor | None = None,
        compute_score_func: Callable[..., torch.Tensor] | None = None,
        **more: torch.Tensor,
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """FlagEmbedding's, without the false negatives."""
        score = self._without_masked(compute_score_func)
        return super()._compute_in_batch_neg_loss(
            q_reps, p_reps, teacher_targets, score, **more
        )

    def encode(self, features: Texts | Sequence[Texts]) -> Vectors:
        """Dense, sparse and multi-vector representations of a batch.

        With `sub_batch_size` made so many texts at a time, in the memory of these.
        """
        parts = in_parts(features, self.sub_batch_size)
        dense, sparse, tokens = encoded_in_parts(self._encode, parts)
        if self._shared:
            dense = of_all_processes(dense)
            if self.unified_finetuning:
                sparse = of_all_processes(sparse)
                tokens = of_all_processes(tokens, tokens=True)
        return dense, sparse, tokens

    def _get_queries_attention_mask(
        self, queries: Texts | Sequence[Texts]
    ) -> torch.Tensor:
        mask = super()._get_queries_attention_mask(queries)
        return of_all_processes(mask, tokens=True) if self._shared else mask

    def _sparse_embedding(
        self,
        hidden_state: torch.Tensor,
        input_ids: torch.Tensor,
        return_embedding: bool = True,
    ) -> torch.Tensor:
        """Each token's largest weight in the text, by token id; special tokens 0.

        (batch, length, hidden) become (batch, vocabulary), or (batch, length, 1)
        weights of the tokens. FlagEmbedding's own allocates batch x length x vocabulary
        in training; this one batch x vocabulary.
        """
        weights = torch.relu(self.sparse_linear(hidden_state))
        if not return_embedding:
            return weights
        special = torch.tensor(special_ids(self.tokenizer), device=input_ids.device)
        weights = weights.squeeze(-1).masked_fill(torch.isin(input_ids, special), 0)
        largest = weights.detach().max()
        if self.largest_weight is not None:
            largest = torch.maximum(largest, self.largest_weight)
        self.largest_weight = largest
        return largest_weights(input_ids, weights, self.vocab_size)

    def compute_colbert_score(
        self,
        q_reps: torch.Tensor,
        p_reps: torch.Tensor,
        q_mask: torch.Tensor | None = None,
    ) -> torch.Tensor:
        """Late-interaction scores of each query with each passage, over temperature.

        (n_queries, m, dim) and (n_passages, n, dim), whose padding is 0, become
        (n_queries, n_passages). The mask, (n_queries, 1 + m), has the CLS token too.
        """

        def sums(queries: torch.Tensor, passages: torch.Tensor) -> torch.Tensor:
            return BestTokens.apply(queries, passages).sum(1)

        if not q_reps.shape[1] or not p_reps.shape[1]:
            # No text has a second token; zeros, with gradients of 0.
            nothing = 0 * (q_reps.sum() + p_reps.sum())
            return nothing.expand(len(q_reps), len(p_reps))
        found = (
            by_own_rows(sums, q_reps, p_reps) if self._shared else sums(q_reps, p_reps)
        )
        # A query of one token, of a tokenizer that adds none, has no vectors: score 0.
        counts = q_mask[:, 1:].sum(-1, keepdim=True).clamp(min=1)
        return found / counts / self.temperature

    def save(
        self, output_dir: str, encoder: dict[str, torch.Tensor] | None = None
    ) -> None:
        """Write the encoder, by these weights if any are given, and the heads."""
        state = self.model.state_dict() if encoder is None else encoder
        self.model.save_pretrained(output_dir, state_dict=state)
        for name in HEADS if self.unified_finetuning else ():
            head = getattr(self, name.removesuffix(".pt")).state_dict()
            on_cpu = {key: value.cpu() for key, value in head.items()}
            torch.save(on_cpu, Path(output_dir, name))

    def _compute_no_in_batch_neg_loss(
        self,
        q_reps: torch.Tensor,
        p_reps: torch.Tensor,
        teacher_targets: torch.Tensor | None = None,
        compute_score_func: Callable[..., torch.Tensor] | None = None,
        **more: torch.Tensor,
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Scores of each query with its own passages, (n_queries, group), and the loss.

        The mean of the losses that each query has in a batch of its own. FlagEmbedding
        1.4.2 looks for the positive of query i at i x group instead of 0, and weighs
        one passage a query in the loss of all scores together.
        """
        score = self.compute_local_score
        if compute_score_func == self.ensemble_score:
            score = compute_score_func
        else:
            more["compute_score_func"] = compute_score_func
        scores = self._without_masked(score)(q_reps, p_reps, **more)
        loss = 0.0
        if teacher_targets is None or self.kd_loss_type == "kl_div":
            first = torch.zeros(len(scores), dtype=torch.long, device=scores.device)
            loss = self.compute_loss(scores, first)
        if teacher_targets is not None:
            alone = zip(teacher_targets.split(1), scores.split(1), strict=True)
            distilled = [
                self.distill_loss(self.kd_loss_type, *pair, scores.shape[1])
                for pair in alone
            ]
            loss = loss + torch.stack(distilled).mean()
        return scores, loss
