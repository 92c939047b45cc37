"""One description of a model: read from its files, and the same vectors everywhere."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer import modules

from arkiv.base.errors import InputError
from arkiv.encode.dense import Dense
from arkiv.encode.description import Description
from arkiv.encode.encoder import Encoder
from arkiv.encode.m3 import M3
from arkiv.encode.settings import TRAINED_POOLINGS, Reading
from arkiv.example.archive import cases

TEXTS = [*cases(4, seed=7), "§ 1.", "rader,\n  brutna\n", " ".join(cases(3, seed=8))]
MAX_LENGTH = 48
ODD = ["query: ", "", '- "{task}"\n', "{}", "%s $(x) `y` 'z'", "--flag", "fråga 🙂 "]


@pytest.fixture
def model(tiny_embedder, tmp_path):
    """A copy to write into, of a model that says nothing of itself."""
    return shutil.copytree(tiny_embedder, tmp_path / "model")


def write(model, name, value):
    file = model / name
    file.parent.mkdir(exist_ok=True)
    file.write_text(json.dumps(value))


def listed(*names):
    """`modules.json` of an encoder that these follow."""
    return [
        {"idx": n, "name": str(n), "path": path, "type": f"some.package.{name}"}
        for n, (path, name) in enumerate((("", "Transformer"), *names))
    ]


def test_a_model_that_says_nothing_is_as_bge_m3(model):
    assert Description.of(model) == Description("cls", "", "")


@pytest.mark.parametrize("pooling", TRAINED_POOLINGS)
@pytest.mark.parametrize("prompt", ODD)
def test_what_is_written_is_read_again(pooling, prompt, tmp_path):
    written = Description(pooling, prompt, prompt[::-1])
    written.write(tmp_path, 128)
    assert Description.of(tmp_path) == written
    assert Description(**json.loads(json.dumps(written.told()))) == written


@pytest.mark.parametrize(
    ("pooling", "expected"),
    [
        ({"pooling_mode_mean_tokens": True, "pooling_mode_cls_token": False}, "mean"),
        ({"pooling_mode": "lasttoken", "embedding_dimension": 128}, "last"),
        ({"pooling_mode": ["mean"]}, "mean"),
        ({"pooling_mode_lasttoken": True}, "last"),
    ],
)
def test_poolings_of_all_versions_are_read(model, pooling, expected):
    write(model, "1_Pooling/config.json", pooling)
    assert Description.of(model).pooling == expected
    write(model, "modules.json", listed(("1_Pooling", "Pooling")))
    assert Description.of(model).pooling == expected


def test_what_is_given_counts_above_the_files(model):
    Description("mean", "query: ", "passage: ").write(model, 128)
    assert Description.of(model, Reading(query_prompt="")) == Description(
        "mean", "", "passage: "
    )
    given = {"source": "x", "pooling": "last", "query_prompt": None}
    assert Description.configured(model, given) == Description(
        "last", "query: ", "passage: "
    )


def test_prompts_are_found_by_any_name_that_models_give_them(model):
    about = {"prompts": {"query": "q: ", "passage": "p: "}}
    write(model, "config_sentence_transformers.json", about)
    assert Description.of(model) == Description("cls", "q: ", "p: ")
    about = {"prompts": {"all": "a: "}, "default_prompt_name": "all"}
    write(model, "config_sentence_transformers.json", about)
    assert Description.of(model) == Description("cls", "a: ", "a: ")


POOLING = ("1_Pooling", "Pooling")


@pytest.mark.parametrize(
    ("files", "said"),
    [
        (
            {"1_Pooling/config.json": {"pooling_mode": "max"}},
            r"1_Pooling/config.json: pools by max, expected one of cls, mean, "
            r"lasttoken; give `models.embedder.pooling`",
        ),
        (
            {"1_Pooling/config.json": {"pooling_mode": ["cls", "mean"]}},
            "pools by cls, mean, expected one of",
        ),
        ({"1_Pooling/config.json": {}}, "pools by nothing"),
        ({"1_Pooling/config.json": []}, "is not a JSON object"),
        (
            {"modules.json": listed(POOLING, ("2_Dense", "Dense"))},
            "2_Dense: a Dense follows its pooling, which is not trained; give",
        ),
        ({"modules.json": {"a": 1}}, "is not a list of modules"),
        ({"modules.json": listed(("1_CNN", "CNN"))}, "has a module CNN"),
        (
            {"config_sentence_transformers.json": {"prompts": {"query": 1}}},
            "`prompts`: expected texts by name",
        ),
        (
            {
                "config_sentence_transformers.json": {"prompts": {"query": "q"}},
                "1_Pooling/config.json": {
                    "pooling_mode": "mean",
                    "include_prompt": False,
                },
            },
            "leaves the prompt out of its pooling",
        ),
        (
            {"config_sentence_transformers.json": {"default_prompt_name": ["q"]}},
            r"`default_prompt_name`: is \['q'\], expected a text",
        ),
        (
            {"config_sentence_transformers.json": {"similarity_fn_name": 1}},
            "`similarity_fn_name`: is 1, expected a text",
        ),
        (
            {"sentence_bert_config.json": {"max_seq_length": "512"}},
            "`max_seq_length`: is '512', expected a whole number",
        ),
        (
            {"1_Pooling/config.json": {"pooling_mode": 5}},
            "`pooling_mode`: is 5, expected a text",
        ),
        (
            {"sentence_bert_config.json": {"do_lower_case": True}},
            "asks for texts in lower case",
        ),
    ],
)
def test_what_cannot_be_trained_is_one_sentence(model, files, said):
    for name, value in files.items():
        write(model, name, value)
    with pytest.raises(InputError, match=said) as caught:
        M3(model)
    assert "\n" not in str(caught.value)


def test_a_given_pooling_stands_for_one_that_cannot_be_trained(model):
    write(model, "1_Pooling/config.json", {"pooling_mode": "max"})
    assert Description.of(model, Reading(pooling="mean")).pooling == "mean"


# Vectors.


@pytest.mark.parametrize("pooling", TRAINED_POOLINGS)
def test_vectors_are_those_of_both_libraries(model, pooling):
    from FlagEmbedding import BGEM3FlagModel

    description = Description(pooling, "fråga: ", "- {stycke}\n")
    described = {"query": description.query_prompt, "document": "- {stycke}\n"}
    theirs = SentenceTransformer(
        modules=[
            modules.Transformer(str(model), max_seq_length=MAX_LENGTH),
            modules.Pooling(
                128, pooling_mode="lasttoken" if pooling == "last" else pooling
            ),
            modules.Normalize(),
        ],
        prompts=described,
        device="cpu",
    )
    upstream = BGEM3FlagModel(
        str(model),
        use_fp16=False,
        devices="cpu",
        pooling_method=description.pooling_method,
    )
    # In batches of several lengths, and of one text each, which has no padding.
    ours = Encoder(M3(model, description=description), longest=MAX_LENGTH)
    description.write(model, 128, MAX_LENGTH)
    read = SentenceTransformer(str(model), device="cpu")
    as_any = Encoder(Dense(model), longest=MAX_LENGTH)
    for side, encode, again, prompt in (
        ("query", theirs.encode_query, read.encode_query, description.query_prompt),
        ("passage", theirs.encode_document, read.encode_document, "- {stycke}\n"),
    ):
        found = ours.encode(
            TEXTS, side, max_length=MAX_LENGTH, sparse=True, multi_vector=True
        )
        alone = ours.encode(TEXTS[:1], side, max_length=MAX_LENGTH)
        by_upstream = upstream.encode(
            [prompt + text for text in TEXTS],
            max_length=MAX_LENGTH,
            return_sparse=True,
            return_colbert_vecs=True,
        )
        for vectors in (encode(TEXTS), again(TEXTS), by_upstream["dense_vecs"]):
            np.testing.assert_allclose(found.dense, vectors, atol=1e-5)
        np.testing.assert_allclose(found.dense[:1], alone.dense, atol=1e-5)
        other = as_any.encode(TEXTS, side, max_length=MAX_LENGTH)
        np.testing.assert_allclose(found.dense, other.dense, atol=1e-5)
        for one, two in zip(
            found.multi_vector, by_upstream["colbert_vecs"], strict=True
        ):
            np.testing.assert_allclose(one, two, atol=1e-5)
        for row, weights in enumerate(by_upstream["lexical_weights"]):
            one = found.sparse[row]
            assert dict(zip(one.indices, one.data, strict=True)) == pytest.approx(
                {int(token): float(weight) for token, weight in weights.items()},
                abs=1e-5,
            )


def test_vectors_are_kept_by_pooling_and_prompt(tiny_embedder, tmp_path, monkeypatch):
    def embedded(*description):
        kind = M3(tiny_embedder, description=Description(*description))
        with Encoder(kind, longest=MAX_LENGTH) as encoder:
            kept = {"cache": tmp_path / "cache", "job": "job"}
            return encoder.embed(TEXTS, "query", max_length=MAX_LENGTH, **kept)

    ways = [("cls",), ("mean",), ("last",), ("cls", "q: "), ("mean", "q: ")]
    found = [embedded(*way) for way in ways]
    for number, one in enumerate(found):
        for other in found[:number]:
            assert np.abs(one.astype(float) - other).max() > 0.01

    def computed(*given):
        raise AssertionError("a vector is computed anew")

    monkeypatch.setattr("arkiv.encode.m3.load_layers", computed)
    for way, vectors in zip(ways, found, strict=True):
        np.testing.assert_array_equal(embedded(*way), vectors)
    # A prompt of passages does not touch queries.
    np.testing.assert_array_equal(embedded("mean", "q: ", "p: "), found[-1])


def test_no_kind_takes_the_vectors_of_another(tiny_embedder, tmp_path):
    """A system of type embedder may name the model to tune, and pool it otherwise."""
    kept = {"cache": tmp_path / "cache", "job": "job"}
    for pooling in TRAINED_POOLINGS:
        as_dense = "lasttoken" if pooling == "last" else pooling
        for kind in (
            M3(tiny_embedder, description=Description(pooling)),
            Dense(tiny_embedder, pooling=as_dense),
        ):
            with Encoder(kind, longest=MAX_LENGTH) as encoder:
                alone = encoder.embed(TEXTS, "query", max_length=MAX_LENGTH)
                found = encoder.embed(TEXTS, "query", max_length=MAX_LENGTH, **kept)
            np.testing.assert_array_equal(found, alone)
