"""Does training on the device do what it does on a CPU? Whole runs of train_model.py.

Two runs at a time, for most of a run of few steps is its start.
"""

from __future__ import annotations

from collections.abc import Sequence

from arkiv.base.hashing import digest_of_files
from benchmarks.gpu.part import Found, Given
from benchmarks.gpu.train_runs import TrainingRun, made

# Steps of a run.
STEPS, SAVED_EVERY = 8, 3
# Of a loss in float32, relative. Seen on a CPU in 8 steps: two processes against one,
# 2e-6; all weights moved by 1e-5 of themselves, 2e-5; by 3e-4, as TF32 rounds them,
# 5e-4.
LOSS = 1e-4
# Of a mean over 100 dev queries: one that falls from the first place to none moves it
# so far. Seen on a CPU: float16, as on a GPU, moves none; bfloat16 by up to 0.006.
MEASURES = 0.01


def differences(losses: Sequence[float], others: Sequence[float]) -> list[float]:
    """Of each step relative to the other; NaN where one has fewer steps."""
    if len(losses) != len(others):
        return [float("nan")]
    return [abs(one / other - 1) for one, other in zip(losses, others, strict=True)]


def check_losses(found: Found, what: str, run: TrainingRun, other: TrainingRun) -> None:
    """That two runs have the same losses, within what float32 allows."""
    apart = differences(run.losses(), other.losses())
    found.check(
        f"{what}, {STEPS} steps in float32: largest relative difference",
        max(apart),
        at_most=LOSS,
    )


def steps(given: Given, found: Found) -> None:
    """A few steps on the device and on the CPU, from the same model and rows."""
    material = made(given.folder, small=given.small)
    on_device = TrainingRun(given.folder / "device", material, max_steps=STEPS)
    on_cpu = TrainingRun(given.folder / "cpu", material, max_steps=STEPS, use_cpu=True)
    check_losses(found, "losses on the device and on the CPU", on_device, on_cpu)


def dev(given: Given, found: Found) -> None:
    """Measures of the same model on dev queries, by runs on the device and the CPU."""
    material = made(given.folder, small=given.small)
    how = {"measured_every": 2, "max_steps": 2}
    runs = [
        TrainingRun(given.folder / "device", material, **how),
        TrainingRun(given.folder / "cpu", material, use_cpu=True, **how),
    ]
    own, others = (run.history()["evaluation"]["entries"] for run in runs)
    found.check("dev measures taken, at steps 0 and 2", len(own), at_least=2)
    for mode, values in own[0]["scores"]["dev"].items():
        other = others[0]["scores"]["dev"][mode]
        found.check(
            f"dev measures on the device and on the CPU, {mode}",
            max(abs(value - other[name]) for name, value in values.items()),
            at_most=MEASURES,
        )


def resumed(given: Given, found: Found) -> None:
    """A run that is killed and goes on gives the bytes of one that was not killed."""
    material = made(given.folder, small=given.small, dropout=0.1)
    how = {"max_steps": STEPS, "save_steps": SAVED_EVERY, "full_determinism": True}
    through = TrainingRun(given.folder / "through", material, **how)
    stopped = given.folder / "stopped"
    said = TrainingRun(stopped, material, fall=f"0 {STEPS - 1}", **how).said_last()
    found.check("killed by SIGKILL", "SIGKILL" in said, at_least=1)
    history = TrainingRun(stopped, material, **how).history()
    last = (STEPS - 2) // SAVED_EVERY * SAVED_EVERY
    found.check(
        f"went on after step {last}",
        history["resumed_from"] == f"checkpoint-{last}",
        at_least=1,
    )
    found.check(
        "the losses are the same",
        history["log"] == through.history()["log"],
        at_least=1,
    )
    same = digest_of_files(stopped / "model") == digest_of_files(through.to / "model")
    found.check("the weights are the same, byte for byte", same, at_least=1)


def two_processes(given: Given, found: Found) -> None:
    """Two processes on one device have the losses of one with the doubled batch."""
    # One negative a query: the order of several, which the loss depends on, is drawn by
    # process.
    material = made(given.folder, small=given.small, train_group_size=2)
    size = material.args["per_device_train_batch_size"]
    how = {"max_steps": STEPS, "ddp_backend": "gloo"}
    one = TrainingRun(
        given.folder / "one", material, per_device_train_batch_size=2 * size, **how
    )
    two = TrainingRun(given.folder / "two", material, processes=2, **how)
    check_losses(found, "losses of two processes and of one", two, one)
    found.check("processes", two.history()["world_size"], at_least=2)
