"""From `train.args` of the configuration to the arguments of FlagEmbedding's classes.

FlagEmbedding's M3 training takes three groups of arguments: of the model, of the data,
and Hugging Face's `TrainingArguments` (with those of deepspeed). Any of them may be
given; a name that none of them has is refused before a process starts.
"""

from __future__ import annotations

import argparse
import difflib
import importlib.util
import json
import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from arkiv.base.errors import InputError
from arkiv.encode.loading import load_tokenizer, longest_input
from arkiv.encode.options import Options, promised_gpus

log = logging.getLogger(__name__)

# Arguments that are not the user's to set, and why.
REFUSED = {
    "train_data": "the shards are given by --shards",
    "model_name_or_path": "the model is given by --model",
    "config_name": "the model is given by --model",
    "tokenizer_name": "the model is given by --model",
    "output_dir": "the directories are given by --checkpoints and --output",
    "seed": "the seed is given by --seed",
    "cache_path": "data is cached in a directory that is removed afterwards",
    "cache_dir": "jobs fetch nothing",
    "token": "jobs fetch nothing, and secrets do not belong in a configuration",
    "hub_token": "jobs fetch nothing, and secrets do not belong in a configuration",
    "push_to_hub": "jobs reach no network",
    "overwrite_output_dir": "whole checkpoints of the same run are kept",
    "resume_from_checkpoint": "a run that was ended goes on by itself",
    "do_train": "training is what this does",
    "trust_remote_code": "it is given by --trust-remote-code",
    "local_rank": "torchrun sets it",
    "auto_find_batch_size": "it takes any error for want of memory and hides it",
    "use_mrl": "FlagEmbedding does not offer it for M3",
    "mrl_dims": "FlagEmbedding does not offer it for M3",
    "fsdp": "FlagEmbedding cannot save a sharded model; use deepspeed stage 0, 1 or 2",
    "use_fast_tokenizer": "the fast tokenizer is the only one",
    **dict.fromkeys(
        ("do_eval", "eval_strategy", "eval_steps", "eval_on_start", "eval_delay"),
        "what is measured while training is given by train.evaluation",
    ),
    **dict.fromkeys(
        ("load_best_model_at_end", "metric_for_best_model", "greater_is_better"),
        "which model is kept is given by train.evaluation",
    ),
}
PRECISIONS = ("bf16", "fp16")
# Arguments that a run which goes on may change: the weights do not depend on them.
WITHOUT_EFFECT = {
    *("logging_steps", "report_to", "disable_tqdm"),
    *("save_steps", "save_strategy", "save_total_limit"),
}


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


def is_true(value: object) -> bool:
    """Whether a boolean argument, also one written as text, is on."""
    return str(value).lower() in ("true", "1", "yes", "y", "t")


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


def argument_classes() -> tuple[type, type, type]:
    """FlagEmbedding's classes of model, data and training arguments."""
    from FlagEmbedding.finetune.embedder.encoder_only import m3

    return (
        m3.EncoderOnlyEmbedderM3ModelArguments,
        m3.EncoderOnlyEmbedderM3DataArguments,
        m3.EncoderOnlyEmbedderM3TrainingArguments,
    )


def check_names(names: Iterable[str]) -> None:
    """Refuse names that no class has, and those that are set here.

    Raises:
        InputError: naming the argument, with the known ones most like it.
    """
    known = {name for kind in argument_classes() for name in kind.__dataclass_fields__}
    offered = known - REFUSED.keys() | {"warmup_ratio"}
    for name in names:
        if name in REFUSED:
            raise InputError(
                f"cannot be set: {REFUSED[name]}", key=f"train.args.{name}"
            )
        if name not in offered:
            close = difflib.get_close_matches(name, sorted(offered), n=3, cutoff=0.6)
            hint = f"; did you mean {' or '.join(close)}?" if close else ""
            raise InputError(
                "is no argument of FlagEmbedding's M3 training or of Hugging Face's "
                f"TrainingArguments{hint}",
                key=f"train.args.{name}",
            )


def with_defaults(
    given: Mapping[str, Any], hardware: Hardware, world_size: int
) -> dict[str, Any]:
    """The given arguments, and those that depend on the hardware where not given.

    `warmup_ratio`, which Transformers 5 has no more, becomes `warmup_steps`, where a
    number below 1 is a share of all steps. None leaves an argument to its own default.

    Raises:
        InputError: a ratio that is none, both ratio and steps, or a deepspeed
            configuration that is not there.
    """
    args = {name: value for name, value in given.items() if value is not None}
    if "warmup_ratio" in args:
        if "warmup_steps" in args:
            raise InputError(
                "is given beside warmup_steps", key="train.args.warmup_ratio"
            )
        ratio = args["warmup_steps"] = args.pop("warmup_ratio")
        try:
            fits = 0 <= float(ratio) < 1
        except (TypeError, ValueError):
            fits = False
        if not fits:
            raise InputError(
                f"is {ratio!r}, expected a number from 0 to below 1",
                key="train.args.warmup_ratio",
            )
    if "deepspeed" in args and (fault := _fault_of_deepspeed(args["deepspeed"])):
        raise InputError(fault, key="train.args.deepspeed")

    if hardware.gpus == 0 or is_true(args.get("use_cpu", False)):
        # Without use_cpu every process would train alone, without an error; without
        # gloo there is no backend.
        args["use_cpu"] = True
        args.setdefault("ddp_backend", "gloo")
        if is_true(args.pop("fp16", False)):
            log.warning("fp16 is left out: there is none on a CPU")
    elif not any(name in args for name in PRECISIONS):
        args["bf16" if hardware.bf16 else "fp16"] = True
    if world_size == 1 and is_true(args.get("negatives_cross_device", False)):
        log.info("negatives_cross_device is left out: there is one process")
        args["negatives_cross_device"] = False
    if "save_strategy" not in args and "save_steps" not in args:
        args["save_strategy"] = "no"
    # Offers of the hour (wandb and the like) are not taken up; the log is no terminal.
    args.setdefault("report_to", "none")
    args.setdefault("disable_tqdm", True)
    args.setdefault("log_on_each_node", False)
    return args


def _fault_of_deepspeed(given: object) -> str | None:
    if importlib.util.find_spec("deepspeed") is None:
        return "is given, but deepspeed is not installed"
    if isinstance(given, str) and not given.lstrip().startswith("{"):
        if not Path(given).is_file():
            return f"names {given}, which is no file"
        given = Path(given).read_text(encoding="utf-8")
    try:
        settings = json.loads(given) if isinstance(given, str) else given
        stage = settings.get("zero_optimization", {}).get("stage", 0)
    except (ValueError, AttributeError):
        return "is not a JSON object of settings"
    if stage == 3:
        return (
            "asks for ZeRO stage 3, but FlagEmbedding cannot save a sharded model; use "
            "stage 0, 1 or 2"
        )
    return None


def to_command_line(args: Mapping[str, Any]) -> list[str]:
    """`{"a": True, "b": [1, 2], "c": None}` becomes `--a True --b 1 2`.

    A map becomes one word of JSON; None and empty lists are left out.
    """
    words: list[str] = []
    for name, value in args.items():
        if value is None or value == []:
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


def check_lengths(model: Path, values: argparse.Namespace) -> None:
    """Refuse texts longer than the model has positions.

    Raises:
        InputError: naming the argument; without this a GPU only says `device-side
            assert`. Or a file of the model is damaged.
    """
    options = Options(trust_remote_code=values.trust_remote_code)
    longest = longest_input(load_tokenizer(model, options)[1])
    for key in ("query_max_len", "passage_max_len"):
        length = getattr(values, key)
        if longest is not None and length > longest:
            raise InputError(
                f"is {length}, but {model} takes {longest} tokens",
                key=f"train.args.{key}",
            )
