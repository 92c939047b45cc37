"""A model directory that will not do is refused in one sentence."""

import json
import shutil
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import AutoConfig

from arkiv.base.errors import InputError
from arkiv.encode.dense import Dense
from arkiv.encode.forward import Batch, Forward
from arkiv.encode.loading import load, load_tokenizer, longest_input, longest_text
from arkiv.encode.m3 import M3
from arkiv.encode.models import (
    HEADS,
    check_heads,
    check_model,
    has_heads,
)
from arkiv.encode.options import Options
from arkiv.encode.tokenizer import fast_tokenizer

CPU = torch.device("cpu")


def test_a_whole_directory_is_accepted(tiny_embedder, tiny_reranker):
    assert check_model(tiny_embedder, "m3") == tiny_embedder
    assert check_model(str(tiny_reranker), "cross_encoder") == tiny_reranker
    assert fast_tokenizer(tiny_embedder).get_vocab_size()


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("model.safetensors", "lacks weights"),
        ("config.json", "lacks config.json"),
        ("tokenizer.json", "lacks tokenizer.json"),
        ("sparse_linear.pt", "lacks sparse_linear.pt"),
    ],
)
def test_what_is_missing_is_named(tiny_embedder, tmp_path, name, said):
    model = shutil.copytree(tiny_embedder, tmp_path / "model")
    (model / name).unlink()
    with pytest.raises(InputError, match=f"{model}: the model directory {said}"):
        check_model(model, "m3")


def test_a_cross_encoder_is_not_tuned(tiny_reranker):
    said = "is a XLMRobertaForSequenceClassification, .*, expected an encoder"
    with pytest.raises(InputError, match=said):
        check_model(tiny_reranker, "m3")


def test_heads_come_together(tiny_embedder, tmp_path):
    model = shutil.copytree(tiny_embedder, tmp_path / "model")
    assert has_heads(model)
    for name in HEADS:
        (model / name).unlink()
    assert not has_heads(check_model(model, "m3"))
    with pytest.raises(InputError, match=r"lacks colbert_linear\.pt and sparse"):
        check_heads(model)


def test_no_directory_is_named(tmp_path):
    with pytest.raises(InputError, match="is not a directory"):
        check_model(tmp_path / "gone", "cross_encoder")


# What a clone without Git LFS leaves in place of a large file.
POINTER = "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n"


@pytest.mark.parametrize("name", ["config.json", "model.safetensors", "tokenizer.json"])
@pytest.mark.parametrize("content", ["", POINTER])
def test_a_damaged_file_is_refused_in_one_sentence(
    tiny_reranker, tmp_path, name, content
):
    model = shutil.copytree(tiny_reranker, tmp_path / "model")
    (model / name).write_text(content)

    def loaded():
        load_tokenizer(model, Options())
        load(model, "cross_encoder", Options(), CPU)

    with pytest.raises(InputError, match=f"{model}: cannot be loaded") as caught:
        loaded()
    assert "\n" not in str(caught.value)


def test_weights_that_do_not_fill_the_model_are_refused(tiny_embedder, tmp_path):
    """Transformers would fill the rest with random numbers and go on."""
    model = shutil.copytree(tiny_embedder, tmp_path / "model")
    weights = load_file(model / "model.safetensors")
    save_file(
        {f"old.{name}": weight for name, weight in weights.items()},
        model / "model.safetensors",
        metadata={"format": "pt"},
    )
    with pytest.raises(InputError, match=f"{model}: the weights lack 37 tensors"):
        load(model, "m3", Options(), CPU)


def test_pickled_weights_load_as_safetensors_do(tiny_embedder, tmp_path):
    """BAAI/bge-m3 comes with pytorch_model.bin alone."""
    model = shutil.copytree(tiny_embedder, tmp_path / "model")
    weights = load_file(model / "model.safetensors")
    (model / "model.safetensors").unlink()
    torch.save(weights, model / "pytorch_model.bin")
    loaded = load(check_model(model, "m3"), "m3", Options(), CPU)
    for name, weight in loaded.state_dict().items():
        if not name.startswith("pooler."):
            assert torch.equal(weight, weights[name]), name


def test_a_gpu_computes_in_half_precision_and_a_cpu_in_full():
    assert Options().dtype(torch.device("cuda")) == torch.float16
    assert Options().dtype(CPU) == torch.float32
    assert Options(precision="bfloat16").dtype(CPU) == torch.bfloat16
    assert Options().attention_on(CPU) == "sdpa"
    assert Options(attention="eager").attention_on(CPU) == "eager"


class SumsUp:
    """Layers that add up token ids, of a few texts at once at most."""

    model = SimpleNamespace(device=CPU, dtype=torch.float32)

    def __init__(self, most, error=None):
        self.most = most
        self.error = error or torch.OutOfMemoryError("CUDA out of memory")

    def output(self, inputs):
        if len(inputs.ids) > self.most:
            raise self.error
        return inputs.ids.sum(dim=1)

    def values(self, output, inputs):
        return {"sum": output.tolist()}


def forward(ids, **options):
    layers = SumsUp(**options)
    model = Forward(Path("model"), lambda device: layers, 0, 9, 100, "cpu")
    return model(Batch(ids, frozenset({"sum"})))


def test_a_gpu_without_memory_for_a_batch_gets_it_in_halves():
    found = forward([np.full(n, 2) for n in range(1, 8)], most=2)
    assert found == {"sum": [2 * n for n in range(1, 8)]}


def test_a_text_that_a_gpu_cannot_take_alone_is_told():
    with pytest.raises(InputError, match="a text of 9 tokens does not fit"):
        forward([np.zeros(9)] * 4, most=0)


def test_another_runtime_error_is_not_taken_for_want_of_memory():
    error = RuntimeError("device-side assert triggered")
    with pytest.raises(RuntimeError, match="device-side assert"):
        forward([np.zeros(9)] * 4, most=0, error=error)


def changed(model, name, **values):
    """Set keys of a file of a model; None takes one away."""
    file = model / name
    kept = json.loads(file.read_text()) | values
    left_out = {key for key, value in values.items() if value is None}
    file.write_text(json.dumps({k: v for k, v in kept.items() if k not in left_out}))


def test_a_configuration_without_positions_is_one_sentence(tiny_embedder, tmp_path):
    model = shutil.copytree(tiny_embedder, tmp_path / "model")
    changed(model, "config.json", max_position_embeddings=None)
    with pytest.raises(InputError, match="is not there, which says how long") as caught:
        M3(model)
    assert caught.value.key == "max_position_embeddings"


def test_a_padding_id_that_positions_need_is_one_sentence(tiny_embedder, tmp_path):
    model = shutil.copytree(tiny_embedder, tmp_path / "model")
    settings = json.loads((model / "config.json").read_text())
    (model / "config.json").write_text(json.dumps(settings | {"pad_token_id": None}))
    for kind in (M3, Dense):
        with pytest.raises(InputError, match="counts positions from it") as caught:
            kind(model)
        assert caught.value.key == "pad_token_id"


def test_weights_of_other_sizes_are_one_sentence(tiny_embedder, tmp_path):
    model = shutil.copytree(tiny_embedder, tmp_path / "model")
    changed(model, "config.json", max_position_embeddings=514)
    said = r"do not fit config\.json: embeddings\..* is 8194 x 128, expected 514 x 128$"
    with pytest.raises(InputError, match=said):
        load(model, "m3", Options(), CPU)


def test_a_tokenizer_that_nothing_can_pad_is_one_sentence(tiny_embedder, tmp_path):
    model = shutil.copytree(tiny_embedder, tmp_path / "model")
    gone = dict.fromkeys(("pad_token", "eos_token", "unk_token"))
    changed(model, "tokenizer_config.json", **gone)
    with pytest.raises(InputError, match="neither a pad token nor one for ends"):
        M3(model)


def test_an_encoder_with_a_decoder_cannot_be_tuned(tmp_path):
    """It gives no states of texts alone."""
    model = tmp_path / "model"
    model.mkdir()
    for name in ("model.safetensors", "tokenizer.json"):
        (model / name).touch()
    about = {"model_type": "mt5", "is_encoder_decoder": True}
    (model / "config.json").write_text(json.dumps(about))
    with pytest.raises(InputError, match=f"{model}: has a decoder that reads"):
        check_model(model, "m3")


def test_a_model_of_more_than_texts_is_one_sentence(tiny_embedder, tmp_path):
    """Its sizes are those of its parts."""
    model = shutil.copytree(tiny_embedder, tmp_path / "model")
    (model / "config.json").write_text(json.dumps({"model_type": "clip"}))
    with pytest.raises(InputError, match="does not say of what size") as caught:
        M3(model)
    assert caught.value.key == "hidden_size"


@pytest.mark.parametrize(
    ("settings", "longest"),
    [
        ({"model_type": "xlm-roberta", "max_position_embeddings": 8194}, 8192),
        ({"model_type": "roberta", "max_position_embeddings": 9, "pad_token_id": 0}, 8),
        ({"model_type": "longformer", "max_position_embeddings": 4098}, 4096),
        ({"model_type": "data2vec-text", "max_position_embeddings": 514}, 512),
        ({"model_type": "bert", "max_position_embeddings": 512}, 512),
        ({"model_type": "t5"}, None),
        (None, None),
    ],
)
def test_the_longest_text_is_read_without_the_library(tmp_path, settings, longest):
    if settings is not None:
        (tmp_path / "config.json").write_text(json.dumps(settings))
    assert longest_text(tmp_path) == longest
    if longest is not None:
        assert longest_input(AutoConfig.for_model(**settings)) == longest
