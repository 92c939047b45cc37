"""train_model.py: runs that are killed and go on."""

from __future__ import annotations

import itertools
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from safetensors.torch import load_file
from training import FILES, SCRIPT, Recorded, end, sha, train, watched, words

import train_model
from arkiv.base.files import read_json
from arkiv.train.false_negatives import numbered_texts

# That 20 steps have: two epochs of 3 batches of 3 rows and 7 of 2, in groups of 3; four
# of a batch of 6 rows and 4 of 4.
NEGATIVES = {
    1: 2 * (3 * 3 * (9 - 1) + 7 * 2 * (6 - 1)),
    2: 4 * (6 * (18 - 1) + 4 * 4 * (12 - 1)),
}

needs_proc = pytest.mark.skipif(not Path("/proc").is_dir(), reason="needs /proc")


@pytest.fixture(scope="module")
def guided(material, tmp_path_factory) -> list[str]:
    """The words that have a guide mask: vectors drawn at random for all texts."""
    folder = tmp_path_factory.mktemp("guide")
    draw = np.random.default_rng(0)
    given = ["--mask-guide", "base"]
    texts = numbered_texts(sorted(map(str, material.glob("*.jsonl"))))
    for name, of in zip(("queries", "passages"), texts, strict=True):
        vectors = draw.normal(size=(len(of), 8))
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        np.save(folder / f"{name}.npy", vectors.astype(np.float16))
        given += [f"--guide-{name}", str(folder / f"{name}.npy")]
    return given


@pytest.mark.parametrize("processes", [1, 2])
def test_a_run_killed_at_three_random_steps_goes_on_to_the_same_bytes(
    material, guided, tmp_path, monkeypatch, processes
):
    # Masks, dropout, self-distillation from a later step, and checkpoints in mid-epoch.
    more = {"max_steps": 20, "save_steps": 3, "self_distill_start_step": 9}

    def prepared(name: str, train) -> Recorded:
        to = tmp_path / name
        given = words(material, to, processes, **more)
        given += watched(material, steps=6, mode="dense", measure="RR@10")
        given += guided
        return Recorded(to, monkeypatch, given, train)

    # Two as users start them, with orders of sets that are not the forks'.
    through = prepared("through", train if processes == 1 else train_model.main)
    stopped = prepared("stopped", train)
    through.run()
    draw = random.Random(processes)
    falls = sorted(draw.sample(range(5, 21), 3))
    for step in falls:
        stopped.killed(draw.randrange(processes), step)
    # What a run that is killed while it saves leaves behind.
    (stopped.to / "checkpoints" / "checkpoint-19").mkdir()
    stopped.run()

    for rank in range(processes):
        once = {note["step"]: note for note in through.steps(rank)}
        assert list(once) == list(range(1, 21))
        for key in ("batch", "random", "step_of_model"):
            assert len({note[key] for note in once.values()}) > 10, key
        noted = stopped.steps(rank)
        for note in noted:
            assert note == once[note["step"]]
        # It went on three times, each time from the step after a checkpoint.
        begun = [
            later["step"]
            for earlier, later in itertools.pairwise(noted)
            if later["step"] != earlier["step"] + 1
        ]
        wanted = [1 + 3 * ((step - 1) // 3) for step in falls]
        assert begun == [s for s, fall in zip(wanted, falls, strict=True) if s <= fall]
    history, whole = (read_json(one.to / "history.json") for one in (stopped, through))
    assert whole["resumed_from"] is None
    assert history["resumed_from"] == f"checkpoint-{3 * ((falls[-1] - 1) // 3)}"
    assert history["steps"] == whole["steps"] == 20
    for key in ("log", "evaluation", "masked"):
        assert history[key] == whole[key]
    # As many as batches of one process have, or of both.
    assert whole["masked"]["negatives"] == NEGATIVES[processes]
    assert 0 < whole["masked"]["guide"] < NEGATIVES[processes] / 2
    assert "the guide places" in whole["warnings"][-1]["warning"]
    for name in FILES:
        assert sha(stopped.to / "model" / name) == sha(through.to / "model" / name)
    # It has ended well: the same command trains anew.
    assert not (stopped.to / "checkpoints" / "run.json").exists()


def test_a_run_that_goes_on_takes_what_is_without_effect_as_it_is_given_now(
    material, tmp_path, monkeypatch
):
    def given(**more: object) -> list[str]:
        return words(material, tmp_path, 1, max_steps=10, save_total_limit=9, **more)

    run = Recorded(tmp_path, monkeypatch, given())
    run.killed(0, 8)
    run.given = given(logging_steps=5, save_steps=4)
    run.run()
    history = read_json(tmp_path / "history.json")
    assert history["resumed_from"] == "checkpoint-6"
    assert [entry["step"] for entry in history["log"]] == [*range(1, 7), 10]
    kept = (tmp_path / "checkpoints").glob("checkpoint-*")
    assert {path.name.partition("-")[2] for path in kept} == {"3", "6", "8", "10"}


@needs_proc
def test_adapters_go_on_from_a_checkpoint_and_are_merged(material, tmp_path):
    lora = ["--lora-rank", "4", "--lora-targets", "query", "value"]
    through, stopped = tmp_path / "through", tmp_path / "stopped"
    more = {"max_steps": 24, "save_steps": 6}
    train([*words(material, through, 1, **more), *lora])
    given = [*words(material, stopped, 1, **more), *lora]
    with subprocess.Popen(
        [sys.executable, str(SCRIPT), *given], stderr=subprocess.DEVNULL
    ) as launcher:
        try:
            until = time.monotonic() + 120
            while not list(stopped.glob("checkpoints/checkpoint-*/whole")):
                assert launcher.poll() is None
                assert time.monotonic() < until
                time.sleep(0.01)
        finally:
            end(launcher, str(stopped), signal.SIGKILL)
    train(given)
    history = read_json(stopped / "history.json")
    assert history["resumed_from"].startswith("checkpoint-")
    assert history["lora"]["rank"] == 4
    for name in FILES:
        assert sha(stopped / "model" / name) == sha(through / "model" / name), name
    # The base model's own tensors, of which adapters changed some.
    base, tuned = (
        load_file(path / "model.safetensors")
        for path in (material / "base", through / "model")
    )
    # Hugging Face adds a pooler, which M3 does not use.
    assert {n for n in tuned if not n.startswith("pooler.")} == base.keys()
    changed = {name for name in base if not base[name].equal(tuned[name])}
    assert changed
    assert {name.split(".")[-2] for name in changed} == {"query", "value"}
