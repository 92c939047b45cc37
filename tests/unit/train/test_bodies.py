"""Any body can be tuned: it is encoded, given heads, trained and measured."""

from __future__ import annotations

import json
import shutil
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from bodies import BODIES, SIZES, build_body
from safetensors.torch import load_file, save_file
from transformers import AutoTokenizer, HfArgumentParser

from arkiv.base.errors import InputError
from arkiv.base.files import read_json, write_json
from arkiv.encode.description import Description
from arkiv.encode.encoder import Encoder
from arkiv.encode.loading import longest_text
from arkiv.encode.m3 import M3
from arkiv.encode.models import HEADS, check_model, has_heads
from arkiv.encode.options import Options
from arkiv.encode.settings import TRAINED_POOLINGS
from arkiv.encode.tokenizer import fast_tokenizer
from arkiv.encode.vocabulary import make_tokenizer
from arkiv.example.archive import cases
from arkiv.train.arguments import argument_classes, to_command_line
from arkiv.train.dev import ValidationSet
from arkiv.train.evaluation import Settings, heads_of, means_by_mode
from arkiv.train.heads import BEGINNINGS, WEIGHT, new_heads
from arkiv.train.model import M3Model

TEXTS = [text[:200] for text in cases(8, seed=5)]
LENGTH = 48


@pytest.fixture(scope="module", params=BODIES)
def body(request, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("bodies") / request.param
    return build_body(folder, request.param)


def description_of(body: Path) -> Description:
    return Description("last" if body.name == "llama" else "mean", "query: ", "")


def runner(model: Path, folder: Path, *, keep_heads: bool = True):
    """What trains a model for three steps on eight rows."""
    from arkiv.train.upstream import M3Runner

    rows = [
        {"query": text[:40], "pos": [text], "neg": [TEXTS[n - 1], TEXTS[n - 2]]}
        for n, text in enumerate(TEXTS)
    ]
    rows[0]["query"] = "a"
    shard = folder / "d_len-0-inf.jsonl"
    shard.write_text("".join(json.dumps(row) + "\n" for row in rows))
    arguments = {
        "model_name_or_path": str(model),
        "output_dir": str(folder / "checkpoints"),
        "train_data": [str(shard)],
        "cache_path": str(folder / "cache"),
        "train_group_size": 3,
        "query_max_len": LENGTH,
        "passage_max_len": LENGTH,
        "per_device_train_batch_size": 4,
        "unified_finetuning": keep_heads,
        "use_self_distill": keep_heads,
        "gradient_checkpointing": True,
        "max_steps": 3,
        "learning_rate": 1e-2,
        "logging_steps": 1,
        "use_cpu": True,
        "report_to": "none",
        "save_strategy": "no",
        "seed": 7,
    }
    parser = HfArgumentParser(argument_classes(), allow_abbrev=False)
    given = parser.parse_args_into_dataclasses(to_command_line(arguments))
    return M3Runner(*given, description_of(model), keep_heads=keep_heads)


def save_heads(body: Path) -> None:
    """Give a body of `build_body` new heads."""
    for head, layer in new_heads(SIZES["hidden_size"], 0).items():
        torch.save(layer.state_dict(), body / f"{head}.pt")


def encoded(model: M3, **asked: bool):
    return Encoder(model, longest=LENGTH).encode(
        [*TEXTS, "a"], "passage", max_length=LENGTH, **asked
    )


@pytest.mark.parametrize("keep_heads", [True, False])
def test_a_body_without_heads_is_trained_and_measured(body, tmp_path, keep_heads):
    assert not has_heads(check_model(body, "m3"))
    made = runner(body, tmp_path, keep_heads=keep_heads)
    model, before = made.model, encoded(M3(body, description=description_of(body)))
    made.trainer.train()
    losses = [e["loss"] for e in made.trainer.state.log_history if "loss" in e]
    assert len(losses) == 3
    assert np.isfinite(losses).all()
    output = tmp_path / "model"
    made.trainer.export(output)
    assert has_heads(output) == keep_heads
    trained = M3(output)
    assert trained.description == description_of(body)
    asked = {"sparse": True, "multi_vector": True} if keep_heads else {}
    after = encoded(trained, **asked)
    assert not np.allclose(after.dense, before.dense, atol=1e-3)

    loaded = made.tokenizer, model.model.eval(), heads_of(model)
    same = encoded(M3("training", description=trained.description, loaded=loaded))
    np.testing.assert_allclose(same.dense, after.dense, atol=1e-5)
    settings = Settings(
        {}, 1, "dense", "nDCG@10", (1, 0.3, 1), None, None, LENGTH, LENGTH
    )
    asking = ValidationSet(["a", TEXTS[3]], TEXTS, [[0], [3]])
    with torch.inference_mode():
        measured = means_by_mode(Encoder(trained, longest=LENGTH), asking, settings)
    modes = {"dense", "sparse", "multi_vector", "combined"}
    assert measured.keys() == (modes if keep_heads else {"dense"})


def test_texts_are_as_long_as_the_body_takes(body):
    longest = longest_text(body)
    model = M3(body, description=description_of(body))
    found = Encoder(model, longest=longest).encode(
        ["mo " * 400], "passage", max_length=longest
    )
    assert np.isfinite(found.dense).all()
    counted = body.name in ("roberta", "xlm-roberta", "mpnet")
    assert longest == (128 if body.name == "mpnet" else 130 - counted)


@pytest.mark.parametrize("pooling", TRAINED_POOLINGS)
def test_dense_vectors_alone_are_those_beside_the_others(body, tmp_path, pooling):
    headed = tmp_path / body.name
    shutil.copytree(body, headed)
    save_heads(headed)
    encoder = Encoder(M3(headed, description=Description(pooling)), longest=LENGTH)
    # One without anything in it, of which some tokenizers make no token.
    encode = partial(encoder.encode, ["", *TEXTS], "passage", max_length=LENGTH)
    alone, beside = encode(), encode(sparse=True, multi_vector=True)
    np.testing.assert_allclose(alone.dense, beside.dense, atol=1e-5)
    lengths = np.linalg.norm(alone.dense, axis=1)
    np.testing.assert_allclose(lengths, 1, rtol=1e-5)
    assert beside.sparse[0].nnz == 0
    assert len(beside.multi_vector[0]) == (body.name != "llama")


def test_what_pads_has_no_weight_if_it_is_neither_padding_nor_an_end(tmp_path):
    """Of a tokenizer that names nothing but the unknown; its token 0 is a word."""
    body, word = build_body(tmp_path / "llama", "llama"), TEXTS[0].split()[0].lower()
    file = body / "tokenizer.json"
    tokenizer = read_json(file)
    vocabulary = tokenizer["model"]["vocab"]
    vocabulary["[PAD]"], vocabulary[word] = vocabulary[word], vocabulary["[PAD]"]
    write_json(file, tokenizer)
    file = body / "tokenizer_config.json"
    known = read_json(file)
    write_json(file, {k: v for k, v in known.items() if k != "eos_token"})
    save_heads(body)
    model = M3(body, description=Description("last"))
    assert model.tokenizer.convert_tokens_to_ids(word) == 0
    short = "a b"
    weights = Encoder(model, longest=LENGTH).encode(
        [TEXTS[0], short], "passage", max_length=LENGTH, sparse=True
    )
    assert [0 in row.indices for row in weights.sparse] == [True, False]


def test_texts_of_one_token_each_score_0():
    """Late interaction leaves out the first, which some tokenizers do not add."""
    model = M3Model.__new__(M3Model)
    torch.nn.Module.__init__(model)
    model.temperature = 0.02
    for query, passage in ((0, 3), (2, 0), (0, 0)):
        given = torch.ones(2, query, 8), torch.ones(4, passage, 8)
        for one in given:
            one.requires_grad_()
        scores = model.compute_colbert_score(*given, torch.ones(2, 1 + query))
        assert torch.equal(scores, torch.zeros(2, 4))
        scores.sum().backward()
        assert all(one.grad is not None for one in given)


@pytest.mark.parametrize("name", ["bert", "llama"])
def test_special_tokens_have_no_weight_whatever_they_are_called(name, tmp_path):
    body = build_body(tmp_path / name, name)
    model = M3(body, description=description_of(body))
    tokenizer = model.tokenizer
    special = {tokenizer.convert_tokens_to_ids(token) for token in ("[SEP]", "[UNK]")}
    save_heads(body)
    weights = encoded(M3(body, description=description_of(body)), sparse=True).sparse
    assert special.isdisjoint(weights.indices)
    np.testing.assert_allclose(weights.data, WEIGHT, rtol=1e-6)


@pytest.mark.parametrize("name", ["bert", "distilbert", "xlm-roberta"])
def test_flagembedding_gives_the_trained_models_encodings(name, tmp_path):
    from FlagEmbedding import BGEM3FlagModel

    made = runner(build_body(tmp_path / name, name), tmp_path)
    made.trainer.train()
    output = tmp_path / "model"
    made.trainer.export(output)
    ours = encoded(M3(output), sparse=True, multi_vector=True)
    theirs = BGEM3FlagModel(
        str(output), use_fp16=False, devices="cpu", pooling_method="mean"
    ).encode(
        [*TEXTS, "a"],
        max_length=LENGTH,
        return_dense=True,
        return_sparse=True,
        return_colbert_vecs=True,
    )
    np.testing.assert_allclose(theirs["dense_vecs"], ours.dense, atol=1e-5)
    for row, weights in enumerate(theirs["lexical_weights"]):
        one = ours.sparse[row]
        assert {int(token) for token in weights} == {*one.indices.tolist()}
        for token, weight in zip(one.indices, one.data, strict=True):
            assert abs(weights[str(token)] - weight) < 1e-5
    for mine, other in zip(ours.multi_vector, theirs["colbert_vecs"], strict=True):
        np.testing.assert_allclose(other, mine, atol=1e-4)


def test_a_model_of_a_cased_vocabulary_is_trained_and_loaded_anywhere(tmp_path):
    """As KB-BERT: vocab.txt, and do_lower_case in tokenizer_config.json alone."""
    from FlagEmbedding import BGEM3FlagModel
    from sentence_transformers import SentenceTransformer

    body = build_body(tmp_path / "bert", "bert")
    words = read_json(body / "tokenizer.json")["model"]["vocab"]
    lines = sorted(words, key=words.get)
    lines[-3:] = ["Å", "##ſ", "Åker"]
    (body / "vocab.txt").write_text("".join(f"{word}\n" for word in lines))
    (body / "tokenizer.json").unlink()
    write_json(body / "tokenizer_config.json", {"do_lower_case": False})
    texts = ["Åker vid Å", "å åker", "Äng", *TEXTS]
    expected = AutoTokenizer.from_pretrained(body)(texts)["input_ids"]
    make_tokenizer(body, Options())
    made = runner(body, tmp_path)
    made.trainer.train()
    output = tmp_path / "model"
    made.trainer.export(output)
    assert (output / "tokenizer.json").is_file()
    by_us = [one.ids for one in fast_tokenizer(output).encode_batch(texts)]
    sentences = SentenceTransformer(str(output), device="cpu")
    flag = BGEM3FlagModel(str(output), use_fp16=False, devices="cpu")
    for tokenizer in (sentences.tokenizer, flag.tokenizer, M3(output).tokenizer):
        assert tokenizer(texts)["input_ids"] == by_us == expected
    ours = Encoder(M3(output), longest=LENGTH).encode(texts, "query", max_length=LENGTH)
    sentences.max_seq_length = LENGTH
    theirs = sentences.encode(texts, prompt_name="query")
    np.testing.assert_allclose(theirs, ours.dense, atol=1e-5)


def test_new_heads_keep_what_the_encoder_knows():
    heads, states = new_heads(16, 3), torch.randn(5, 16) * 100
    assert list(heads) == [name.removesuffix(".pt") for name in HEADS]
    torch.testing.assert_close(heads["colbert_linear"](states), states)
    torch.testing.assert_close(
        heads["sparse_linear"](states), torch.full((5, 1), WEIGHT)
    )


@pytest.mark.parametrize("beginning", BEGINNINGS)
def test_new_heads_depend_on_the_seed_alone(beginning):
    state = torch.get_rng_state()
    one, same = (new_heads(16, 3, beginning) for _ in range(2))
    assert torch.equal(torch.get_rng_state(), state)
    for name, head in one.items():
        assert torch.equal(head.weight, same[name].weight)
        assert torch.equal(head.bias, same[name].bias)
    other = new_heads(16, 4, beginning)["sparse_linear"].weight
    assert torch.equal(one["sparse_linear"].weight, other) == (beginning == "counting")


def test_training_begins_with_the_heads_of_its_seed(tmp_path):
    body = build_body(tmp_path / "bert", "bert")
    made = runner(body, tmp_path)
    for name, head in new_heads(32, 7).items():
        assert torch.equal(getattr(made.model, name).weight, head.weight)


def test_training_loads_no_weights_that_are_missing(tiny_embedder, tmp_path, capfd):
    from arkiv.train import upstream

    given = upstream.EncoderOnlyEmbedderM3Runner.get_model
    assert given(str(tiny_embedder))["model"].config.hidden_size
    # Of the pooler, which the model lacks and nobody reads.
    assert "MISSING" not in "".join(capfd.readouterr())
    model = shutil.copytree(tiny_embedder, tmp_path / "model")
    weights = load_file(model / "model.safetensors")
    weights.pop(next(name for name in weights if "query" in name))
    save_file(weights, model / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(InputError, match="the weights lack 1 tensors of the model"):
        given(str(model))
