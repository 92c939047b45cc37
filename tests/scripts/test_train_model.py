"""train_model.py: whole runs of a tiny M3 under torchrun, on CPUs."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from project import program
from training import (
    FILES,
    SCRIPT,
    dev_measures,
    files_in,
    leftovers,
    sha,
    train,
    watched,
    words,
    workers,
)

import train_model
from arkiv.base.errors import InputError
from arkiv.base.files import read_json
from arkiv.base.hashing import digest_of_files
from arkiv.encode.encoder import Encoder
from arkiv.encode.m3 import M3


@pytest.fixture(scope="module")
def trained(material, tmp_path_factory) -> Path:
    """A run in two processes, over what an earlier one left."""
    to = tmp_path_factory.mktemp("trained")
    for name in ("checkpoint-99", "notes"):
        (to / "checkpoints" / name).mkdir(parents=True)
    (to / "model").mkdir()
    (to / "model" / "old").touch()
    train(words(material, to, 2))
    return to


def test_two_processes_train_one_model_and_report_every_row(trained, material):
    history = read_json(trained / "history.json")
    assert history["world_size"] == 2
    # 9 rows in a batch of 3 x 2, and 3 + 14 in four of 2 x 2, two times over.
    assert (history["rows"], history["rows_used"]) == (23, 22)
    assert history["rows_left_out"] == {"a": 1}
    assert history["buckets"] == {
        "a_len-0-9.jsonl": {
            "rows": 9,
            "drawn": 9,
            "batch_size": 3,
            "batches": 1,
            "passed_on": 3,
        },
        "a_len-9-inf.jsonl": {
            "rows": 14,
            "drawn": 14,
            "batch_size": 2,
            "batches": 4,
            "passed_on": 1,
        },
    }
    assert (history["steps"], history["epochs"]) == (10, 2)
    assert [entry["step"] for entry in history["log"]] == list(range(1, 11))
    assert set(history["log"][0]) == {
        *("step", "epoch", "loss", "learning_rate", "grad_norm")
    }
    assert history["log"][0]["learning_rate"] == 0
    assert history["log"][1]["learning_rate"] == 1e-3  # warmed up in a tenth
    assert history["log"][-1]["loss"] < history["log"][0]["loss"]
    changed = history["parameters_changed"]
    assert changed.keys() == {"encoder", "colbert_linear", "sparse_linear"}
    assert all(change > 0 for change in changed.values())
    assert history["arguments"]["seed"] == 5
    assert history["versions"]["FlagEmbedding"]
    assert history["inputs"] == {
        "model": digest_of_files(material / "base"),
        "shards": {
            name: digest_of_files(material / name)
            for name in ("a_len-0-9.jsonl", "a_len-9-inf.jsonl")
        },
    }


def test_the_model_directory_is_whole_and_says_nothing_of_this_machine(
    trained, material
):
    model = trained / "model"
    assert files_in(model) == FILES
    for name in FILES:
        content = (model / name).read_bytes()
        for place in (trained, material):
            assert str(place).encode() not in content
    for name in ("tokenizer.json", "tokenizer_config.json"):
        assert sha(model / name) == sha(material / "base" / name)
    for name in ("model.safetensors", "colbert_linear.pt", "sparse_linear.pt"):
        assert sha(model / name) != sha(material / "base" / name)


def test_only_checkpoints_of_earlier_runs_are_cleared(trained):
    names = {path.name for path in (trained / "checkpoints").iterdir()}
    assert names == {"checkpoint-10", "lock", "notes"}


def test_flagembedding_loads_the_model(trained):
    from FlagEmbedding import BGEM3FlagModel

    model = BGEM3FlagModel(str(trained / "model"), use_fp16=False, devices="cpu")
    out = model.encode(
        ["Jon stal en häst"], return_sparse=True, return_colbert_vecs=True
    )
    assert out["dense_vecs"].shape == (1, 32)
    assert out["colbert_vecs"][0].shape[1] == 32
    assert len(out["lexical_weights"]) == 1


def test_the_same_command_gives_the_same_bytes(trained, material, tmp_path):
    given = words(material, tmp_path, 2)
    first, last = 1, given.index("--model") - 1
    given[first], given[last] = given[last], given[first]  # the order has no meaning
    train(given)
    for name in FILES:
        assert sha(tmp_path / "model" / name) == sha(trained / "model" / name), name
    one, two = (read_json(p / "history.json") for p in (tmp_path, trained))
    assert one["log"] == two["log"]


def test_one_process_mixes_shards_and_needs_no_scores_nor_heads(material, tmp_path):
    bare = tmp_path / "bare"
    bare.mkdir()
    shutil.copytree(material / "base", bare / "base")
    for path in material.glob("*.jsonl"):
        rows = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
        (bare / path.name).write_text(
            "".join(
                json.dumps({key: row[key] for key in ("query", "pos", "neg")}) + "\n"
                for row in rows
            )
        )
    given = words(
        bare,
        tmp_path,
        1,
        knowledge_distillation=False,
        same_dataset_within_batch=False,
        kd_loss_type=None,
        save_steps=None,
        max_steps=3,
        unified_finetuning=False,
        use_self_distill=False,
    )
    train([*given, *watched(material)])
    history = read_json(tmp_path / "history.json")
    assert (history["world_size"], history["steps"]) == (1, 3)
    assert (history["rows"], history["rows_used"]) == (23, 22)
    assert sum(history["rows_left_out"].values()) == 1
    assert leftovers(tmp_path / "checkpoints") == set()
    # The heads stay what they were, and are measured as such.
    assert history["parameters_changed"].keys() == {"encoder"}
    for name in ("colbert_linear.pt", "sparse_linear.pt"):
        assert sha(tmp_path / "model" / name) == sha(bare / "base" / name)
    assert [e["step"] for e in history["evaluation"]["entries"]] == [0, 3]


def test_a_diverging_run_is_one_sentence_and_leaves_nothing(material, tmp_path):
    given = words(material, tmp_path, 1, learning_rate=1e38, save_steps=None)
    done = program("train_model", *given)
    assert done.returncode == 1
    said = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
    assert len(said) == 1
    assert "the loss is nan at step" in said[0]
    assert "learning_rate" in said[0]
    assert done.stderr.rstrip().endswith(said[0])
    assert leftovers(tmp_path) == set()


def test_two_processes_measure_one_model_and_the_best_is_the_output(
    material, trained, tmp_path
):
    train([*words(material, tmp_path, 2), *watched(material)])
    history, bare = (read_json(p / "history.json") for p in (tmp_path, trained))
    found = history["evaluation"]
    assert bare["evaluation"] is None
    assert found["collections"] == {"dev": {"queries": 12, "passages": 35}}
    assert [entry["step"] for entry in found["entries"]] == [0, 4, 8, 10]
    # Being measured changes nothing of the training.
    assert history["log"] == bare["log"]

    by_step = {entry["step"]: entry["scores"]["dev"] for entry in found["entries"]}
    best = max([4, 8, 10], key=lambda step: by_step[step]["combined"]["nDCG@10"])
    assert found["best_step"] == best
    for path, step in ((material / "base", 0), (tmp_path / "model", best)):
        encoder = Encoder(M3(path), longest=64)
        assert dev_measures(material, encoder) == by_step[step]
    assert files_in(tmp_path / "model") == FILES
    assert not list((tmp_path / "checkpoints").glob("*best-*"))


def test_all_processes_stop_early_together(material, tmp_path):
    # So slow that no ranking changes.
    given = words(material, tmp_path, 2, learning_rate=1e-7, save_steps=2)
    given += watched(material, steps=1, patience=2)
    given += ["--evaluation-general", str(material / "pairs" / "dev.jsonl")]
    train(given)
    history = read_json(tmp_path / "history.json")
    steps = [entry["step"] for entry in history["evaluation"]["entries"]]
    assert history["steps"] == steps[-1] == history["evaluation"]["best_step"] + 2 < 10
    assert history["evaluation"]["entries"][-1]["scores"].keys() == {"dev", "general"}


@pytest.mark.parametrize("option", ["processes", "nodes", "check-steps"])
def test_numbers_below_one_are_refused(material, tmp_path, option):
    given = [*words(material, tmp_path, 1), f"--{option}", "0"]
    with pytest.raises(InputError, match="is 0, expected"):
        train_model.main(given)


def test_adapters_beside_a_frozen_encoder_are_refused(material, tmp_path):
    given = words(material, tmp_path, 1, fix_encoder=True)
    with pytest.raises(
        InputError, match=r"`train\.args\.fix_encoder`: is given beside"
    ):
        train_model.main([*given, "--lora-rank", "4"])


def test_a_measure_that_is_none_and_passages_not_given_are_refused(
    material, tmp_path, capsys
):
    given = words(material, tmp_path, 1)
    with pytest.raises(SystemExit):
        train_model.main([*given, *watched(material, measure="MAP")])
    assert "invalid choice: 'MAP'" in capsys.readouterr().err
    dev = watched(material)[:2]
    with pytest.raises(InputError, match="--dev needs the passages"):
        train_model.main([*given, *dev])


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"temperature": 1e30}, "the gradient was exactly 0 in steps 1 to 2"),
        (
            {"learning_rate": 1e-60},
            "weights of the encoder did not change in steps 1 to 2",
        ),
    ],
)
def test_a_run_that_learns_nothing_stops_early(material, tmp_path, change, said):
    given = words(material, tmp_path, 1, save_steps=None, **change)
    with pytest.raises(InputError, match=said):
        train([*given, "--check-steps", "2"])
    assert leftovers(tmp_path) == set()


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="needs /proc")
def test_an_ended_launcher_ends_its_processes(material, tmp_path):
    given = words(material, tmp_path, 2, num_train_epochs=10_000)
    with subprocess.Popen(
        [sys.executable, str(SCRIPT), *given],
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    ) as launcher:
        try:
            until = time.monotonic() + 60
            while len(workers(str(tmp_path))) < 3 and time.monotonic() < until:
                time.sleep(0.2)
            assert len(workers(str(tmp_path))) == 3  # torchrun and two workers
            launcher.send_signal(signal.SIGTERM)
            assert launcher.wait(45) == 128 + signal.SIGTERM
        finally:
            for process in workers(str(tmp_path)) | {launcher.pid}:
                if launcher.poll() is None:
                    os.kill(process, signal.SIGKILL)
    until = time.monotonic() + 10
    while workers(str(tmp_path)) and time.monotonic() < until:
        time.sleep(0.1)
    assert not workers(str(tmp_path))
    assert leftovers(tmp_path) == set()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"learning_rat": 1}, r"`train\.args\.learning_rat`.*did you mean"),
        ({"seed": 1}, r"`train\.args\.seed`: cannot be set"),
        (
            {"per_device_train_batch_size": 50, "same_dataset_within_batch": False},
            r"the shards have 23 rows.*takes 100",
        ),
        ({"passage_max_len": 9000}, r"`train\.args\.passage_max_len`: is 9000"),
        ({"learning_rate": "fast"}, r"`train\.args\.learning_rate`: is 'fast'"),
    ],
)
def test_bad_arguments_stop_before_a_process_starts(
    material, tmp_path, monkeypatch, change, said
):
    monkeypatch.setattr(train_model, "run_watched", pytest.fail)
    with pytest.raises(InputError, match=said):
        train_model.main(words(material, tmp_path, 2, **change))
    assert leftovers(tmp_path) == set()


def test_packages_that_are_not_installed_have_no_version(monkeypatch):
    # As one that lies on the path only.
    monkeypatch.setattr(train_model, "PACKAGES", ("numpy", "none", "arkiv"))
    assert train_model.versions().keys() == {"python", "numpy"}


def test_help_and_a_missing_model_are_plain(material, tmp_path):
    with pytest.raises(SystemExit) as left:
        train_model.main(["--help"])
    assert left.value.code == 0
    given = words(material, tmp_path, 1)
    given[given.index("--model") + 1] = str(tmp_path / "none")
    with pytest.raises(InputError, match="expected a model directory"):
        train_model.main(given)
