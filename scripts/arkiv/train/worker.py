"""One process of a training run; torchrun starts as many as there are GPUs.

Not to be run by hand: `scripts/train_model.py` starts it. It makes sure that the
processes train one model together: FlagEmbedding can be started in ways in which each
trains its own, without an error.
"""

from __future__ import annotations

import hashlib
import logging
import math
import os
import signal
import sys
import time
import traceback
import warnings
from collections.abc import Sequence
from dataclasses import dataclass

from arkiv.cli import LOG_FORMAT
from arkiv.errors import InputError
from arkiv.files import write_json
from arkiv.train.arguments import argument_classes
from arkiv.train.launch import INPUT_FAULT, OWN_FAULT, end_with_parent

log = logging.getLogger(__name__)

LOGGED = ("step", "epoch", "loss", "learning_rate", "grad_norm")
# Rows of the first batches that the processes compare.
COMPARED = 256


@dataclass
class WorkArguments:
    """What the launcher tells its workers, besides FlagEmbedding's arguments."""

    expected_world_size: int
    final_model: str
    report_file: str
    resume_from: str | None = None


def agree(what: str, value: str) -> None:
    """Check that all processes have the same value.

    Raises:
        RuntimeError: they have not.
    """
    import torch.distributed as dist

    if not dist.is_initialized():
        return
    values: list[str | None] = [None] * dist.get_world_size()
    dist.all_gather_object(values, value)
    if len(set(values)) > 1:
        raise RuntimeError(f"the processes differ in {what}: {', '.join(values)}")


def digest_of_batches(dataset) -> str:
    """A hash of an epoch's order of rows and of the first queries in it."""
    rows = range(len(dataset.dataset))
    if hasattr(dataset, "batch_datas"):
        rows = [int(row) for batch, _ in dataset.batch_datas for row in batch]
    digest = hashlib.blake2b(repr(list(rows)).encode(), digest_size=8)
    for row in rows[:COMPARED]:
        digest.update(dataset.dataset[row]["query"].encode())
    return digest.hexdigest()


def digest_of_weights(model) -> str:
    """A hash of every bit of the parameters."""
    import torch

    digest = hashlib.blake2b(digest_size=8)
    for parameter in model.parameters():
        values = parameter.detach().cpu().contiguous().flatten()
        digest.update(values.view(torch.uint8).numpy().data)
    return digest.hexdigest()


def largest_changes(model, before: dict) -> dict[str, float]:
    """The largest change of any weight in the encoder and in each head.

    Raises:
        RuntimeError: a part that was to be trained did not change, or is no number.
    """
    changes: dict[str, float] = {}
    for name, parameter in model.named_parameters():
        if not parameter.requires_grad:
            continue
        part = name.split(".")[0]
        part = "encoder" if part == "model" else part
        change = (parameter.detach().cpu().float() - before[name]).abs().max().item()
        changes[part] = max(change, changes.get(part, 0.0))
        if not math.isfinite(change):
            raise RuntimeError(f"{name} holds values that are not finite")
    for part, change in changes.items():
        # Where a sparse head weighs every token of the data zero, ReLU lets no
        # gradient through: a poor model, but no fault of the run.
        if change == 0 and part == "sparse_linear":
            log.warning("the sparse head did not change: it weighs every token zero")
        elif change == 0:
            raise RuntimeError(f"training did not change the {part}")
    return changes


def finite(value: object) -> object:
    """The value, or None for a number that JSON does not have."""
    return None if isinstance(value, float) and not math.isfinite(value) else value


def check_wrapped(trainer) -> None:
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


def train(work: WorkArguments, model_args, data_args, training_args) -> None:
    """Train, check, save the model and write what happened."""
    from transformers import TrainerCallback

    from arkiv.train.upstream import M3Runner

    class Together(TrainerCallback):
        # Only now is the model wrapped, if it is.
        def on_train_begin(self, args, state, control, **kwargs) -> None:
            check_wrapped(trainer)
            # Self-distillation begins at a step, which the model counts.
            model.step = state.global_step * args.gradient_accumulation_steps

    if training_args.world_size != work.expected_world_size:
        raise RuntimeError(
            f"{training_args.world_size} processes train together, expected "
            f"{work.expected_world_size}"
        )
    runner = M3Runner(model_args, data_args, training_args)
    trainer, model = runner.trainer, runner.model
    trainer.add_callback(Together())
    agree("the order of the training data", digest_of_batches(runner.train_dataset))
    agree("the weights before training", digest_of_weights(model))
    first = trainer.is_world_process_zero()
    before = {}
    if first:
        before = {
            name: parameter.detach().cpu().float().clone()
            for name, parameter in model.named_parameters()
        }
    log.info("all %d processes agree; training", work.expected_world_size)
    began = time.monotonic()
    trainer.train(resume_from_checkpoint=work.resume_from)
    seconds = time.monotonic() - began
    agree("the weights after training", digest_of_weights(model))
    changes = largest_changes(model, before) if first else {}
    trainer.save_model(work.final_model)
    log.info("trained for %.1f s; largest changes %s", seconds, changes)
    if first:
        write_json(
            work.report_file,
            {
                "steps": trainer.state.global_step,
                "epochs": trainer.state.epoch,
                "parameters_changed": changes,
                "seconds": round(seconds, 3),
                "log": [
                    {key: finite(entry.get(key)) for key in LOGGED}
                    for entry in trainer.state.log_history
                    if "loss" in entry
                ],
            },
        )


def quiet(first: bool) -> None:
    """Log what matters, and from one process only.

    FlagEmbedding logs all arguments from every process, and would set up logging with
    it; the launcher has logged those that are given.
    """
    from transformers.utils.logging import disable_progress_bar, set_verbosity_error

    logging.basicConfig(
        level=logging.INFO if first else logging.WARNING,
        format=LOG_FORMAT,
        stream=sys.stderr,
    )
    logging.getLogger("FlagEmbedding").setLevel(logging.ERROR)
    disable_progress_bar()
    # What libraries will change one day is not the reader's to mend; the rest is said
    # by the first process.
    warnings.simplefilter("ignore", FutureWarning)
    if not first:
        warnings.simplefilter("ignore")
        set_verbosity_error()


def last_words(said: str) -> None:
    """Write a line in one piece: the processes share one standard error."""
    os.write(sys.stderr.fileno(), f"\n{said}\n".encode())


def main(argv: Sequence[str] | None = None) -> int:
    """Run one process; a fault's last line is what the launcher tells the user."""
    import torch.distributed as dist
    from transformers import HfArgumentParser

    end_with_parent(signal.SIGKILL)
    quiet(first=os.environ.get("RANK", "0") == "0")
    parser = HfArgumentParser((WorkArguments, *argument_classes()), allow_abbrev=False)
    try:
        train(*parser.parse_args_into_dataclasses(argv))
        if dist.is_initialized():
            dist.barrier()
            dist.destroy_process_group()
    except InputError as error:
        last_words(f"{INPUT_FAULT}{error}")
        return 1
    except Exception as error:
        traceback.print_exc()
        said = " ".join(str(error).split("\n")[0].split())
        kind = type(error).__name__
        last_words(f"{OWN_FAULT}{kind}: {said}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
