"""The last layer for the first token alone gives what the whole layer gives."""

from functools import partial

import numpy as np
import pytest
from examples import case_pairs
from transformers import BertConfig, BertModel

from arkiv.encode.cross_encoder import CrossEncoder
from arkiv.encode.encoder import Encoder
from arkiv.encode.first_token import FirstTokenLayer, LastLayer
from arkiv.encode.m3 import M3
from arkiv.encode.options import Options
from arkiv.example.archive import cases

TEXTS = [*cases(9, seed=3), "§ 1.", " ".join(cases(6, seed=4))]


@pytest.mark.parametrize("tokens", [1, 900])
def test_dense_vectors_alone_are_those_beside_the_others(tiny_embedder, tokens):
    encoder = Encoder(M3(tiny_embedder, Options(batch_tokens=tokens)), longest=512)
    encode = partial(encoder.encode, TEXTS, "passage", max_length=512)
    layers = encoder.workers._here.model.encoder.layer
    alone = encode().dense
    assert isinstance(layers[-1], FirstTokenLayer)
    beside = encode(sparse=True, multi_vector=True).dense
    assert not isinstance(layers[-1], FirstTokenLayer)
    np.testing.assert_allclose(alone, beside, atol=1e-6)


def test_scores_are_those_of_the_whole_layer(tiny_reranker):
    pairs = list(case_pairs(12, seed=5))
    reranker = Encoder(CrossEncoder(tiny_reranker), longest=512)
    scores = partial(reranker.scores, pairs, max_length=512, query_max_length=256)
    ours = scores()
    model = reranker.workers._here.model
    layers = model.base_model.encoder.layer
    assert isinstance(layers[-1], FirstTokenLayer)
    layers[-1] = layers[-1].layer
    np.testing.assert_allclose(ours, scores(), atol=1e-5)


def test_less_is_computed(tiny_embedder):
    """Every product of the last layer but keys and values has one row a text."""
    encoder = Encoder(M3(tiny_embedder), longest=64)
    seen = []
    last = encoder.workers._here.model.encoder.layer[-1]
    for module in (last.attention.self.query, last.intermediate.dense):
        module.register_forward_hook(lambda m, given, out: seen.append(out.shape[:2]))
    encoder.encode(TEXTS, "passage", max_length=64)
    assert {length for _, length in seen} == {1}
    assert sum(rows for rows, _ in seen) == 2 * len(TEXTS)


def test_other_models_stay_as_they_are():
    shape = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2}
    config = BertConfig(vocab_size=50, intermediate_size=64, **shape)
    model = BertModel(config).eval()
    before = model.encoder.layer[-1]
    LastLayer(model).take(first_token_alone=True)
    assert model.encoder.layer[-1] is before


def test_another_attention_stays_as_it_is(tiny_embedder):
    eager, own = (
        Encoder(M3(tiny_embedder, Options(attention=attention)), longest=512)
        for attention in ("eager", "auto")
    )
    vectors = eager.encode(TEXTS, "passage", max_length=512).dense
    last = eager.workers._here.model.encoder.layer[-1]
    assert not isinstance(last, FirstTokenLayer)
    ours = own.encode(TEXTS, "passage", max_length=512).dense
    np.testing.assert_allclose(vectors, ours, atol=1e-5)
