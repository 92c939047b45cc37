"""Two models averaged: against a loop over their tensors, and what is refused."""

from __future__ import annotations

import json
import random
import shutil
from pathlib import Path

import pytest
import torch
from bodies import BODIES, build_body
from safetensors.torch import load_file, save_file
from transformers import AutoModel
from tuned import FILE, another

from arkiv.base.errors import InputError
from arkiv.encode.models import HEADS, check_model
from arkiv.encode.options import Options
from arkiv.train.heads import new_heads
from arkiv.train.lora import add_adapters, merged_state
from arkiv.train.merging import Ends
from arkiv.train.settings import Lora


@pytest.fixture(scope="module")
def tuned(tiny_embedder, tmp_path_factory) -> Path:
    return another(tiny_embedder, tmp_path_factory.mktemp("tuned") / "model")


def tensors(model: Path) -> dict[str, torch.Tensor]:
    """All that a directory has, of the encoder and of the heads."""
    found = load_file(model / FILE)
    for name in HEADS:
        head = torch.load(model / name, weights_only=True)
        found |= {f"{name} {key}": value for key, value in head.items()}
    return found


def merged(tuned: Path, other: Path, weight: float, output: Path, seed=None) -> Path:
    Ends(tuned, other, seed, Options()).write(output, weight)
    return check_model(output, "m3")


def test_merging_is_a_loop_over_the_tensors(tuned, tiny_embedder, tmp_path):
    ours, theirs = tensors(tuned), tensors(tiny_embedder)
    draw = random.Random(7)
    for case in range(4):
        weight = draw.random()
        made = tensors(merged(tuned, tiny_embedder, weight, tmp_path / f"{case}"))
        assert list(made) == list(ours)
        for name, value in made.items():
            naive = weight * ours[name].double() + (1 - weight) * theirs[name].double()
            assert value.dtype == ours[name].dtype
            assert torch.allclose(value.double(), naive, atol=1e-6), name


def test_weights_1_and_0_are_the_tuned_model_and_the_other_exactly(
    tuned, tiny_embedder, tmp_path
):
    for weight, end in ((1, tuned), (0, tiny_embedder)):
        made, wanted = (
            tensors(model)
            for model in (
                merged(tuned, tiny_embedder, weight, tmp_path / f"{weight}"),
                end,
            )
        )
        assert made.keys() == wanted.keys()
        assert all(torch.equal(made[name], wanted[name]) for name in wanted)
    # Byte for byte, with all that lies beside.
    for file in tuned.rglob("*"):
        if file.is_file() and file.suffix != ".pt":
            same = tmp_path / "1" / file.relative_to(tuned)
            assert same.read_bytes() == file.read_bytes()


def test_weights_that_are_alike_stay_as_they_are(tuned, tmp_path):
    made = tensors(merged(tuned, tuned, 0.3, tmp_path / "made"))
    assert all(torch.equal(made[key], value) for key, value in tensors(tuned).items())


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_types_are_kept_and_the_mean_is_made_in_float32(tiny_embedder, tmp_path, dtype):
    half = another(tiny_embedder, tmp_path / "half", dtype=dtype)
    made = load_file(merged(half, tiny_embedder, 0.5, tmp_path / "made") / FILE)
    ours, theirs = load_file(half / FILE), load_file(tiny_embedder / FILE)
    for name, value in made.items():
        assert value.dtype == dtype
        wanted = (ours[name].float() + theirs[name].float()) / 2
        closest = torch.finfo(dtype).eps
        assert torch.allclose(value.float(), wanted, rtol=closest, atol=1e-7), name


def test_weights_in_several_files_and_in_pickles_are_read(tuned, tmp_path):
    model = AutoModel.from_pretrained(tuned)
    parts = tmp_path / "parts"
    shutil.copytree(tuned, parts, ignore=lambda *_: [FILE])
    model.save_pretrained(parts, max_shard_size="100KB")
    assert len(list(parts.glob("*.safetensors"))) > 1
    pickled = tmp_path / "pickled"
    shutil.copytree(tuned, pickled, ignore=lambda *_: [FILE])
    torch.save(load_file(tuned / FILE), pickled / "pytorch_model.bin")
    out = merged(parts, pickled, 0.5, tmp_path / "made")
    assert {f.name for f in out.iterdir()} == {f.name for f in parts.iterdir()}
    made = AutoModel.from_pretrained(out).state_dict()
    assert all(
        torch.equal(made[key], value) for key, value in load_file(tuned / FILE).items()
    )


def test_a_base_without_heads_has_those_that_training_made(
    tuned, tiny_embedder, tmp_path
):
    bare = tmp_path / "bare"
    shutil.copytree(tiny_embedder, bare, ignore=lambda *_: HEADS)
    made = tensors(merged(tuned, bare, 0, tmp_path / "made", seed=5))
    for head, layer in new_heads(128, 5).items():
        for key, value in layer.state_dict().items():
            assert torch.equal(made[f"{head}.pt {key}"], value)
    with pytest.raises(InputError, match="has no heads for sparse"):
        merged(tuned, bare, 0.5, tmp_path / "refused")


def test_a_tuned_model_without_heads_gets_none(tuned, tiny_embedder, tmp_path):
    bare = tmp_path / "bare"
    shutil.copytree(tuned, bare, ignore=lambda *_: HEADS)
    out = merged(bare, tiny_embedder, 0.5, tmp_path / "made", seed=5)
    assert not any((out / name).exists() for name in HEADS)


def test_a_model_with_adapters_merged_in_is_as_any_other(tiny_embedder, tmp_path):
    tuned = tmp_path / "lora"
    shutil.copytree(tiny_embedder, tuned)
    model = AutoModel.from_pretrained(tiny_embedder)
    add_adapters(model, Lora(rank=2, targets=("query", "value")))
    torch.manual_seed(3)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if "lora_B" in name:
                parameter.normal_()
    model.save_pretrained(tuned, state_dict=(state := merged_state(model)))
    made = load_file(merged(tuned, tiny_embedder, 0.5, tmp_path / "made") / FILE)
    before, moved = load_file(tiny_embedder / FILE), 0
    for name, value in made.items():
        if name.startswith("pooler."):  # not of the base, but made up here
            continue
        wanted = (before[name] + state[name]) / 2
        assert torch.allclose(value, wanted, atol=1e-6)
        moved += not torch.equal(value, before[name])
    assert moved


def changed_config(model: Path, path: Path, **settings) -> Path:
    shutil.copytree(model, path)
    file = path / "config.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | settings))
    return path


def test_models_that_differ_are_refused_in_a_sentence(tuned, tiny_embedder, tmp_path):
    heads = changed_config(tiny_embedder, tmp_path / "heads", num_attention_heads=1)
    with pytest.raises(InputError, match="`num_attention_heads`: is 1, but 4 in"):
        merged(tuned, heads, 0.5, tmp_path / "out")

    state = load_file(tiny_embedder / FILE)
    deeper = changed_config(tiny_embedder, tmp_path / "deeper", num_hidden_layers=3)
    first = {k: v.clone() for k, v in state.items() if ".layer.0." in k}
    third = {k.replace(".layer.0.", ".layer.2."): v for k, v in first.items()}
    save_file(state | third, deeper / FILE, {"format": "pt"})
    with pytest.raises(InputError, match=r"has encoder\.layer\.2\S+ more as"):
        merged(tuned, deeper, 0.5, tmp_path / "out")
    with pytest.raises(InputError, match=r"lacks encoder\.layer\.2\S+ as"):
        merged(deeper, tiny_embedder, 0.5, tmp_path / "out")

    name = "embeddings.position_embeddings.weight"
    longer = torch.cat([state[name], state[name][:3]])
    sizes = {"max_position_embeddings": len(longer)}
    positions = changed_config(tiny_embedder, tmp_path / "positions", **sizes)
    save_file(state | {name: longer}, positions / FILE, {"format": "pt"})
    with pytest.raises(
        InputError, match=rf"has {name} as \d+ x 128, expected \d+ x 128"
    ):
        merged(tuned, positions, 0.5, tmp_path / "out")

    words = changed_config(tiny_embedder, tmp_path / "words")
    tokens = json.loads((words / "tokenizer.json").read_text())
    left = tokens | {"truncation": None, "padding": None}
    (words / "tokenizer.json").write_text(json.dumps(left))
    merged(tuned, words, 0.5, tmp_path / "left")
    tokens["model"]["vocab"][9][0] += "x"
    (words / "tokenizer.json").write_text(json.dumps(tokens))
    with pytest.raises(InputError, match="is another tokenizer than that of"):
        merged(tuned, words, 0.5, tmp_path / "out")

    pooled = changed_config(tiny_embedder, tmp_path / "pooled")
    (pooled / "1_Pooling").mkdir(exist_ok=True)
    (pooled / "1_Pooling/config.json").write_text('{"pooling_mode": "mean"}')
    with pytest.raises(InputError, match="makes its vectors in another way"):
        merged(tuned, pooled, 0.5, tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("body", BODIES)
def test_any_body_is_merged_as_its_model_is_averaged(body, tmp_path):
    base = build_body(tmp_path / "base", body)
    model = AutoModel.from_pretrained(base)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    torch.manual_seed(2)
    with torch.no_grad():
        for value in model.parameters():
            value += 0.1 * torch.randn_like(value)
    tuned = tmp_path / "tuned"
    shutil.copytree(base, tuned)
    # As training writes it.
    model.save_pretrained(tuned, state_dict=(after := model.state_dict()))
    out = merged(tuned, base, 0.25, tmp_path / "made", seed=1)
    made = AutoModel.from_pretrained(out).state_dict()
    for name, value in made.items():
        if not name.startswith("pooler."):
            wanted = 0.25 * after[name] + 0.75 * before[name]
            assert torch.allclose(value, wanted, atol=1e-6), name
