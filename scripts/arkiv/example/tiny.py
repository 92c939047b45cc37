"""Tiny models in the shape of BGE-M3 and its reranker, for the demo and the tests.

They are built on the spot, without a hub: a Unigram tokenizer made from made-up court
minutes and a small XLM-RoBERTa. The embedder's weights are random: it finds texts that
share words with the query by the accident of its projections, which is what training
then improves. The reranker's weights are set by hand, so that it scores by the words
that query and passage share. Neither knows any language: the words that count are
those of the made-up minutes, and on pages of another kind the reranker is no teacher.
"""

from __future__ import annotations

import math
import string
from collections import Counter
from collections.abc import Iterable
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

from arkiv.base.files import written_whole
from arkiv.example.archive import cases
from arkiv.example.questions import WORDS

if TYPE_CHECKING:
    import torch
    from transformers import (
        PreTrainedModel,
        PreTrainedTokenizerFast,
        XLMRobertaConfig,
        XLMRobertaModel,
    )

# In the order of XLM-RoBERTa, whose padding id is 1.
SPECIALS = ("<s>", "<pad>", "</s>", "<unk>")
MASK = "<mask>"
ALPHABET = string.ascii_letters + string.digits + string.punctuation + "åäöÅÄÖéüßæøàè§¬"
POSITIONS = 8194
CASES = 2000
VOCABULARY = 6000
NO_DROPOUT = {"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0}
SPACE = "▁"  # how Metaspace writes the space before a word


def _pieces(size: int, seed: int) -> list[tuple[str, float]]:
    """Pieces and their log probabilities: the alphabet, readers' words, the frequent.

    Counted, not trained: the EM of `tokenizers`' UnigramTrainer gives other scores in
    every run. A piece is a word or a run of 2 to 6 letters inside one, and is ranked by
    how many letters it saves.
    """
    words = Counter(
        word.strip(string.punctuation)
        for text in cases(CASES, seed)
        for word in text.split()
    )
    # Of readers' words no minutes tell how often they are met: as often as a matter.
    asked = dict.fromkeys(chain(*WORDS.values()), CASES // 50)
    words.update(asked)
    counts: Counter[str] = Counter()
    for word, times in words.items():
        spaced = SPACE + word
        counts[spaced] += times
        for length in range(2, min(6, len(spaced) - 1) + 1):
            for start in range(len(spaced) - length + 1):
                counts[spaced[start : start + length]] += times
    for letter in SPACE + ALPHABET:
        counts[letter] = sum(t * w.count(letter) for w, t in words.items()) + 1
    # Whole, on both sides, for the reranker to know one for the other.
    whole = [f"{SPACE}{word}" for word in (*WORDS, *asked)]
    longer = sorted(
        (piece for piece in counts if len(piece) > 1),
        key=lambda piece: (-counts[piece] * (len(piece) - 1), piece),
    )
    kept = list(dict.fromkeys((*SPACE, *ALPHABET, *whole, *longer)))
    kept = kept[: size - len(SPECIALS) - 1]
    total = sum(counts[piece] for piece in kept)
    return [(piece, round(math.log(counts[piece] / total), 6)) for piece in kept]


def build_tokenizer(vocabulary: int, seed: int) -> PreTrainedTokenizerFast:
    """A Unigram tokenizer of `vocabulary` pieces, made from made-up court minutes."""
    return tokenizer_of(_pieces(vocabulary, seed))


def tokenizer_of(known: Iterable[tuple[str, float]]) -> PreTrainedTokenizerFast:
    """A Unigram tokenizer of pieces with their log probabilities, and specials."""
    from tokenizers import (
        Tokenizer,
        decoders,
        models,
        normalizers,
        pre_tokenizers,
        processors,
    )
    from transformers import PreTrainedTokenizerFast

    pieces = [(special, 0.0) for special in SPECIALS]
    pieces += [*known, (MASK, 0.0)]
    tokenizer = Tokenizer(models.Unigram(pieces, unk_id=SPECIALS.index("<unk>")))
    tokenizer.normalizer = normalizers.NFKC()
    # As XLM-RoBERTa does: line breaks divide words and are no tokens of their own.
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Metaspace()]
    )
    tokenizer.decoder = decoders.Metaspace()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>",
        pair="<s> $A </s> </s> $B </s>",
        special_tokens=[("<s>", 0), ("</s>", 2)],
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        bos_token="<s>",
        cls_token="<s>",
        eos_token="</s>",
        sep_token="</s>",
        pad_token="<pad>",
        unk_token="<unk>",
        mask_token=MASK,
        model_max_length=POSITIONS - 2,
    )


def config_of(
    tokenizer: PreTrainedTokenizerFast,
    hidden: int,
    layers: int,
    heads: int,
    **more: object,
) -> XLMRobertaConfig:
    """XLM-RoBERTa's configuration by a tokenizer and sizes; `more` by its own names."""
    from transformers import XLMRobertaConfig

    given = {
        "vocab_size": len(tokenizer),
        "hidden_size": hidden,
        "num_hidden_layers": layers,
        "num_attention_heads": heads,
        "intermediate_size": 2 * hidden,
        "max_position_embeddings": POSITIONS,
        "type_vocab_size": 1,
        "pad_token_id": tokenizer.pad_token_id,
        "bos_token_id": tokenizer.bos_token_id,
        "eos_token_id": tokenizer.eos_token_id,
    }
    return XLMRobertaConfig(**given | more)


def save(
    path: str | Path,
    tokenizer: PreTrainedTokenizerFast,
    model: PreTrainedModel,
    **heads: torch.nn.Module,
) -> None:
    """Write a model to a directory, whole or not at all; its heads to a file each."""
    import torch

    with written_whole(path) as beside:
        tokenizer.save_pretrained(beside)
        model.save_pretrained(beside)
        for name, head in heads.items():
            torch.save(head.state_dict(), beside / f"{name}.pt")


def _mix_words(model: XLMRobertaModel) -> None:
    """Initialise so that the CLS vector tells texts apart, as a pretrained one does.

    With XLM-RoBERTa's own initialisation the CLS vectors of all texts are nearly equal,
    and two epochs do not change that. Here words outweigh positions, and attention
    carries an undistorted, strong mean of the words.
    """
    import torch

    with torch.no_grad():
        model.embeddings.word_embeddings.weight.mul_(4)
        for layer in model.encoder.layer:
            _orthogonal(layer.attention.self.value.weight)
            _orthogonal(layer.attention.output.dense.weight, gain=4)


def _orthogonal(weight: torch.Tensor, gain: float = 1) -> None:
    """Fill a square matrix with a random orthogonal one, times `gain`.

    As `torch.nn.init.orthogonal_`, but in double precision: single precision gives
    other last bits with another number of threads.
    """
    import torch

    q, r = torch.linalg.qr(torch.randn(weight.shape).double())
    weight.copy_(gain * q * r.diagonal().sign())


def build_embedder(
    path: str | Path, seed: int = 0, *, hidden: int = 128, vocabulary: int = VOCABULARY
) -> None:
    """Write a tiny M3 to the directory `path`, whole or not at all.

    Loads in `BGEM3FlagModel` and trains. Texts to 8192 tokens.
    """
    import torch
    from transformers import XLMRobertaModel

    torch.manual_seed(seed)
    tokenizer = build_tokenizer(vocabulary, seed)
    config = config_of(tokenizer, hidden, layers=2, heads=4, **NO_DROPOUT)
    model = XLMRobertaModel(config, add_pooling_layer=False)
    multi_vector, sparse = torch.nn.Linear(hidden, hidden), torch.nn.Linear(hidden, 1)
    _mix_words(model)
    torch.nn.init.normal_(sparse.weight, std=0.002)
    # Above 0 for every token: what the head's ReLU once cut off gets no gradient.
    torch.nn.init.constant_(sparse.bias, 0.1)
    save(path, tokenizer, model, colbert_linear=multi_vector, sparse_linear=sparse)


def build_reranker(path: str | Path, seed: int = 0) -> None:
    """Write a tiny reranker to the directory `path`, whole or not at all.

    Its weights are set by hand (see `arkiv.example.tiny_reranker`): it scores how much
    of the query stands in the passage. Loads in `FlagReranker`.
    """
    from transformers import XLMRobertaForSequenceClassification

    from arkiv.example.tiny_reranker import HEADS, HIDDEN, LAYERS, wire

    tokenizer = build_tokenizer(VOCABULARY, seed)
    config = config_of(tokenizer, HIDDEN, LAYERS, HEADS, num_labels=1, **NO_DROPOUT)
    model = XLMRobertaForSequenceClassification(config)
    wire(model, tokenizer, seed)
    save(path, tokenizer, model)
