"""Each guard of a training run, provoked."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch
from groups import in_a_group

from arkiv.base.errors import InputError
from arkiv.train import guards


class Parts(torch.nn.Module):
    """Something with the parts of M3."""

    def __init__(self) -> None:
        super().__init__()
        self.model = torch.nn.Linear(3, 2)
        self.colbert_linear = torch.nn.Linear(2, 2)
        self.sparse_linear = torch.nn.Linear(2, 1)
        self.largest_weight = None


class Run:
    """A guarded run whose steps are made by hand."""

    def __init__(self, steps: int = 3) -> None:
        self.state = SimpleNamespace(global_step=0, log_history=[])
        self.args = SimpleNamespace(world_size=1)
        self.model = self.model_wrapped = Parts()
        self.train_dataset = SimpleNamespace(dataset=[{"query": "a"}])
        self.largest_gradient_norm = None
        self.guards = guards.Guards(self, steps)
        self.guards.on_train_begin(self.args, self.state, None)

    def step(
        self,
        *,
        norm: float = 1.0,
        parts: tuple[str, ...] = ("model", "colbert_linear", "sparse_linear"),
        weight: float = 0.5,
    ) -> None:
        """A step with this gradient norm that changes these parts."""
        norm = torch.tensor(norm)
        if self.largest_gradient_norm is not None:
            norm = torch.maximum(norm, self.largest_gradient_norm)
        self.largest_gradient_norm = norm
        self.model.largest_weight = torch.tensor(weight)
        with torch.no_grad():
            for part in parts:
                getattr(self.model, part).weight[0, 0] += 0.25
        self.state.global_step += 1
        self.guards.on_step_end(self.args, self.state, None)


def test_a_run_that_learns_goes_on():
    run = Run()
    for norm in (0.0, 1.0, float("inf")) * 3:
        run.step(norm=norm)
    assert run.state.log_history == []


@pytest.mark.parametrize(("steps", "rate"), [(1, 0.0), (2, 0.0), (1, 1e-5)])
def test_one_step_of_warm_up_is_refused_before_it_is_made(steps, rate):
    run = Run()
    run.state.max_steps = steps
    optimizer = torch.optim.AdamW(run.model.parameters(), lr=rate)

    def begin():
        run.guards.on_train_begin(run.args, run.state, None, optimizer=optimizer)

    if (steps, rate) != (1, 0):
        begin()
        return
    with pytest.raises(InputError, match="one step, at the learning rate 0 with"):
        begin()


def test_a_gradient_of_exactly_zero_stops_it():
    run = Run()
    for _ in range(3):
        run.step()
    run.step(norm=0.0)
    run.step(norm=0.0)
    with pytest.raises(InputError, match="gradient was exactly 0 in steps 4 to 6"):
        run.step(norm=0.0)


@pytest.mark.parametrize("still", ["model", "colbert_linear", "sparse_linear"])
def test_weights_that_stay_the_same_stop_it(still):
    run = Run()
    parts = tuple({"model", "colbert_linear", "sparse_linear"} - {still})
    run.step(parts=parts)
    run.step(parts=parts)
    name = "encoder" if still == "model" else still
    with pytest.raises(InputError, match=f"weights of the {name} did not change in st"):
        run.step(parts=parts)


def test_what_is_frozen_may_stay_the_same():
    run = Run()
    run.model.model.requires_grad_(False)
    run.guards.on_train_begin(run.args, run.state, None)
    for _ in range(6):
        run.step(parts=("colbert_linear", "sparse_linear"))


def test_a_collapsed_sparse_head_is_warned_of_once():
    run = Run()
    for weight in (0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.1, 0.1, 0.1):
        parts = ("model", "colbert_linear", *(["sparse_linear"] if weight else []))
        run.step(weight=weight, parts=parts)
    (warning,) = run.state.log_history
    assert warning["step"] == 3
    assert "sparse head weighs every token zero" in warning["warning"]


@pytest.mark.parametrize(
    ("differs", "said"),
    [(0, "differ in the step"), (1, "the order of the batches"), (2, "the weights")],
)
def test_processes_out_of_step_stop_it(monkeypatch, differs, said):
    calls = []

    def from_both(value):
        calls.append(value)
        return [value, "other" if len(calls) - 1 == differs else value]

    run = Run()
    run.step()
    run.step()
    monkeypatch.setattr(guards, "gathered", from_both)
    with pytest.raises(RuntimeError, match=said):
        run.step()


def drifting(rank: int) -> None:
    """One of two processes, of which the second changes a weight of its own."""
    torch.manual_seed(0)
    run = Run(steps=1)
    run.step()
    with torch.no_grad():
        run.model.model.bias[1] += 1e-6 * rank
    with pytest.raises(RuntimeError, match="the processes differ in the weights"):
        run.step()


def test_processes_that_drift_apart_notice_it(tmp_path):
    in_a_group(drifting, tmp_path)


def test_the_sum_of_bits_sees_the_last_bit_in_every_precision():
    for dtype in (torch.float64, torch.float32, torch.bfloat16, torch.float16):
        model = Parts().to(dtype)
        before = guards.sums_of_bits(model)
        assert guards.sums_of_bits(model) == before
        with torch.no_grad():
            weight = model.colbert_linear.weight
            weight.view(guards.BITS[weight.element_size()])[0, 1] += 1
        after = guards.sums_of_bits(model)
        assert after.pop("colbert_linear") != before.pop("colbert_linear")
        assert after == before


@pytest.mark.parametrize("loss", ["nan", "inf", "-inf"])
def test_a_loss_that_is_no_number_stops_a_run(monkeypatch, loss):
    from arkiv.train import trainer

    monkeypatch.setattr(
        trainer.EncoderOnlyEmbedderM3Trainer,
        "training_step",
        lambda *given: torch.tensor(float(loss)),
    )
    stopped = object.__new__(trainer.M3Trainer)
    stopped.state = SimpleNamespace(global_step=6)
    with pytest.raises(InputError, match=f"the loss is {loss} at step 7"):
        stopped.training_step()


def test_a_head_that_collapses_is_seen_in_the_models_own_weights():
    from test_train_model_scores import batch, pair

    run = Run(steps=1)
    for bias, warnings in ((0.5, 0), (-100.0, 1)):
        _, model = pair()
        with torch.no_grad():
            model.sparse_linear.bias.fill_(bias)
        run.guards.trainer.model = model.float()
        run.guards.on_train_begin(run.args, run.state, None)
        model(**batch(0, distill=False))
        with torch.no_grad():
            for part in ("colbert_linear", "sparse_linear"):
                getattr(model, part).weight += 0.5
            model.model.embeddings.word_embeddings.weight += 0.5
        run.state.global_step += 1
        run.largest_gradient_norm = torch.tensor(1.0)
        run.guards.check()
        assert len(run.state.log_history) == warnings
