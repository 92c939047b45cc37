"""Vectors equal those of sentence-transformers."""

import json
import shutil

import numpy as np
import pytest
import torch
from examples import case_pairs
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer import modules

from arkiv.base.errors import InputError
from arkiv.encode.dense import Dense
from arkiv.encode.description import Description
from arkiv.encode.encoder import Encoder
from arkiv.encode.m3 import M3
from arkiv.encode.models import HEADS
from arkiv.encode.options import Options
from arkiv.example.archive import cases

QUERIES = [query for query, _ in case_pairs(6, seed=3)] + ["  kort\n", "§"]
PASSAGES = [*cases(6, seed=2), " ".join(cases(6, seed=4)), "Rader,\nbrutna", ""]


@pytest.fixture(scope="module")
def bare(tiny_embedder, tmp_path_factory):
    """A model of Hugging Face's without modules and without BGE-M3's heads."""
    path = tmp_path_factory.mktemp("bare") / "model"
    return shutil.copytree(tiny_embedder, path, ignore=lambda *_: HEADS)


@pytest.fixture(scope="module")
def full(tiny_embedder, tmp_path_factory):
    """A model of sentence-transformers: encoder below, mean, a layer, prompts, dot."""
    path = tmp_path_factory.mktemp("full") / "model"
    torch.manual_seed(0)
    encoder = modules.Transformer(str(tiny_embedder), max_seq_length=64)
    pooling = modules.Pooling(encoder.get_embedding_dimension(), pooling_mode="mean")
    dense = modules.Dense(encoder.get_embedding_dimension(), 48)
    prompts = {"query": "fråga: ", "document": "stycke: "}
    SentenceTransformer(
        modules=[encoder, pooling, dense],
        prompts=prompts,
        similarity_fn_name="dot",
        device="cpu",
    ).save(str(path))
    # Older models have their encoder in a folder.
    (path / "0_Transformer").mkdir()
    for file in list(path.iterdir()):
        if file.is_file() and file.name not in (
            "modules.json",
            "config_sentence_transformers.json",
        ):
            shutil.move(file, path / "0_Transformer" / file.name)
    listed = json.loads((path / "modules.json").read_text())
    listed[0]["path"] = "0_Transformer"
    (path / "modules.json").write_text(json.dumps(listed))
    return path


@pytest.mark.parametrize("pooling", [None, "cls", "mean", "max", "lasttoken"])
def test_a_bare_model_is_pooled_as_there(bare, pooling):
    encoder = modules.Transformer(str(bare), max_seq_length=128)
    theirs = SentenceTransformer(
        modules=[encoder, modules.Pooling(128, pooling_mode=pooling or "mean")],
        device="cpu",
    )
    kind = Dense(bare, pooling=pooling, prompts=("query: ", None))
    with Encoder(kind, longest=128) as ours:
        assert kind.prompts == {"query": "query: ", "passage": ""}
        assert ours.kind.similarity == "cosine"
        np.testing.assert_allclose(
            ours.embed(PASSAGES, "passage", max_length=128),
            theirs.encode(PASSAGES),
            atol=2e-3,
            rtol=2e-3,
        )
        theirs.max_seq_length = 16
        np.testing.assert_allclose(
            ours.embed(QUERIES, "query", max_length=16),
            theirs.encode(QUERIES, prompt="query: "),
            atol=2e-3,
            rtol=2e-3,
        )


def test_a_models_own_modules_prompts_lengths_and_similarity_count(full):
    theirs = SentenceTransformer(str(full), device="cpu")
    kind = Dense(full, Options(batch_tokens=100))
    with Encoder(kind, longest=8192) as ours:
        assert kind.prompts == {"query": "fråga: ", "passage": "stycke: "}
        assert kind.length(256) == 64
        assert ours.kind.similarity == "dot"
        found = ours.embed(PASSAGES, "passage", max_length=8192)
        assert found.shape == (len(PASSAGES), 48)
        wanted = theirs.encode_document(PASSAGES)
        np.testing.assert_allclose(found, wanted, atol=2e-3, rtol=2e-3)
        wanted = theirs.encode_query(QUERIES)
        found = ours.embed(QUERIES, "query", max_length=256)
        np.testing.assert_allclose(found, wanted, atol=2e-3, rtol=2e-3)
    assert np.abs(theirs.encode(QUERIES) - wanted).max() > 0.01  # prompts do tell


def test_an_exported_model_gives_m3s_dense_vectors(tiny_embedder, tmp_path):
    path = shutil.copytree(tiny_embedder, tmp_path / "model")
    Description().write(path, 128, 8192)
    shutil.rmtree(path / "2_Normalize")  # a repository has no empty folders
    ours, m3 = (
        Encoder(kind(path), longest=8192).embed(PASSAGES, "passage", max_length=8192)
        for kind in (Dense, M3)
    )
    np.testing.assert_allclose(ours, m3, atol=2e-3)


def test_vectors_are_kept_by_content_prompt_and_pooling(bare, tmp_path, monkeypatch):
    def encoded(prompt, pooling):
        kind = Dense(bare, pooling=pooling, prompts=(prompt, prompt))
        with Encoder(kind, longest=256) as ours:
            kept = {"cache": tmp_path / "cache", "job": "job"}
            return ours.embed(QUERIES, "query", max_length=256, **kept)

    first = encoded("a ", "mean")
    other = encoded("b ", "mean"), encoded("a ", "cls")
    monkeypatch.setattr(
        "arkiv.encode.dense.load_layers",
        lambda *words: pytest.fail("a model was loaded"),
    )
    assert np.array_equal(encoded("a ", "mean"), first)
    for vectors in other:
        assert np.abs(vectors.astype(float) - first).max() > 0.01


def change(path, file, **values):
    about = json.loads((path / file).read_text())
    (path / file).write_text(json.dumps(about | values))


@pytest.mark.parametrize(
    ("broken", "said"),
    [
        (
            lambda p: change(p, "1_Pooling/config.json", include_prompt=False),
            "leaves the prompt out of its pooling",
        ),
        (
            lambda p: change(
                p, "config_sentence_transformers.json", similarity_fn_name="manhattan"
            ),
            "compares by manhattan, expected cosine or dot",
        ),
        (
            lambda p: (p / "modules.json").write_text(
                (p / "modules.json").read_text().replace("Dense", "CNN")
            ),
            "has a module CNN, expected Pooling, Dense",
        ),
        (
            lambda p: (p / "2_Dense/model.safetensors").write_bytes(b"0"),
            "2_Dense: cannot be loaded",
        ),
        (lambda p: (p / "modules.json").write_text("{}"), "is not a list of modules"),
        (
            lambda p: (p / "0_Transformer/model.safetensors").unlink(),
            "the model directory lacks weights",
        ),
    ],
)
def test_what_cannot_be_followed_is_one_sentence(full, tmp_path, broken, said):
    path = shutil.copytree(full, tmp_path / "model")
    broken(path)
    with pytest.raises(InputError, match=said) as caught:
        Dense(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)
