"""From `train.args` of the configuration to the arguments of FlagEmbedding's classes.

FlagEmbedding's M3 training takes three groups of arguments: of the model, of the data,
and Hugging Face's `TrainingArguments` (with those of deepspeed). Which of them may be
given `arkiv.train.offered` says, and `arkiv.train.given` has checked.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from arkiv.base.errors import InputError
from arkiv.encode.limits import least, length_of, too_long
from arkiv.encode.loading import load_tokenizer, longest_input
from arkiv.encode.options import Options, promised_gpus
from arkiv.train.fields import argument_classes
from arkiv.train.given import with_steps
from arkiv.train.settings import ARGUMENTS, LENGTHS

log = logging.getLogger(__name__)

PRECISIONS = ("bf16", "fp16")


@dataclass(frozen=True)
class Hardware:
    """What a node has: GPUs, whether they compute in bfloat16, and how many of them
    it was given."""

    gpus: int = 0
    bf16: bool = False
    promised: int = 0

    @classmethod
    def here(cls) -> Hardware:
        """Of this machine."""
        import torch

        gpus = torch.cuda.device_count() if torch.cuda.is_available() else 0
        bf16 = bool(gpus) and torch.cuda.is_bf16_supported()
        return cls(gpus, bf16, promised_gpus())


def process_count(
    asked: int | str, hardware: Hardware, backend: str | None = None
) -> int:
    """Processes per node: a number, or `auto` for one per GPU, or one without.

    Args:
        asked: `train.processes`.
        hardware: of the node.
        backend: `ddp_backend` of `train.args`.

    Raises:
        InputError: more processes than GPUs, which NCCL does not share and gloo does;
            or fewer GPUs than SLURM gave.
    """
    if asked == "auto":
        if hardware.gpus < hardware.promised:
            raise InputError(
                f"is auto, but torch sees {hardware.gpus} of the {hardware.promised} "
                "GPUs given (a CPU build of torch, or the driver?); give a number to "
                "train on what there is",
                key="train.processes",
            )
        return max(1, hardware.gpus)
    if 0 < hardware.gpus < asked and backend != "gloo":
        raise InputError(
            f"is {asked}, but there are {hardware.gpus} GPUs here; "
            "`train.args.ddp_backend: gloo` lets processes share one",
            key="train.processes",
        )
    return asked


def with_defaults(
    given: Mapping[str, Any], hardware: Hardware, world_size: int
) -> dict[str, Any]:
    """Checked arguments, and those that depend on the hardware where not given.

    Raises:
        InputError: deepspeed is asked for, and is not installed.
    """
    args = with_steps(given)
    if "deepspeed" in args and importlib.util.find_spec("deepspeed") is None:
        raise InputError(
            "is given, but deepspeed is not installed", key="train.args.deepspeed"
        )
    if hardware.gpus == 0 or args.get("use_cpu"):
        # Without use_cpu every process would train alone, without an error; without
        # gloo there is no backend.
        args["use_cpu"] = True
        args.setdefault("ddp_backend", "gloo")
        for name in ("fp16", "tf32"):
            if args.pop(name, False):
                log.warning("%s is left out: there is none on a CPU", name)
    elif not any(name in args for name in PRECISIONS):
        args["bf16" if hardware.bf16 else "fp16"] = True
    if world_size == 1 and args.get("negatives_cross_device"):
        log.info("negatives_cross_device is left out: there is one process")
        args["negatives_cross_device"] = False
    if "save_strategy" not in args and "save_steps" not in args:
        args["save_strategy"] = "no"
    # Offers of the hour (wandb and the like) are not taken up; the log is no terminal.
    args.setdefault("report_to", "none")
    args.setdefault("disable_tqdm", True)
    args.setdefault("log_on_each_node", False)
    return args


def to_command_line(args: Mapping[str, Any]) -> list[str]:
    """`{"a": True, "b": [1, 2], "c": None}` becomes `--a True --b 1 2`.

    A map becomes one word of JSON; None and empty lists are left out. A text that looks
    like an argument, as a name or a path may, is one word with its own.
    """
    words: list[str] = []
    for name, value in args.items():
        if value is None or value == []:
            continue
        if isinstance(value, str) and value.startswith("-"):
            words.append(f"--{name}={value}")
            continue
        values = value if isinstance(value, list | tuple) else [value]
        words.append(f"--{name}")
        words += [
            json.dumps(one) if isinstance(one, dict) else str(one) for one in values
        ]
    return words


def parsed(command_line: Sequence[str]) -> argparse.Namespace:
    """The values as FlagEmbedding's own parser takes them; no process is touched.

    Raises:
        InputError: a value that its argument does not take.
    """
    from transformers import HfArgumentParser

    parser = HfArgumentParser(argument_classes(), allow_abbrev=False)

    def refuse(message: str) -> None:
        raise InputError(f"are not all right: {message}", key="train.args")

    parser.error = refuse
    return parser.parse_args(list(command_line))


def with_lengths(
    given: Mapping[str, Any],
    model: Path,
    longest: int | None,
    *,
    trust_remote_code: bool = False,
) -> dict[str, Any]:
    """Checked arguments with lengths in numbers, which are no longer than texts may be.

    Args:
        given: lengths that are missing are those that the configuration has by default.
        model: to train.
        longest: tokens that it takes, as its description has it.
        trust_remote_code: of its directory.

    Raises:
        InputError: naming the argument; without this a GPU only says `device-side
            assert`. Or a file of the model is damaged.
    """
    options = Options(trust_remote_code=trust_remote_code)
    positions = longest_input(load_tokenizer(model, options)[1])
    lengths = {
        key: length_of(given.get(key, ARGUMENTS[key]), least(longest, positions))
        for key in LENGTHS
    }
    for key, length in lengths.items():
        if positions is not None and length > positions:
            raise too_long(length, model, positions, f"train.args.{key}")
    return {**given, **lengths}
