"""train_model.py: deepspeed, TensorBoard, and modes of training with less."""

from __future__ import annotations

import pytest
import torch
from examples import case_pairs
from project import ROOT
from safetensors.torch import load_file
from training import FILES, Recorded, files_in, sha, train, watched, words

import train_model
from arkiv.base.files import read_json, write_records
from arkiv.encode.models import HEADS


def weights(model) -> dict[str, torch.Tensor]:
    """Of encoder and heads, by name."""
    found = load_file(model / "model.safetensors")
    for head in HEADS:
        state = torch.load(model / head, weights_only=True)
        found |= {f"{head} {name}": value for name, value in state.items()}
    return found


def scalars(folder) -> dict[str, dict[int, float]]:
    """What TensorBoard shows, by name and step."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(str(folder)).Reload()
    return {
        name: {one.step: one.value for one in events.Scalars(name)}
        for name in events.Tags()["scalars"]
    }


@pytest.fixture(scope="module")
def plain(material, tmp_path_factory):
    """A run in two processes that TensorBoard shows; another left its events there."""
    to = tmp_path_factory.mktemp("plain")
    (to / "tensorboard").mkdir()
    (to / "tensorboard" / "events.old").touch()
    given = words(material, to, 2, report_to="tensorboard")
    train([*given, *watched(material)])
    return to


def test_tensorboard_shows_losses_and_measures(plain):
    history = read_json(plain / "history.json")
    (events,) = (plain / "tensorboard").iterdir()
    assert events.name.startswith("events.out")
    shown = scalars(plain / "tensorboard")
    losses = {entry["step"]: entry["loss"] for entry in history["log"]}
    assert shown["train/loss"] == pytest.approx(losses, rel=1e-5)
    measured = {
        entry["step"]: entry["scores"]["dev"]["combined"]["nDCG@10"]
        for entry in history["evaluation"]["entries"]
    }
    assert shown["eval/dev/combined/nDCG@10"] == pytest.approx(measured, rel=1e-5)
    assert len([name for name in shown if name.startswith("eval/dev/")]) == 8


def test_deepspeed_trains_the_same_model_and_goes_on(
    material, plain, tmp_path, monkeypatch
):
    settings = {"deepspeed": str(ROOT / "config" / "deepspeed" / "stage0.json")}
    # The run must find no compiler, and leave nothing at home.
    monkeypatch.setenv("CXX", "/nonexistent")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    given = [*words(material, tmp_path / "run", 2, **settings), *watched(material)]
    run = Recorded(tmp_path / "run", monkeypatch, given)
    run.killed(rank=1, step=8)
    # As users start it, who may have set what deepspeed reads when it is imported.
    run.train = train_model.main
    run.run()
    assert not (tmp_path / "home").exists()
    history, wanted = (read_json(p / "history.json") for p in (run.to, plain))
    assert history["resumed_from"] == "checkpoint-6"
    assert history["steps"] == wanted["steps"] == 10
    assert history["versions"]["deepspeed"]
    for key in ("loss", "grad_norm", "learning_rate"):
        assert [entry[key] for entry in history["log"]] == pytest.approx(
            [entry[key] for entry in wanted["log"]], rel=1e-4
        )
    assert history["evaluation"] == wanted["evaluation"]
    assert files_in(run.to / "model") == FILES
    found, wanted = weights(run.to / "model"), weights(plain / "model")
    assert found.keys() == wanted.keys()
    # Adam makes as much of a gradient that is nothing but rounding.
    for name, value in wanted.items():
        assert torch.allclose(found[name], value, atol=1e-4), name


def test_dense_only_distils_and_goes_on(material, tmp_path, monkeypatch):
    given = words(
        material,
        tmp_path / "run",
        2,
        unified_finetuning=False,
        kd_loss_type="kl_div",
    )
    given += watched(material, mode="dense")
    run = Recorded(tmp_path / "run", monkeypatch, [*given, "--check-steps", "3"])
    run.killed(rank=0, step=8)
    run.run()
    history = read_json(run.to / "history.json")
    assert history["resumed_from"] == "checkpoint-6"
    # The heads stay what they were, and are measured as such.
    assert history["parameters_changed"].keys() == {"encoder"}
    for head in HEADS:
        assert sha(run.to / "model" / head) == sha(material / "base" / head)
    assert files_in(run.to / "model") == FILES
    assert [e["step"] for e in history["evaluation"]["entries"]] == [0, 4, 8, 10]


def test_texts_alone_train_by_the_others_of_their_batch(material, tmp_path):
    """Each its own positive, told from itself by dropout; encoded three at a time."""
    rows = [{"query": text, "pos": [text]} for _, text in case_pairs(24, 5)]
    rows[1:3] = [row | {"neg": []} for row in rows[1:3]]
    write_records(tmp_path / "texts.jsonl", rows)
    given = words(
        material,
        tmp_path,
        1,
        train_group_size=1,
        knowledge_distillation=False,
        per_device_train_batch_size=8,
        sub_batch_size=3,
        save_steps=None,
        num_train_epochs=4,
    )
    first, last = given.index("--shards") + 1, given.index("--model")
    given[first:last] = [str(tmp_path / "texts.jsonl")]
    train([*given, *watched(material), "--check-steps", "2"])
    history = read_json(tmp_path / "history.json")
    assert (history["rows_used"], history["steps"]) == (24, 12)
    assert history["parameters_changed"].keys() == {
        *("encoder", "colbert_linear", "sparse_linear")
    }
    losses = [entry["loss"] for entry in history["log"]]
    assert sum(losses[-3:]) < sum(losses[:3])
