"""Values that caches keep do not move unless the version of their computation does."""

from functools import partial

import numpy as np
import pytest
import torch
from tokenizers import Tokenizer, models, pre_tokenizers, processors
from transformers import (
    PreTrainedTokenizerFast,
    XLMRobertaConfig,
    XLMRobertaForSequenceClassification,
    XLMRobertaModel,
)

from arkiv.encode.cache import VERSIONS
from arkiv.encode.cross_encoder import CrossEncoder
from arkiv.encode.dense import Dense
from arkiv.encode.encoder import Encoder
from arkiv.encode.m3 import M3
from arkiv.encode.options import Options
from arkiv.retrieve.late import kept_scores

# By kind and version: a sum for each text or pair, from the model of `golden`.
GOLDEN = {
    ("cross_encoder", 1): [
        -1.8286095,
        -1.9609635,
        -1.9526725,
        -1.7827137,
        -2.0299997,
        -2.0453801,
        -2.053545,
        -2.0352063,
    ],
    ("dense", 1): [
        0.9531986,
        0.5545826,
        0.0554154,
        0.1948612,
        1.0506461,
        -0.005448,
        -1.7253773,
        -0.1111489,
    ],
    ("late_interaction", 1): [
        1.0,
        0.9885182,
        0.9407969,
        0.9820401,
        0.9873238,
        1.0,
        0.9678377,
        0.9920889,
    ],
    ("multi_vector", 1): [-0.2919525, 0.4025813, 0.3582912, 0.1742254],
    ("sparse", 1): [-0.2679708, -0.1520183, -0.0357544, -0.744026],
}

LETTERS = "abcdefghijklmnopqrstuvwxyzåäö"
TEXTS = ["tinget", "en häst såldes på marknaden", "år 1750", "x" * 90]
PAIRS = [(one, other) for one in TEXTS[:2] for other in TEXTS]
OPTIONS = Options(precision="float32", attention="sdpa")


@pytest.fixture(scope="module")
def golden(tmp_path_factory):
    """A model of every kind by a fixed seed, apart from those that the demo builds."""
    specials = ("<s>", "<pad>", "</s>", "<unk>", "<mask>")
    vocabulary = {piece: n for n, piece in enumerate((*specials, *LETTERS))}
    tool = Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))
    tool.pre_tokenizer = pre_tokenizers.Split("", "isolated")
    tool.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>",
        pair="<s> $A </s> </s> $B </s>",
        special_tokens=[("<s>", 0), ("</s>", 2)],
    )
    names = dict(zip(("cls", "pad", "eos", "unk", "mask"), specials, strict=True))
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=tool,
        model_max_length=64,
        **{f"{name}_token": piece for name, piece in names.items()},
    )
    config = XLMRobertaConfig(
        vocab_size=len(vocabulary),
        hidden_size=16,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=32,
        max_position_embeddings=66,
        type_vocab_size=1,
        pad_token_id=1,
        num_labels=1,
        initializer_range=0.3,
    )
    folder = tmp_path_factory.mktemp("golden")
    torch.manual_seed(0)
    for name, kind in (
        ("encoder", XLMRobertaModel),
        ("cross_encoder", XLMRobertaForSequenceClassification),
    ):
        kind(config).save_pretrained(folder / name)
        tokenizer.save_pretrained(folder / name)
    for name, dim in (("colbert_linear", 16), ("sparse_linear", 1)):
        head = torch.nn.Linear(16, dim)
        head.bias.data += 1  # a ReLU follows the sparse one
        torch.save(head.state_dict(), folder / "encoder" / f"{name}.pt")
    return folder


def computed(kind, folder):
    """A list with what is computed of each text or pair."""
    if kind == "cross_encoder":
        encoder = Encoder(CrossEncoder(folder / kind, OPTIONS), longest=40)
        return encoder.scores(PAIRS, max_length=40, query_max_length=256)
    if kind == "late_interaction":
        encoder = Encoder(M3(folder / "encoder", OPTIONS), longest=40)
        return np.concatenate(
            kept_scores(
                *(TEXTS[:2], TEXTS, [np.arange(len(TEXTS))] * 2, encoder),
                max_lengths={"query": 40, "passage": 40},
                cache=None,
                job="",
            )
        )
    m3, mean = (
        partial(
            Encoder(of_kind(folder / "encoder", OPTIONS), longest=40).encode,
            *(TEXTS, "passage"),
            max_length=40,
        )
        for of_kind in (M3, partial(Dense, pooling="mean"))
    )
    if kind == "dense":
        return [*m3().dense, *mean().dense]
    found = m3(sparse=True, multi_vector=True)
    return found.sparse.toarray() if kind == "sparse" else found.multi_vector


def sums(values):
    """One number for all values of a text: none can move without it."""
    flat = [np.asarray(one, np.float64).ravel() for one in values]
    return [float(one @ np.cos(np.arange(len(one)))) for one in flat]


@pytest.mark.parametrize("kind", sorted(VERSIONS))
def test_values_move_with_the_version_alone(golden, kind):
    found, wanted = sums(computed(kind, golden)), GOLDEN.get((kind, VERSIONS[kind]))
    rounded = [round(value, 7) for value in found]
    assert wanted is not None, f"enter the values of the new version: {rounded}"
    assert found == pytest.approx(wanted, rel=1e-6, abs=1e-6), (
        f"values of kind {kind} have moved; raise its number in VERSIONS of "
        "arkiv.encode.cache, so that no cache gives the old ones"
    )
