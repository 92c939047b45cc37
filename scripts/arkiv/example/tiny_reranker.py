"""A cross-encoder wired by hand: how much of the query stands in the passage.

A tiny reranker with random weights would be a harmful teacher: `m3_kd_loss` pulls up
whatever it likes. Training one takes longer than a demo may. So the weights of a small
XLM-RoBERTa are set such that its logit is, nearly exactly,

    logit(q, p) = 20 tanh(share / 2) - 5

where share is the part of the query's tokens, weighted by exp(4 idf), that occur in the
passage. A word of today counts as the one that the minutes have for it, as a trained
reranker would know: both have one code. Every token vector has the same norm and mean
0, so that layer normalisation changes (almost) nothing. The layers:

0. Every token finds the first `</s>` and so learns whether it belongs to the passage.
1. Every token looks for itself in the passage; one that does not occur there takes
   `<s>` instead, which stands for "nothing".
2. `<s>` averages the finds of the query's tokens, rare ones weighing more.

Exact in float32; tokens beyond position 255 of the query are not told from the passage.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING

from arkiv.example.archive import cases
from arkiv.example.questions import WORDS

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedTokenizerFast

HIDDEN, LAYERS, HEADS = 128, 3, 1
CODE = 96  # dimensions of a token's identity, each 1 or -1
# Scalars stand in pairs of dimensions (v, -v), so that every vector keeps mean 0.
PLACE, PLACE_REST, RARITY, RARITY_REST = 96, 98, 100, 102
IS_END, IS_START, IS_UNKNOWN = 104, 106, 108
END_PLACE, IN_PASSAGE, FOUND, SHARE = 110, 112, 114, 116
PLACES, PLACE_SCALE, RARITY_SCALE = 256, 8.0, 4.0
FLAG = math.sqrt(CODE / 2)  # a special token's flag has the norm of a code
NORM = math.sqrt((CODE + 2 * PLACE_SCALE**2 + 2 * RARITY_SCALE**2) / HIDDEN)
# A query of which attention, scaled by the head's size, makes 1.
ROOT = math.sqrt(HIDDEN // HEADS)
IDF_CASES = 2000


def _rarities(tokenizer: PreTrainedTokenizerFast, seed: int) -> list[float]:
    """Inverse document frequency of every token, scaled to 0 (everywhere) to 1.

    A token that no minutes hold ("What was …?") says nothing of them: 0 too.
    """
    texts = list(cases(IDF_CASES, seed))
    encoded = tokenizer(texts, add_special_tokens=False)["input_ids"]
    found = Counter(token for ids in encoded for token in set(ids))
    whole = math.log(len(texts) + 1)
    return [
        math.log((len(texts) + 1) / (found[token] + 1)) / whole if found[token] else 0.0
        for token in range(len(tokenizer))
    ]


def _called_otherwise(tokenizer: PreTrainedTokenizerFast) -> Iterator[tuple[int, int]]:
    """Tokens of readers' words, each with that of the word that the minutes have."""
    for in_minutes, called in WORDS.items():
        for today in called:
            ids = tokenizer([today, in_minutes], add_special_tokens=False)["input_ids"]
            yield ids[0][0], ids[1][0]  # a token each


def _pair(rows: torch.Tensor, at: int, values: torch.Tensor | float) -> None:
    rows[:, at], rows[:, at + 1] = values, -values


def _read(weight: torch.Tensor, row: int, at: int, factor: float) -> None:
    """Make output `row` of a linear layer the scalar in the pair at `at`, scaled."""
    weight[row, at] += factor / 2
    weight[row, at + 1] -= factor / 2


def _write(weight: torch.Tensor, at: int, column: int, factor: float) -> None:
    """Add input `column` of a linear layer, scaled, to the pair at `at`."""
    weight[at, column] += factor
    weight[at + 1, column] -= factor


def wire(model: torch.nn.Module, tokenizer: PreTrainedTokenizerFast, seed: int) -> None:
    """Set all weights of an XLMRobertaForSequenceClassification as described above."""
    import torch

    with torch.no_grad():
        for name, weights in model.named_parameters():
            weights.fill_(NORM if name.endswith("LayerNorm.weight") else 0.0)
        _wire_embeddings(model.roberta.embeddings, tokenizer, seed)
        first, second, third = model.roberta.encoder.layer
        _wire_segments(first)
        _wire_matches(second)
        _wire_pooling(third)
        _read(model.classifier.dense.weight, 0, SHARE, 0.5)
        model.classifier.out_proj.weight[0, 0] = 20.0
        model.classifier.out_proj.bias[0] = -5.0


def _wire_embeddings(embeddings, tokenizer, seed: int) -> None:
    import torch

    words = embeddings.word_embeddings.weight
    draw = torch.Generator().manual_seed(seed)
    halves = torch.tensor([1.0, -1.0]).repeat(CODE // 2)
    for row in words:
        row[:CODE] = halves[torch.randperm(CODE, generator=draw)]
    rarity = torch.tensor(_rarities(tokenizer, seed))
    for today, in_minutes in _called_otherwise(tokenizer):
        words[today, :CODE] = words[in_minutes, :CODE]
        rarity[today] = rarity[in_minutes]
    for token, flag in (
        (tokenizer.eos_token_id, IS_END),
        (tokenizer.bos_token_id, IS_START),
        (tokenizer.unk_token_id, IS_UNKNOWN),
    ):
        words[token] = 0.0
        _pair(words[token : token + 1], flag, FLAG)
        rarity[token] = 0.0
    _pair(words, RARITY, RARITY_SCALE * rarity)
    _pair(words, RARITY_REST, RARITY_SCALE * (1 - rarity**2).sqrt())
    positions = embeddings.position_embeddings.weight
    # XLM-RoBERTa counts positions from the padding id + 1.
    place = torch.arange(len(positions)) - (tokenizer.pad_token_id + 1)
    place = place.clamp(0, PLACES - 1) / PLACES
    _pair(positions, PLACE, PLACE_SCALE * place)
    _pair(positions, PLACE_REST, PLACE_SCALE * (1 - place**2).sqrt())


def _wire_segments(layer) -> None:
    attention = layer.attention.self
    attention.query.bias[0] = ROOT
    # An end weighs 4000, less 3000 times its place: the first one takes all.
    _read(attention.key.weight, 0, IS_END, 4000 / FLAG)
    _read(attention.key.weight, 0, PLACE, -3000 / PLACE_SCALE)
    _read(attention.value.weight, 0, PLACE, 1.0)
    _write(layer.attention.output.dense.weight, END_PLACE, 0, 1.0)
    # How many places after the first end, as a step from 0 to 1 between 0 and 2.
    inner = layer.intermediate.dense
    for neuron, bias in ((0, -4.0), (1, -12.0)):
        _read(inner.weight, neuron, PLACE, 8 * PLACES / PLACE_SCALE)
        _read(inner.weight, neuron, END_PLACE, -8 * PLACES / PLACE_SCALE)
        inner.bias[neuron] = bias
    _write(layer.output.dense.weight, IN_PASSAGE, 0, 2 / 8)
    _write(layer.output.dense.weight, IN_PASSAGE, 1, -2 / 8)


def _wire_matches(layer) -> None:
    import torch

    attention = layer.attention.self
    codes = torch.arange(CODE)
    # Equal codes give 40, others 0 +- 4; passage tokens 60 more; "nothing" 85.
    attention.query.weight[codes, codes] = 40 * ROOT / CODE
    attention.key.weight[codes, codes] = 1.0
    attention.query.bias[CODE] = ROOT
    _read(attention.key.weight, CODE, IN_PASSAGE, 60 / 2)
    _read(attention.key.weight, CODE, IS_START, 85 / FLAG)
    _read(attention.value.weight, 0, IN_PASSAGE, 1 / 2)
    _write(layer.attention.output.dense.weight, FOUND, 0, 2.0)


def _wire_pooling(layer) -> None:
    attention = layer.attention.self
    attention.query.bias[0] = ROOT
    _read(attention.key.weight, 0, RARITY, 4 / RARITY_SCALE)
    for at, size in ((IN_PASSAGE, 2.0), (IS_END, FLAG), (IS_START, FLAG)):
        _read(attention.key.weight, 0, at, -60 / size)
    _read(attention.value.weight, 0, FOUND, 1 / 2)
    _write(layer.attention.output.dense.weight, SHARE, 0, 1.0)
