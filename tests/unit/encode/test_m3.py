"""Encodings equal those of FlagEmbedding's BGEM3FlagModel."""

import shutil

import numpy as np
import pytest
import torch

from arkiv.base.errors import InputError
from arkiv.encode.encoder import Encoder
from arkiv.encode.m3 import M3
from arkiv.encode.options import Options
from arkiv.example.archive import cases
from arkiv.retrieve.late import late_interaction

MAX_LENGTH = 96
TEXTS = [
    *cases(6, seed=7),
    "§ 1.",
    "Ān ünknown wörd: 漢字 🙂",
    " ".join(cases(4, seed=8)),
    "rågång",
    "rader,\n  brutna\n\n",
    " ",
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
    return Encoder(M3(tiny_embedder), longest=MAX_LENGTH)


def everything(encoder, texts, max_length=MAX_LENGTH):
    return encoder.encode(
        texts, "passage", max_length=max_length, sparse=True, multi_vector=True
    )


@pytest.fixture(scope="module")
def encoded(encoder):
    return everything(encoder, TEXTS)


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
    (ours,) = late_interaction(query, np.array([len(query)]), passage)
    assert ours == pytest.approx(float(model.colbert_score(query, passage)), abs=1e-5)


def test_batches_do_not_change_the_vectors(tiny_embedder, encoded, monkeypatch):
    for tokens, characters in (1, 1 << 20), (100, 1 << 20), (100, 200):
        monkeypatch.setattr("arkiv.encode.batches.CHARACTERS_AT_ONCE", characters)
        kind = M3(tiny_embedder, Options(batch_tokens=tokens))
        again = everything(Encoder(kind, longest=MAX_LENGTH), TEXTS)
        np.testing.assert_allclose(again.dense, encoded.dense, atol=1e-6)
        assert abs(again.sparse - encoded.sparse).max() < 1e-5
        for one, other in zip(again.multi_vector, encoded.multi_vector, strict=True):
            np.testing.assert_allclose(one, other, atol=1e-5)


def test_two_processes_give_the_vectors_of_one(tiny_embedder, encoder, encoded):
    kind = M3(tiny_embedder, Options(batch_tokens=150, processes=2))
    with Encoder(kind, longest=MAX_LENGTH) as pair:
        halves = pair.embed(TEXTS, "passage", max_length=MAX_LENGTH)
        # The same batches, each computed by one thread: the same bits.
        alone = Encoder(
            M3(tiny_embedder, Options(batch_tokens=150)), longest=MAX_LENGTH
        ).embed(TEXTS, "passage", max_length=MAX_LENGTH)
        assert halves.tobytes() == alone.tobytes()
        np.testing.assert_allclose(halves, encoded.dense, atol=1e-3)
        both = everything(pair, TEXTS)
    np.testing.assert_allclose(both.dense, encoded.dense, atol=1e-6)
    assert abs(both.sparse - encoded.sparse).max() < 1e-5
    for one, other in zip(both.multi_vector, encoded.multi_vector, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-5)


def test_nothing_gives_empty_arrays(encoder):
    nothing = everything(encoder, [])
    assert nothing.dense.shape == (0, 128)
    assert nothing.sparse.shape == (0, encoder.kind.config.vocab_size)
    assert nothing.multi_vector == []


def test_a_model_that_gives_nan_is_named(tiny_embedder):
    encoder = Encoder(M3(tiny_embedder), longest=MAX_LENGTH)
    with torch.no_grad():
        model = encoder.workers._here.model
        model.encoder.layer[0].output.dense.bias[3] = float("nan")
    with pytest.raises(InputError, match=f"{tiny_embedder}: the model gives NaN"):
        everything(encoder, ["text"])


def test_a_long_text_equals_upstream(tiny_embedder):
    from FlagEmbedding import BGEM3FlagModel

    texts = [" ".join(cases(20, seed=2)), "kort"]
    model = BGEM3FlagModel(str(tiny_embedder), use_fp16=False, devices="cpu")
    theirs = model.encode(texts, max_length=2048, return_colbert_vecs=True)
    ours = everything(Encoder(M3(tiny_embedder), longest=2048), texts, 2048)
    assert ours.multi_vector[0].shape == (2047, 128)
    np.testing.assert_allclose(ours.dense, theirs["dense_vecs"], atol=1e-5)
    np.testing.assert_allclose(
        ours.multi_vector[0], theirs["colbert_vecs"][0], atol=1e-4
    )


def test_a_model_that_is_loaded_already_gives_the_same(encoder, encoded):
    layers = encoder.workers._here.layers
    heads = layers.multi_vector_head, layers.sparse_head
    loaded = encoder.kind.tokenizer, layers.model, heads
    kind = M3("training", description=encoder.kind.description, loaded=loaded)
    names = {name for name, _ in layers.model.named_parameters()}
    Encoder(kind, longest=MAX_LENGTH).encode(TEXTS, "query", max_length=MAX_LENGTH)
    assert {name for name, _ in layers.model.named_parameters()} == names
    again = everything(Encoder(kind, longest=MAX_LENGTH), TEXTS)
    assert again.dense.tobytes() == encoded.dense.tobytes()
    assert (again.sparse != encoded.sparse).nnz == 0
    for one, other in zip(again.multi_vector, encoded.multi_vector, strict=True):
        assert one.tobytes() == other.tobytes()


def test_every_distinct_text_is_encoded_once(encoder, monkeypatch):
    seen = []
    model = encoder.workers._here.model
    forward = model.forward

    def counted(ids, **options):
        seen.append(len(ids))
        return forward(ids, **options)

    monkeypatch.setattr(model, "forward", counted)
    texts = ["a", "b", "a", "a", "b"]
    dense = encoder.encode(texts, "query", max_length=MAX_LENGTH).dense
    assert sum(seen) == 2
    assert (dense[[0, 1]] == dense[[2, 4]]).all()


@pytest.mark.parametrize(
    ("max_length", "batch_tokens", "said"),
    [
        (8193, 1, "`max_length`: is 8193, but the model in .* takes 8192 tokens"),
        (2, 1, "`max_length`: is 2, expected 3 or more"),
        (96, 0, "`batch_tokens`: is 0, expected 1 or more"),
    ],
)
def test_limits_outside_the_models_are_refused(
    tiny_embedder, max_length, batch_tokens, said
):
    kind = M3(tiny_embedder, Options(batch_tokens=batch_tokens))
    with pytest.raises(InputError, match=said):
        Encoder(kind, longest=max_length)
    if batch_tokens:
        encoder = Encoder(kind, longest=MAX_LENGTH)
        with pytest.raises(InputError, match=said):
            encoder.encode(["text"], "query", max_length=max_length)


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("sparse_linear.pt", None, "is not the state of a linear layer"),
        ("sparse_linear.pt", (64, 1), "takes 64 dimensions, but the model gives 128"),
        ("colbert_linear.pt", (64, 128), "takes 64 dimensions"),
    ],
)
def test_a_head_that_does_not_fit_is_named(
    tiny_embedder, tmp_path, name, content, said
):
    model = shutil.copytree(tiny_embedder, tmp_path / "model")
    if content is None:
        (model / name).write_text("no tensors\n")
    else:
        torch.save(torch.nn.Linear(*content).state_dict(), model / name)
    with pytest.raises(InputError, match=f"{model}/{name}: {said}") as caught:
        everything(Encoder(M3(model), longest=MAX_LENGTH), ["text"])
    assert "\n" not in str(caught.value)
