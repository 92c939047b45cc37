"""One process of a training run; torchrun starts as many as there are GPUs.

Not to be run by hand: `scripts/train_model.py` starts it. It makes sure that the
processes train one model together: FlagEmbedding can be started in ways in which each
trains its own, without an error.
"""

from __future__ import annotations

import faulthandler
import json
import logging
import math
import os
import shutil
import signal
import sys
import time
import traceback
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from arkiv.base.errors import InputError
from arkiv.base.files import write_json
from arkiv.base.terminal import log_to_stderr
from arkiv.encode.description import Description
from arkiv.train.deepspeed import prepare
from arkiv.train.false_negatives import FalseNegatives, doubt
from arkiv.train.fields import argument_classes
from arkiv.train.launch import INPUT_FAULT, OWN_FAULT, end_with_parent
from arkiv.train.settings import Lora

if TYPE_CHECKING:
    from arkiv.train.evaluation import Evaluations

log = logging.getLogger(__name__)

LOGGED = ("step", "epoch", "loss", "learning_rate", "grad_norm")


@dataclass
class WorkArguments:
    """What the launcher tells its workers, besides FlagEmbedding's arguments."""

    expected_world_size: int
    final_model: str
    report_file: str
    check_steps: int
    tensorboard: str
    description: str
    heads: str
    evaluation_file: str | None = None
    weights: str | None = None
    lora: str | None = None
    false_negatives: str | None = None
    resume_from: str | None = None


def finite(value: object) -> object:
    """The value, or None for a number that JSON does not have."""
    return None if isinstance(value, float) and not math.isfinite(value) else value


def share_gpus() -> None:
    """Let the processes of this node share its GPUs if it has fewer, as gloo can.

    Accelerate gives each its GPU by its number modulo theirs, but has DDP look for the
    model on the GPU of its number, unless it is told to leave it where it is.
    """
    import torch

    if 0 < torch.cuda.device_count() < int(os.environ.get("LOCAL_WORLD_SIZE", "1")):
        os.environ["ACCELERATE_BYPASS_DEVICE_MAP"] = "true"


def train(work: WorkArguments, model_args, data_args, training_args) -> None:
    """Train, check, save the model and write what happened."""
    # Transformers 5 has no argument for it.
    os.environ["TENSORBOARD_LOGGING_DIR"] = work.tensorboard
    share_gpus()
    prepare(cpu=training_args.use_cpu, deepspeed=bool(training_args.deepspeed))
    from arkiv.train import evaluation, guards
    from arkiv.train.steps import Steps
    from arkiv.train.upstream import M3Runner

    if training_args.world_size != work.expected_world_size:
        raise RuntimeError(
            f"{training_args.world_size} processes train together, expected "
            f"{work.expected_world_size}"
        )
    weights = json.loads(work.weights) if work.weights else None
    lora = Lora(**json.loads(work.lora)) if work.lora else None
    description = Description(**json.loads(work.description))
    given = model_args, data_args, training_args, description
    found = work.false_negatives and json.loads(work.false_negatives)
    runner = M3Runner(
        *given,
        lora=lora,
        weights=weights,
        keep_heads=work.heads != "none",
        false_negatives=FalseNegatives.of_files(**found) if found else None,
    )
    trainer, model = runner.trainer, runner.model
    trainer.add_callback(guards.Guards(trainer, work.check_steps))
    guards.agree(
        "the order of the training data", guards.digest_of_batches(runner.train_dataset)
    )
    guards.agree("the weights before training", guards.digest_of_weights(model))
    first = trainer.is_world_process_zero()
    parameters = model.named_parameters() if first else ()
    before = {name: one.detach().cpu().float().clone() for name, one in parameters}
    evaluations = None
    if work.evaluation_file:
        settings = evaluation.Settings.read(work.evaluation_file, data_args)
        evaluations = evaluation.Evaluations(trainer, settings)
        trainer.add_callback(evaluations)
    trainer.add_callback(Steps(evaluations))
    log.info("all %d processes agree; training", work.expected_world_size)
    if work.resume_from:
        trainer.count_from(work.resume_from)
    began = time.monotonic()
    trainer.train(resume_from_checkpoint=work.resume_from)
    seconds = time.monotonic() - began
    guards.agree("the weights after training", guards.digest_of_weights(model))
    changes = guards.largest_changes(model, before) if first else {}
    masked = trainer.masked()
    if (said := doubt(masked)) is not None:
        guards.warn(trainer, said)
    if evaluations is None:
        trainer.export(Path(work.final_model))
    elif first:
        shutil.copytree(evaluations.kept(evaluations.best["step"]), work.final_model)
    log.info("trained for %.1f s; largest changes %s", seconds, changes)
    log.info("negatives of batches, and those of them that were masked: %s", masked)
    if first:
        report = {
            "steps": trainer.state.global_step,
            "epochs": trainer.state.epoch,
            "parameters_changed": changes,
            "seconds": round(seconds, 3),
            "masked": masked,
            **logged(trainer.state.log_history, evaluations),
        }
        write_json(work.report_file, report)


def logged(entries: list[dict[str, Any]], evaluations: Evaluations | None) -> dict:
    """What the trainer's log tells: losses, measures, and warnings."""
    return {
        "log": [
            {key: finite(entry.get(key)) for key in LOGGED}
            for entry in entries
            if "loss" in entry
        ],
        "evaluation": evaluations and evaluations.summary(),
        "warnings": [entry for entry in entries if "warning" in entry],
    }


def quiet(first: bool) -> None:
    """Log what matters, and from one process only.

    FlagEmbedding logs all arguments from every process, and would set up logging with
    it; the launcher has logged those that are given.
    """
    from transformers.utils.logging import disable_progress_bar, set_verbosity_error

    log_to_stderr(logging.INFO if first else logging.WARNING)
    logging.getLogger("FlagEmbedding").setLevel(logging.ERROR)
    # An evaluation encodes batch by batch.
    logging.getLogger("arkiv.encode.batches").setLevel(logging.WARNING)
    disable_progress_bar()
    # What libraries will change one day is not the reader's to mend; the rest is said
    # by the first process.
    warnings.simplefilter("ignore", FutureWarning)
    # FlagEmbedding says the length again as it pads what has been cut to it.
    warnings.filterwarnings("ignore", "`max_length` is ignored when")
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
    # Where a library of C++ ends the process it says at best what, never where.
    faulthandler.enable()
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


def leave(status: int) -> NoReturn:
    """End the process without Python's own end.

    Gloo's threads live as long as DDP's reducer, which dies then in no certain order
    with what they use. On a busy machine a run ended by SIGABRT without a traceback.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


if __name__ == "__main__":
    leave(main())
