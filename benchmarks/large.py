"""Models in the shape of BGE-M3 and its reranker, with random weights: for speed only.

XLM-RoBERTa large with 250,002 word vectors, as float16, and the tiny models' tokenizer,
which uses the first of them.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from arkiv.example.tiny import build_tokenizer, config_of, save

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast, XLMRobertaConfig, XLMRobertaModel

VOCABULARY, PIECES = 250_002, 6_000
HIDDEN, LAYERS, HEADS = 1024, 24, 16


def _config(tokenizer: PreTrainedTokenizerFast, **more: object) -> XLMRobertaConfig:
    sizes = {"vocab_size": VOCABULARY, "intermediate_size": 4 * HIDDEN}
    return config_of(tokenizer, HIDDEN, LAYERS, HEADS, **sizes, **more)


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


def build_embedder(path: Path, seed: int = 0, device: str = "cpu") -> None:
    """Write an embedder with its sparse and multi-vector heads, made on a device."""
    import torch
    from transformers import XLMRobertaModel

    torch.manual_seed(seed)
    tokenizer = build_tokenizer(PIECES, seed)
    with torch.device(device):
        model = XLMRobertaModel(_config(tokenizer), add_pooling_layer=False)
    _tell_apart(model)
    multi_vector, sparse = torch.nn.Linear(HIDDEN, HIDDEN), torch.nn.Linear(HIDDEN, 1)
    model.half()
    save(path, tokenizer, model, colbert_linear=multi_vector, sparse_linear=sparse)


def build_reranker(path: Path, seed: int = 0, device: str = "cpu") -> None:
    """Write a reranker with one label, made on a device."""
    import torch
    from transformers import XLMRobertaForSequenceClassification

    torch.manual_seed(seed)
    tokenizer = build_tokenizer(PIECES, seed)
    with torch.device(device):
        model = XLMRobertaForSequenceClassification(_config(tokenizer, num_labels=1))
    _tell_apart(model.roberta)
    save(path, tokenizer, model.half())
