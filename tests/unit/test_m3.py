"""Encodings equal those of FlagEmbedding's BGEM3FlagModel."""

import numpy as np
import pytest
import torch

from arkiv.errors import InputError
from arkiv.example import cases
from arkiv.m3 import M3Encoder, multi_vector_score

MAX_LENGTH = 96
TEXTS = [
    *cases(6, seed=7),
    "§ 1.",
    "Ān ünknown wörd: 漢字 🙂",
    " ".join(cases(4, seed=8)),
    "rågång",
    "§ 1.",
]


@pytest.fixture(scope="module")
def upstream(tiny_embedder):
    from FlagEmbedding import BGEM3FlagModel

    model = BGEM3FlagModel(str(tiny_embedder), use_fp16=False, devices="cpu")
    return model.encode(
        TEXTS,
        batch_size=3,
        max_length=MAX_LENGTH,
        return_dense=True,
        return_sparse=True,
        return_colbert_vecs=True,
    )


@pytest.fixture(scope="module")
def encoder(tiny_embedder):
    return M3Encoder(tiny_embedder, max_length=MAX_LENGTH, batch_size=4)


@pytest.fixture(scope="module")
def encoded(encoder):
    return encoder.encode(TEXTS, dense=True, sparse=True, multi_vector=True)


def test_dense_vectors_equal_upstream(encoded, upstream):
    assert encoded.dense.shape == (len(TEXTS), 128)
    np.testing.assert_allclose(encoded.dense, upstream["dense_vecs"], atol=1e-5)
    np.testing.assert_allclose(np.linalg.norm(encoded.dense, axis=1), 1, atol=1e-6)


def test_lexical_weights_equal_upstream(encoded, upstream):
    for row, weights in enumerate(upstream["lexical_weights"]):
        ours = encoded.sparse[row]
        mine = dict(zip(ours.indices.tolist(), ours.data.tolist(), strict=True))
        theirs = {int(token): float(weight) for token, weight in weights.items()}
        assert mine == pytest.approx(theirs, abs=1e-5)
    assert encoded.sparse.nnz > 100


def test_token_vectors_equal_upstream(encoded, upstream):
    for ours, theirs in zip(
        encoded.multi_vector, upstream["colbert_vecs"], strict=True
    ):
        np.testing.assert_allclose(ours, theirs, atol=1e-5)


def test_the_multi_vector_score_equals_upstream(encoded, tiny_embedder):
    from FlagEmbedding import BGEM3FlagModel

    model = BGEM3FlagModel(str(tiny_embedder), use_fp16=False, devices="cpu")
    query, passage = encoded.multi_vector[0], encoded.multi_vector[3]
    ours = multi_vector_score(query, passage)
    assert ours == pytest.approx(float(model.colbert_score(query, passage)), abs=1e-5)


def test_batches_do_not_change_the_vectors(tiny_embedder, encoded):
    one = M3Encoder(tiny_embedder, max_length=MAX_LENGTH, batch_size=1).encode(TEXTS)
    np.testing.assert_allclose(one.dense, encoded.dense, atol=1e-6)


def test_nothing_gives_empty_arrays(encoder):
    nothing = encoder.encode([], sparse=True, multi_vector=True)
    assert nothing.dense.shape == (0, 128)
    assert nothing.sparse.shape == (0, encoder.vocabulary)
    assert nothing.multi_vector == []


def test_a_model_that_gives_nan_is_named(tiny_embedder):
    encoder = M3Encoder(tiny_embedder, max_length=MAX_LENGTH, batch_size=4)
    with torch.no_grad():
        encoder.model.encoder.layer[0].output.dense.bias[3] = float("nan")
    with pytest.raises(InputError, match=f"{tiny_embedder}: the model gives NaN"):
        encoder.encode(["text"])
