"""Small models of many bodies, as they lie on the hub: without heads."""

from __future__ import annotations

from pathlib import Path

import torch
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
from transformers import (
    AutoConfig,
    AutoModel,
    BertTokenizerFast,
    PreTrainedTokenizerFast,
)

from arkiv.base.files import read_json, write_json
from arkiv.example.archive import cases

SIZES = {
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "intermediate_size": 64,
    "max_position_embeddings": 130,
}
# Of each body what differs from SIZES; a None leaves out.
BODIES = {
    "bert": {},
    "roberta": {},
    "xlm-roberta": {},
    "distilbert": {
        "dim": 32,
        "n_layers": 2,
        "n_heads": 4,
        "hidden_dim": 64,
        **dict.fromkeys(
            (
                *("hidden_size", "num_hidden_layers", "num_attention_heads"),
                "intermediate_size",
            )
        ),
    },
    "modernbert": {"global_attn_every_n_layers": 1},
    "mpnet": {},
    # A decoder, whose tokenizer adds nothing and has nothing to pad with.
    "llama": {"num_key_value_heads": 4},
}
SPECIALS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]


def vocabulary() -> list[str]:
    """Letters and the words of made-up minutes."""
    words = {word.lower() for text in cases(40, 1) for word in text.split()}
    letters = sorted({letter for word in words for letter in word})
    return [*SPECIALS, *letters, *(f"##{letter}" for letter in letters), *sorted(words)]


def build_body(path: Path, body: str, seed: int = 0) -> Path:
    """Write an encoder with random weights and its tokenizer to a directory."""
    words = dict.fromkeys(vocabulary())
    ids = {word: number for number, word in enumerate(words)}
    if body == "llama":
        tokenizer = PreTrainedTokenizerFast(
            tokenizer_object=bare_tokenizer(ids), eos_token="[SEP]", unk_token="[UNK]"
        )
    elif body == "modernbert":
        whole = bare_tokenizer(ids)
        whole.post_processor = processors.TemplateProcessing(
            single="[CLS] $A [SEP]",
            special_tokens=[("[CLS]", ids["[CLS]"]), ("[SEP]", ids["[SEP]"])],
        )
        named = ("pad", "unk", "cls", "sep", "mask")
        tokenizer = PreTrainedTokenizerFast(
            tokenizer_object=whole,
            **{f"{name}_token": f"[{name.upper()}]" for name in named},
        )
    else:
        tokenizer = BertTokenizerFast(vocab=ids)
    torch.manual_seed(seed)
    sizes = {k: v for k, v in (SIZES | BODIES[body]).items() if v is not None}
    named = {"pad_token_id": 0, "bos_token_id": 2, "eos_token_id": 3}
    if body == "modernbert":
        named |= {"cls_token_id": 2, "sep_token_id": 3}
    if body == "mpnet":
        named["pad_token_id"] = 1  # from which it counts positions, whatever is said
    config = AutoConfig.for_model(body, vocab_size=len(ids), **sizes, **named)
    tokenizer.save_pretrained(path)
    AutoModel.from_config(config).save_pretrained(path)
    if body == "llama":
        file = path / "tokenizer_config.json"
        known = read_json(file)
        write_json(file, {k: v for k, v in known.items() if k != "pad_token"})
    return path


def bare_tokenizer(ids: dict[str, int]) -> Tokenizer:
    """A tokenizer of words that adds no tokens of its own."""
    tokenizer = Tokenizer(models.WordPiece(ids, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    return tokenizer
