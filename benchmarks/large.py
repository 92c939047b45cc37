"""Models in the shape of BGE-M3 and its reranker, with random weights: for speed only.

XLM-RoBERTa large with 250,002 word vectors, as float16, and the tiny models' tokenizer,
which uses the first of them.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from arkiv.base.files import written_whole
from arkiv.example.tiny import POSITIONS, build_tokenizer

if TYPE_CHECKING:
    from transformers import (
        PreTrainedModel,
        PreTrainedTokenizerFast,
        XLMRobertaConfig,
        XLMRobertaModel,
    )

VOCABULARY, PIECES = 250_002, 6_000
HIDDEN, LAYERS, HEADS = 1024, 24, 16


def _config(tokenizer: PreTrainedTokenizerFast, **more: object) -> XLMRobertaConfig:
    from transformers import XLMRobertaConfig

    return XLMRobertaConfig(
        vocab_size=VOCABULARY,
        hidden_size=HIDDEN,
        num_hidden_layers=LAYERS,
        num_attention_heads=HEADS,
        intermediate_size=4 * HIDDEN,
        max_position_embeddings=POSITIONS,
        type_vocab_size=1,
        pad_token_id=tokenizer.pad_token_id,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        **more,
    )


def _tell_apart(model: XLMRobertaModel) -> None:
    """Let words outweigh positions and attention carry them on.

    With XLM-RoBERTa's own initialisation the CLS vectors of all texts are nearly equal
    and their ranks are decided by rounding.
    """
    import torch

    with torch.no_grad():
        model.embeddings.word_embeddings.weight.mul_(4)
        for layer in model.encoder.layer:
            layer.attention.self.value.weight.normal_(std=HIDDEN**-0.5)
            layer.attention.output.dense.weight.normal_(std=4 * HIDDEN**-0.5)


def _save(
    path: Path, tokenizer: PreTrainedTokenizerFast, model: PreTrainedModel, heads: dict
) -> None:
    import torch

    with written_whole(path) as beside:
        tokenizer.save_pretrained(beside)
        model.half().save_pretrained(beside)
        for name, head in heads.items():
            torch.save(head.state_dict(), beside / name)


def build_embedder(path: Path, seed: int = 0) -> None:
    """Write an embedder with its sparse and multi-vector heads."""
    import torch
    from transformers import XLMRobertaModel

    torch.manual_seed(seed)
    tokenizer = build_tokenizer(PIECES, seed)
    model = XLMRobertaModel(_config(tokenizer), add_pooling_layer=False)
    _tell_apart(model)
    heads = {
        "colbert_linear.pt": torch.nn.Linear(HIDDEN, HIDDEN),
        "sparse_linear.pt": torch.nn.Linear(HIDDEN, 1),
    }
    _save(path, tokenizer, model, heads)


def build_reranker(path: Path, seed: int = 0) -> None:
    """Write a reranker with one label."""
    import torch
    from transformers import XLMRobertaForSequenceClassification

    torch.manual_seed(seed)
    tokenizer = build_tokenizer(PIECES, seed)
    model = XLMRobertaForSequenceClassification(_config(tokenizer, num_labels=1))
    _tell_apart(model.roberta)
    _save(path, tokenizer, model, {})
