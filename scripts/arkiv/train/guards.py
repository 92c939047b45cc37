"""What makes sure that a run learns something, and that its processes learn the same.

FlagEmbedding can be started in ways in which each process trains a model of its own, or
nothing is trained, without an error.
"""

from __future__ import annotations

import hashlib
import logging
import math
from typing import TYPE_CHECKING, Any

import torch
import torch.distributed as dist
from transformers import TrainerCallback

from arkiv.base.errors import InputError
from arkiv.train.representations import gathered

if TYPE_CHECKING:
    from arkiv.train.trainer import M3Trainer

log = logging.getLogger(__name__)

# Rows of the first batches that the processes compare.
COMPARED = 256
# Integers of the sizes of floats, whose bits they show.
BITS = {2: torch.int16, 4: torch.int32, 8: torch.int64}
COLLAPSED = (
    "the sparse head weighs every token zero, and its ReLU lets no gradient through: "
    "sparse scores are lost; lower `learning_rate`"
)


def agree(what: str, value: object) -> None:
    """Check that all processes have the same value.

    Raises:
        RuntimeError: they have not.
    """
    values = gathered(value)
    if len(set(values)) > 1:
        said = ", ".join(map(str, values))
        raise RuntimeError(f"the processes differ in {what}: {said}")


def digest_of_batches(dataset) -> str:
    """A hash of an epoch's order of rows and of the first queries in it."""
    rows = range(len(dataset.dataset))
    if hasattr(dataset, "batch_datas"):
        rows = [int(row) for batch, _ in dataset.batch_datas for row in batch]
    digest = hashlib.blake2b(repr(list(rows)).encode(), digest_size=8)
    for row in rows[:COMPARED]:
        digest.update(dataset.dataset[row]["query"].encode())
    return digest.hexdigest()


def digest_of_weights(model: torch.nn.Module) -> str:
    """A hash of every bit of the parameters."""
    digest = hashlib.blake2b(digest_size=8)
    for parameter in model.parameters():
        values = parameter.detach().cpu().contiguous().flatten()
        digest.update(values.view(torch.uint8).numpy().data)
    return digest.hexdigest()


def part_of(parameter: str) -> str:
    """`encoder`, `colbert_linear` or `sparse_linear`, from a parameter's name."""
    part = parameter.split(".")[0]
    return "encoder" if part == "model" else part


def sums_of_bits(model: torch.nn.Module) -> dict[str, int]:
    """Of each part that is trained, the sum of its weights' bits as integers.

    Exact, and made where the weights lie: a thousand times cheaper than a hash.
    """
    sums: dict[str, torch.Tensor] = {}
    for name, parameter in model.named_parameters():
        if parameter.requires_grad:
            bits = parameter.detach().view(BITS[parameter.element_size()])
            part = part_of(name)
            sums[part] = sums.get(part, 0) + bits.sum(dtype=torch.int64)
    return {part: total.item() for part, total in sums.items()}


def largest_changes(
    model: torch.nn.Module, before: dict[str, torch.Tensor]
) -> dict[str, float]:
    """The largest change of any weight in the encoder and in each head.

    Raises:
        RuntimeError: a part that was to be trained did not change, or is no number.
    """
    changes: dict[str, float] = {}
    for name, parameter in model.named_parameters():
        if not parameter.requires_grad:
            continue
        part = part_of(name)
        change = (parameter.detach().cpu().float() - before[name]).abs().max().item()
        changes[part] = max(change, changes.get(part, 0.0))
        if not math.isfinite(change):
            raise RuntimeError(f"{name} holds values that are not finite")
    for part, change in changes.items():
        # The sparse head may have collapsed: a poor model, but no fault of the run.
        if change == 0 and part == "sparse_linear":
            log.warning("the sparse head did not change: it weighs every token zero")
        elif change == 0:
            raise RuntimeError(f"training did not change the {part}")
    return changes


def check_wrapped(trainer: M3Trainer) -> None:
    """Check that the processes share their gradients, by DDP or deepspeed.

    Raises:
        RuntimeError: they do not.
    """
    world_size = trainer.args.world_size
    if world_size > 1 and trainer.model_wrapped is trainer.model:
        raise RuntimeError(
            f"the model is not wrapped for {world_size} processes: each would train "
            "its own"
        )


def warn(trainer: M3Trainer, said: str) -> None:
    """Log a warning, and keep it with the run's history and its checkpoints."""
    if not dist.is_initialized() or dist.get_rank() == 0:
        log.warning("step %d: %s", trainer.state.global_step, said)
    entry = {"step": trainer.state.global_step, "warning": said}
    trainer.state.log_history.append(entry)


class Guards(TrainerCallback):
    """Every so many steps, checks that training trains, and the same everywhere.

    Stops where the gradient was exactly 0 all the while, where a part's weights are
    still the same, and where the processes are at different steps, in different orders
    of batches, or have different weights. A sparse head that weighed every token of
    every text zero is only warned of: the other two ways of scoring go on learning.
    """

    def __init__(self, trainer: M3Trainer, steps: int) -> None:
        self.trainer, self.steps = trainer, steps
        self.collapsed = False
        self.ordered: dict[str, Any] = {}

    def on_train_begin(self, args, state, control, optimizer=None, **kwargs) -> None:
        rates = {group["lr"] for group in optimizer.param_groups} if optimizer else ()
        if rates == {0} and state.max_steps == 1:
            raise InputError(
                "the training is one step, at the learning rate 0 with which a warm-up "
                "begins: nothing would be learnt; give it more rows, more "
                "`num_train_epochs`, a smaller `per_device_train_batch_size`, or set "
                "`warmup_ratio` to 0"
            )
        check_wrapped(self.trainer)
        self.sums = sums_of_bits(self.trainer.model)
        self.since = state.global_step

    def on_step_end(self, args, state, control, **kwargs) -> None:
        if state.global_step - self.since >= self.steps:
            self.check()

    def check(self) -> None:
        """Look at what happened since the last check.

        Raises:
            InputError: nothing was learnt.
            RuntimeError: the processes have drifted apart.
        """
        trainer, model = self.trainer, self.trainer.model
        data = trainer.train_dataset
        # The last batch that was read, which is one ahead of the last used.
        place = getattr(data, "step", None)
        agree("the step", f"{trainer.state.global_step} (batch {place})")
        epoch = getattr(data, "epoch", 0)
        if self.ordered.get("epoch") != epoch:
            self.ordered = {"epoch": epoch, "digest": digest_of_batches(data)}
        agree("the order of the batches", str(self.ordered))
        sums = sums_of_bits(model)
        agree("the weights", str(sums))
        during = f"in steps {self.since + 1} to {trainer.state.global_step}"
        norm = trainer.largest_gradient_norm
        if norm is not None and float(norm) == 0:
            raise InputError(
                f"the gradient was exactly 0 {during}: nothing is learnt; look at "
                "`temperature`, at the teacher's scores and at what is frozen"
            )
        self._check_sparse_head(model)
        for part, total in sums.items():
            if total == self.sums[part] and not (
                part == "sparse_linear" and self.collapsed
            ):
                raise InputError(
                    f"the weights of the {part} did not change {during}: nothing is "
                    "learnt; look at `learning_rate`"
                )
        self.sums, self.since = sums, trainer.state.global_step
        trainer.largest_gradient_norm = None

    def _check_sparse_head(self, model) -> None:
        if model.largest_weight is None:
            return
        largest = max(gathered(model.largest_weight.item()))
        model.largest_weight = None
        if largest == 0 and not self.collapsed:
            warn(self.trainer, COLLAPSED)
        self.collapsed = largest == 0
