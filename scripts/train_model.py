"""Fine-tune an embedder on shards of pairs, in one or more processes.

FlagEmbedding's M3 training under torchrun, on GPUs or on CPUs. FlagEmbedding's, Hugging
Face's and deepspeed's arguments can be given by --args; precision, device and backend
are chosen by the hardware unless they are given.

The model directory appears when training and all checks are done. A run that was ended
before that goes on from its newest whole checkpoint when the same command is given
again; one with other rows, arguments or processes starts afresh.

With --dev the model is measured while it trains, and the best one becomes the output.

Passages that may well answer a query are not among those of its batch that it is told
from: --mask-near, and by the vectors that embed_guide.py made, --mask-guide.

With `report_to: tensorboard` in --args losses and measures are in `tensorboard`, beside
the --history.

On several nodes (--nodes, in a SLURM job of as many) srun starts torchrun on each.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import logging
import os
import platform
import shutil
import sys
import time
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from arkiv.base.cli import json_object, parser, run
from arkiv.base.declared import Seeded, plain
from arkiv.base.errors import InputError
from arkiv.base.files import read_json, write_json, written_whole
from arkiv.base.hashing import content_id, digest_of_files
from arkiv.base.setting_flags import add_settings, settings_from
from arkiv.encode.description import Description
from arkiv.encode.flags import add_reading, add_weights, described
from arkiv.encode.models import check_heads, check_model, has_heads
from arkiv.encode.settings import Batch, Headed, Running
from arkiv.mining.settings import Mining
from arkiv.train.arguments import (
    Hardware,
    parsed,
    process_count,
    to_command_line,
    with_defaults,
    with_lengths,
)
from arkiv.train.batch_plan import BatchPlan, log_plan, plan_batches
from arkiv.train.dev import watched
from arkiv.train.false_negatives import digest_of_finding, finding, with_known
from arkiv.train.given import checked
from arkiv.train.launch import node_command, run_watched, without_secrets
from arkiv.train.offered import WITHOUT_EFFECT
from arkiv.train.resume import alone, begin, ended_well
from arkiv.train.settings import UNTRAINED, Train, check_adapters, check_batches
from arkiv.train.shards import count_rows, in_order, weighted

log = logging.getLogger("train_model")

PACKAGES = (
    *("torch", "transformers", "FlagEmbedding", "accelerate", "datasets", "deepspeed"),
    *("peft", "tokenizers", "numpy"),
)


def name_and_weight(text: str) -> tuple[str, float]:
    """Parse `court=0.5`."""
    name, _, weight = text.rpartition("=")
    try:
        return name, float(weight)
    except ValueError:
        raise argparse.ArgumentTypeError("is not NAME=NUMBER") from None


def versions() -> dict[str, str]:
    """Of Python and of the packages that training runs on, those that are installed."""
    found = {"python": platform.python_version()}
    for name in PACKAGES:
        with contextlib.suppress(PackageNotFoundError):
            found[name] = version(name)
    return found


def planned(
    paths: list[str],
    weights: dict[str, float],
    values: argparse.Namespace,
    world_size: int,
) -> BatchPlan:
    """Check the shards and plan an epoch's batches by the parsed arguments."""
    paths = in_order(paths)
    check_batches(vars(values), {"train.weights": weights})
    distill, group_size = values.knowledge_distillation, values.train_group_size
    shards = count_rows(paths, distill=distill, group_size=group_size)
    return plan_batches(
        weighted(shards, paths, weights),
        batch_size=values.per_device_train_batch_size,
        world_size=world_size,
        same_dataset=values.same_dataset_within_batch,
        drop_last=values.dataloader_drop_last,
        small_threshold=values.small_threshold,
        most_rows=values.max_example_num_per_dataset,
    )


def command_line(argv: list[str] | None) -> argparse.Namespace:
    """What is asked for on the command line."""
    arguments = parser(
        __doc__,
        shards="JSONL... training rows",
        model="DIR to start from",
        output="DIR trained model",
        checkpoints="DIR kept when a run fails",
        history="JSON losses, rows, arguments",
        dev="[JSONL...] pairs with ids to measure on",
        corpus="[JSONL...] all passages of the --dev files",
        guide_queries="[NPY] of embed_guide.py",
        guide_passages="[NPY] of embed_guide.py",
    )
    add_reading(arguments)
    add_settings(arguments, Headed)
    add_settings(arguments, Train, "nodes", "processes", "interface", "check_steps")
    arguments.add_argument(
        "--dataset-weights",
        nargs="+",
        type=name_and_weight,
        default=[],
        metavar="NAME=W",
        help="how often a dataset's rows come in each epoch; 1 for those not named",
    )
    add_settings(arguments, Train, "evaluation")
    add_settings(arguments, Batch)
    add_weights(arguments)
    add_settings(arguments, Train, "lora", "mask")
    add_settings(arguments, Mining, "duplicate_jaccard")
    add_settings(arguments, Train, "args", type=json_object)
    add_settings(arguments, Running, "trust_remote_code")
    add_settings(arguments, Seeded)
    return arguments.parse_args(argv)


@dataclass(frozen=True)
class Training:
    """A training that has passed all checks."""

    processes: int  # per node
    world_size: int  # processes on all nodes
    own: dict[str, Any]  # arguments of FlagEmbedding that are set here
    chosen: dict[str, Any]  # those given, and those that depend on the hardware
    plan: BatchPlan
    weights: dict[str, float]  # of datasets
    description: Description  # of the model
    heads: str  # own, new, or none
    lora: dict | None
    evaluation: dict | None
    masks: dict | None

    def started_with(self) -> dict[str, Any]:
        """All that the trained weights depend on."""
        chosen = self.chosen.items()
        return {
            "shards": {
                Path(path).name: digest_of_files(path) for path in self.plan.shards
            },
            "model": digest_of_files(self.own["model_name_or_path"]),
            "description": self.description.told(),
            "heads": self.heads,
            "arguments": {k: v for k, v in chosen if k not in WITHOUT_EFFECT},
            "seed": self.own["seed"],
            "world_size": self.world_size,
            "weights": self.weights,
            "lora": self.lora,
            "evaluation": self.evaluation and content_id(json.dumps(self.evaluation)),
            "masks": digest_of_finding(self.masks),
            "versions": versions(),
        }


def evaluation(given: argparse.Namespace) -> dict | None:
    """What workers measure the model on and how; None without --dev or steps.

    Raises:
        InputError: a file or a number that will not do.
    """
    if not given.dev:
        return None
    if not given.corpus:
        raise InputError("is missing: --dev needs the passages", key="--corpus")
    how = settings_from(given, Train, "evaluation").evaluation
    if how.steps == 0:
        return None
    collections = watched(given.dev, given.corpus, how, given.seed)
    return {
        "collections": {name: asdict(one) for name, one in collections.items()},
        "steps": how.steps,
        "mode": how.mode,
        "measure": how.measure,
        "weights": given.weights,
        "batch_tokens": settings_from(given, Batch).batch_tokens,
        "patience": how.patience,
    }


def lora(given: argparse.Namespace, values: argparse.Namespace) -> dict | None:
    """The adapters to train; None to train the encoder itself.

    Raises:
        InputError: a value out of bounds, or nothing to train with adapters.
    """
    adapters = settings_from(given, Train, "lora").lora
    check_adapters(adapters.rank, vars(values))
    return plain(adapters) if adapters.rank else None


def heads(asked: str, model: Path, args: dict[str, Any]) -> str:
    """Which heads the trained model is to have: its own, new, or none.

    Raises:
        InputError: it has not those that are asked for, or new ones would be left as
            they are.
    """
    if asked == "none":
        return "none"
    if asked == "own":
        check_heads(model)
    if has_heads(model):
        return "own"
    if not args.get("unified_finetuning"):
        raise InputError(UNTRAINED.format(model), key="train.args.unified_finetuning")
    return "new"


def prepared(arguments: argparse.Namespace) -> Training:
    """Check all that is given, before a process starts."""
    model = check_model(arguments.model, "m3")
    alone = {"unified_finetuning": False} if arguments.heads == "none" else {}
    description = described(arguments)
    given = with_lengths(
        checked(arguments.args | alone),
        *(model, description.longest),
        trust_remote_code=arguments.trust_remote_code,
    )
    headed = heads(arguments.heads, model, given)
    hardware = Hardware() if given.get("use_cpu") else Hardware.here()
    settings_from(arguments, Train, "nodes", "processes", "check_steps")
    processes = process_count(arguments.processes, hardware, given.get("ddp_backend"))
    world_size = processes * arguments.nodes
    chosen = with_defaults(given, hardware, world_size)
    own = {
        "model_name_or_path": str(model),
        "output_dir": arguments.checkpoints,
        "seed": arguments.seed,
        "trust_remote_code": arguments.trust_remote_code,
    }
    values = parsed(to_command_line(own | chosen))
    weights = dict(arguments.dataset_weights)
    plan = planned(arguments.shards, weights, values, world_size)
    log_plan(plan)
    own |= {"train_data": list(plan.shards)}
    adapters = lora(arguments, values)
    measures = evaluation(arguments)
    asked = (
        settings_from(arguments, Train, "mask").mask,
        settings_from(arguments, Mining, "duplicate_jaccard").duplicate_jaccard,
        (arguments.guide_queries, arguments.guide_passages),
    )
    return Training(
        *(processes, world_size, own, chosen, plan, weights),
        *(description, headed, adapters, measures, finding(*asked)),
    )


def run_training(
    training: Training,
    arguments: argparse.Namespace,
    beside: Path,
    resume_from: Path | None,
) -> dict[str, Any]:
    """Run the training's processes; return what the first of them reports.

    Args:
        training: what they do.
        arguments: of the program.
        beside: the model's directory to be; all nodes see the one that it is in, which
            goes when we do.
        resume_from: a checkpoint.
    """
    tensorboard = Path(arguments.history).with_name("tensorboard")
    if resume_from is None:
        shutil.rmtree(tensorboard, ignore_errors=True)
    report = beside.with_name("report.json")
    measures = None
    if training.evaluation is not None:
        measures = str(beside.with_name("evaluation.json"))
        write_json(measures, training.evaluation)
    found = training.masks
    if found is not None:
        found = with_known(found, beside.with_name("known"), training.plan.shards)
    work = {
        "expected_world_size": training.world_size,
        "description": training.description.told(),
        "heads": training.heads,
        "final_model": str(beside),
        "report_file": str(report),
        "check_steps": arguments.check_steps,
        "weights": training.weights or None,
        "tensorboard": str(tensorboard),
        "lora": training.lora,
        "evaluation_file": measures,
        "false_negatives": found,
        "resume_from": resume_from and str(resume_from),
    }
    run_watched(
        node_command(
            to_command_line(work | training.own | training.chosen),
            processes=training.processes,
            nodes=arguments.nodes,
            interface=arguments.interface,
        ),
        without_secrets(os.environ),
    )
    return read_json(report)


def main(argv: list[str] | None = None) -> None:
    arguments = command_line(argv)
    began = time.monotonic()
    training = prepared(arguments)
    started_with = training.started_with()
    checkpoints = Path(arguments.checkpoints)

    with alone(checkpoints), written_whole(arguments.output) as beside:
        resume_from = begin(checkpoints, started_with)
        done = run_training(training, arguments, beside, resume_from)
        write_json(
            arguments.history,
            {
                "world_size": training.world_size,
                "nodes": arguments.nodes,
                "resumed_from": resume_from and resume_from.name,
                **training.plan.told(),
                **done,
                "weights": training.weights,
                "lora": training.lora,
                "masks": training.masks,
                "description": training.description.told(),
                "heads": training.heads,
                "arguments": training.own | training.chosen,
                "inputs": {key: started_with[key] for key in ("model", "shards")},
                "versions": started_with["versions"],
            },
        )
    # Only now is nothing lost that a run which goes on would need.
    ended_well(checkpoints)
    log.info(
        "trained %d steps in %.1f s, all in %.1f s",
        done["steps"],
        done["seconds"],
        time.monotonic() - began,
    )


if __name__ == "__main__":
    sys.exit(run(main))
