"""A model directory that will not do is refused in one sentence."""

import shutil

import pytest

from arkiv.errors import InputError
from arkiv.models import check_model, tokenizer_file


def test_a_whole_directory_is_accepted(tiny_embedder, tiny_reranker):
    assert check_model(tiny_embedder, "embedder") == tiny_embedder
    assert check_model(str(tiny_reranker), "reranker") == tiny_reranker
    assert tokenizer_file(tiny_embedder).is_file()


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
        check_model(model, "embedder")


def test_a_reranker_is_no_embedder(tiny_reranker):
    with pytest.raises(InputError, match=r"lacks colbert_linear\.pt, sparse"):
        check_model(tiny_reranker, "embedder")


def test_no_directory_is_named(tmp_path):
    with pytest.raises(InputError, match="is not a directory"):
        check_model(tmp_path / "gone", "reranker")
