"""A batch encoded a few texts at a time, and one divided among processes."""

from __future__ import annotations

import copy
import weakref

import pytest
import torch
from groups import in_a_group
from test_train_model_scores import GROUP, batch, pair, texts

from arkiv.train.model import M3Model

LOSSES = [
    (distill, unified, self_distill)
    for distill in (None, "m3_kd_loss", "kl_div")
    for unified, self_distill in ((False, False), (True, False), (True, True))
]


def settings(distill: str | None, unified: bool, self_distill: bool) -> dict:
    return {
        "kd_loss_type": distill or "m3_kd_loss",
        "unified_finetuning": unified,
        "use_self_distill": self_distill,
    }


def trimmed(features: dict) -> dict:
    """Without the padding that all texts have, as the collator pads a part."""
    longest = int(features["attention_mask"].sum(1).max())
    return {name: value[:, :longest] for name, value in features.items()}


def divided(features: dict, size: int) -> list[dict]:
    """As FlagEmbedding's collator gives them with `sub_batch_size`."""
    rows = range(0, len(features["input_ids"]), size)
    return [
        trimmed({name: value[row : row + size] for name, value in features.items()})
        for row in rows
    ]


def loss_and_gradients(model, given: dict) -> tuple[float, dict[str, torch.Tensor]]:
    model.zero_grad()
    loss = model(**given).loss
    loss.backward()
    return loss.item(), {
        name.removeprefix("module."): parameter.grad.clone()
        for name, parameter in model.named_parameters()
        if parameter.grad is not None
    }


def assert_equal(one, other) -> None:
    """Losses and gradients to 1e-10, relative to the largest gradient."""
    assert one[0] == pytest.approx(other[0], rel=1e-10)
    assert one[1].keys() == other[1].keys()
    scale = max(gradient.abs().max().item() for gradient in other[1].values())
    for name, gradient in other[1].items():
        assert (one[1][name] - gradient).abs().max().item() <= 1e-10 * scale, name


@pytest.mark.parametrize(("distill", "unified", "self_distill"), LOSSES)
@pytest.mark.parametrize("alone", [False, True])
def test_a_batch_in_parts_has_the_gradient_of_the_whole(
    distill, unified, self_distill, alone
):
    _, whole = pair(3, **settings(distill, unified, self_distill))
    parts = copy.deepcopy(whole)
    parts.sub_batch_size = 5
    for seed in range(2):
        given = batch(seed, distill=distill is not None)
        given["no_in_batch_neg_flag"] = alone
        wanted = loss_and_gradients(whole, given)
        assert_equal(loss_and_gradients(parts, given), wanted)
        for name, size in (("queries", 3), ("passages", 5)):
            given[name] = divided(given[name], size)
        parts.step -= 1
        lengths = {part["input_ids"].shape[1] for part in given["passages"]}
        assert len(lengths) > 1
        assert_equal(loss_and_gradients(parts, given), wanted)


@pytest.mark.parametrize("reentrant", [False, True])
def test_in_parts_with_dropout_and_checkpoints_within_the_encoder(reentrant):
    """The same random numbers there and back: a derivative by differences agrees."""
    _, model = pair(4, sub_batch_size=5)
    for module in model.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.2
    model.enable_input_require_grads()
    model.gradient_checkpointing_enable(
        gradient_checkpointing_kwargs={"use_reentrant": reentrant}
    )
    given = batch(1, distill=True)
    weight = model.model.encoder.layer[0].output.dense.weight
    direction = torch.randn(
        weight.shape, generator=torch.Generator().manual_seed(0)
    ).double()

    def loss() -> torch.Tensor:
        torch.manual_seed(9)
        return model(**given).loss

    loss().backward()
    slope = (weight.grad * direction).sum().item()
    ends = []
    for sign in (1, -1):
        with torch.no_grad():
            weight += sign * 1e-6 * direction
            ends.append(loss().item())
            weight -= sign * 1e-6 * direction
    assert (ends[0] - ends[1]) / 2e-6 == pytest.approx(slope, rel=1e-5)


class LiveBytes(torch.utils._python_dispatch.TorchDispatchMode):
    """The most memory that tensors made within it have held at once."""

    def __init__(self) -> None:
        super().__init__()
        self.now = self.most = 0
        self.known: set[int] = set()

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        out = func(*args, **(kwargs or {}))
        for one in out if isinstance(out, tuple | list) else (out,):
            if isinstance(one, torch.Tensor):
                self.note(one.untyped_storage())
        return out

    def note(self, storage: torch.UntypedStorage) -> None:
        key = storage._cdata
        if key not in self.known:
            self.known.add(key)
            self.now += storage.nbytes()
            self.most = max(self.most, self.now)
            weakref.finalize(storage, self.forget, key, storage.nbytes())

    def forget(self, key: int, size: int) -> None:
        self.known.discard(key)
        self.now -= size


def most_bytes(sub_batch_size: int, layers: int) -> int:
    """Held at once in a step with 16 queries and an encoder of so many layers."""
    _, model = pair(0, layers, sub_batch_size=sub_batch_size)
    given = {"queries": texts(16, 8, 1), "passages": texts(16 * GROUP, 48, 2)}
    with LiveBytes() as live:
        model(**given).loss.backward()
    return live.most


def test_memory_of_the_encoder_is_that_of_one_part():
    """What more layers keep for the gradient, of four texts and of forty-eight."""
    whole, parts = (most_bytes(size, 6) - most_bytes(size, 1) for size in (-1, 4))
    assert parts < whole / 6


def of_two(rank: int) -> None:
    """One of two processes with half of the rows of a batch, and with all of them."""
    half = slice(2 * rank, 2 * rank + 2)
    group = slice(half.start * GROUP, half.stop * GROUP)
    for losses in LOSSES:
        # FlagEmbedding's own is the one process.
        alone, model = pair(1, **settings(*losses))
        model.negatives_cross_device = True
        model.share_negatives()
        wrapped = torch.nn.parallel.DistributedDataParallel(model)
        for seed in range(4):
            given = batch(seed, distill=losses[0] is not None)
            scores = given["teacher_scores"]
            own = {
                "queries": trimmed({k: v[half] for k, v in given["queries"].items()}),
                "passages": {k: v[group] for k, v in given["passages"].items()},
                "teacher_scores": scores and scores[group],
            }
            if seed % 2:
                own["passages"] = divided(own["passages"], 4)
            assert_equal(
                loss_and_gradients(wrapped, own), loss_and_gradients(alone, given)
            )
        assert isinstance(model, M3Model)
        # Without negatives of its batch each query is alone, wherever it is.
        _, alone = pair(1, **settings(*losses))
        alone.step = model.step
        given["no_in_batch_neg_flag"] = own["no_in_batch_neg_flag"] = True
        loss, gradients = loss_and_gradients(wrapped, own)
        losses_of_both = [None, None]
        torch.distributed.all_gather_object(losses_of_both, loss)
        assert_equal(
            (sum(losses_of_both) / 2, gradients), loss_and_gradients(alone, given)
        )


def test_two_processes_have_the_gradient_of_one_with_the_doubled_batch(tmp_path):
    in_a_group(of_two, tmp_path)
