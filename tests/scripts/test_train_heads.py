"""train_model.py: models without heads, and heads that are not wanted."""

from __future__ import annotations

import shutil

import pytest
from training import FILES, files_in, train, watched, words

import train_model
from arkiv.base.errors import InputError
from arkiv.base.files import read_json
from arkiv.encode.m3 import M3
from arkiv.encode.models import HEADS

SHORT = {"max_steps": 2, "save_steps": None}


@pytest.fixture
def bare(material, tmp_path):
    """The material, with a model that has no heads."""
    folder = shutil.copytree(material, tmp_path / "bare")
    for name in HEADS:
        (folder / "base" / name).unlink()
    return folder


def test_two_processes_train_the_same_new_heads(bare, tmp_path):
    train([*words(bare, tmp_path, 2, **SHORT), *watched(bare)])
    assert files_in(tmp_path / "model") == FILES
    history = read_json(tmp_path / "history.json")
    assert history["heads"] == "new"
    parts = {"encoder", *(name.removesuffix(".pt") for name in HEADS)}
    assert history["parameters_changed"].keys() == parts
    first = history["evaluation"]["entries"][0]["scores"]["dev"]
    assert first.keys() == {"dense", "sparse", "multi_vector", "combined"}


@pytest.mark.parametrize("headed", [True, False])
def test_dense_alone_is_trained_measured_and_saved(material, bare, tmp_path, headed):
    folder = material if headed else bare
    given = words(folder, tmp_path, 1, **SHORT)
    train([*given, "--heads", "none", *watched(folder, mode="dense")])
    assert files_in(tmp_path / "model") == FILES - {*HEADS}
    history = read_json(tmp_path / "history.json")
    assert history["heads"] == "none"
    assert history["parameters_changed"].keys() == {"encoder"}
    for entry in history["evaluation"]["entries"]:
        assert entry["scores"]["dev"].keys() == {"dense"}
    assert M3(tmp_path / "model").gives == {"dense"}


@pytest.mark.parametrize(
    ("asked", "args", "said"),
    [
        ("own", {}, "lacks colbert_linear.pt and sparse_linear.pt, without which"),
        ("auto", {"unified_finetuning": False}, "is false, but .*base comes without"),
        ("none", {"fix_encoder": True}, "fix_encoder.*leaves nothing to train"),
    ],
)
def test_heads_that_are_not_there_are_told(bare, tmp_path, asked, args, said):
    with pytest.raises(InputError, match=said):
        train_model.main([*words(bare, tmp_path, 1, **args), "--heads", asked])
    assert not (tmp_path / "model").exists()
