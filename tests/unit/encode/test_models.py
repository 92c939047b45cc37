"""A model directory that will not do is refused in one sentence."""

import shutil

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from arkiv.base.errors import InputError
from arkiv.encode.forward import in_halves
from arkiv.encode.loading import load, load_tokenizer
from arkiv.encode.models import check_model, fast_tokenizer
from arkiv.encode.options import Options

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


def test_a_cross_encoder_is_no_m3(tiny_reranker):
    with pytest.raises(InputError, match=r"lacks colbert_linear\.pt, sparse"):
        check_model(tiny_reranker, "m3")


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


def test_a_gpu_without_memory_for_a_batch_gets_it_in_halves():
    def run(ids):
        if len(ids) > 2:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return [row.sum() for row in ids]

    ids = [np.full(n, 2) for n in range(1, 8)]
    found = in_halves(run, ids, lambda one, other: one + other)
    assert found == [2 * n for n in range(1, 8)]


def test_a_text_that_a_gpu_cannot_take_alone_is_told(monkeypatch):
    def run(ids):
        raise torch.OutOfMemoryError("CUDA out of memory")

    with pytest.raises(InputError, match="a text of 9 tokens does not fit"):
        in_halves(run, [np.zeros(9)] * 4, lambda one, other: one + other)


def test_another_runtime_error_is_not_taken_for_want_of_memory():
    def run(ids):
        raise RuntimeError("device-side assert triggered")

    with pytest.raises(RuntimeError, match="device-side assert"):
        in_halves(run, [np.zeros(9)] * 4, lambda one, other: one + other)
