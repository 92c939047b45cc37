"""`train.args` as a person wrote them: checked, and in one form.

By what `arkiv.train.offered` says of each argument, and `arkiv.train.fields` of its
type. Read while the Snakefile is parsed: nothing heavy here.
"""

from __future__ import annotations

import contextlib
import difflib
import functools
import json
import math
import operator
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import MISSING
from pathlib import Path
from types import NoneType
from typing import Any, Literal

from arkiv.base.declared import Rule, Setting, faults_of
from arkiv.base.errors import InputError
from arkiv.encode.settings import AUTO
from arkiv.train.fields import Field, known_fields, schedules
from arkiv.train.offered import (
    FORMER,
    OFFERED,
    RATIO,
    REFUSED,
    UNUSABLE,
    WITHOUT_EFFECT,
)
from arkiv.train.settings import ARGUMENTS, LENGTHS

TYPES = {"bool": bool, "int": int, "float": float, "str": str}
# How Hugging Face's parser reads a text.
TRUTHS = {
    **dict.fromkeys(("true", "t", "yes", "y", "1"), True),
    **dict.fromkeys(("false", "f", "no", "n", "0"), False),
}
# What a text stands for that is no list: several words, or one.
LISTS: dict[str, Callable[[str], list[str]]] = {
    "debug": str.split,
    "report_to": lambda text: [text],
}


def checked(args: Mapping[str, Any]) -> dict[str, Any]:
    """Check arguments; give them in the order of their names, as their types are.

    So that those which mean the same are the same: 1 is 1.0 where a number is asked
    for, 2.0 is 2 where a whole one is, and text that reads as what is asked for is
    that, such as `1e-5`, which YAML takes for a text. A file of deepspeed's settings is
    what it holds, wherever it lies. None leaves an argument to its own default, and a
    length to what the model takes.

    Raises:
        InputError: naming the argument, what is wrong with it, and for an unknown one
            those most like it.
    """
    for name in args:
        _check_name(name)
    taken = {name: _taken(args[name], name) for name in sorted(args)}
    for name, value in taken.items():
        if value is not None and (reason := _fault(name, value)):
            # Of a number what was written: 1, where 1.0 would be taken.
            reason = (_is_number(args[name]) and _fault(name, args[name])) or reason
            raise InputError(reason, key=f"train.args.{name}")
    for name, reason in _faults_together(taken):
        raise InputError(reason, key=f"train.args.{name}")
    return taken


def learnt_from(args: Mapping[str, Any]) -> dict[str, Any]:
    """Of checked arguments those that what is learnt depends on."""
    return {
        name: value
        for name, value in with_steps(args).items()
        if name not in WITHOUT_EFFECT
    }


def with_steps(args: Mapping[str, Any]) -> dict[str, Any]:
    """Checked arguments without those that are None, `warmup_ratio` as `warmup_steps`.

    Of `warmup_steps` a number below 1 is a share of all steps.
    """
    named = {name: value for name, value in args.items() if value is not None}
    if RATIO in named:
        named["warmup_steps"] = named.pop(RATIO)
    return dict(sorted(named.items()))


def _check_name(name: str) -> None:
    if why := REFUSED.get(name, FORMER.get(name)):
        raise InputError(f"cannot be set: {why}", key=f"train.args.{name}")
    if name not in OFFERED:
        near = difflib.get_close_matches(name, sorted(OFFERED), n=3, cutoff=0.6)
        hint = f"; did you mean {' or '.join(near)}?" if near else ""
        raise InputError(
            "is no argument of FlagEmbedding's M3 training or of Hugging Face's "
            f"TrainingArguments{hint}",
            key=f"train.args.{name}",
        )


def _field(name: str) -> Field:
    return known_fields()["warmup_steps" if name == RATIO else name]


def _taken(value: Any, name: str) -> Any:
    """A value as its type has it, where it can be taken so; else as it is."""
    field = _field(name)
    if isinstance(value, str):
        value = _read(value, name, field)
    if value is False and "no" in field.choices:
        return "no"  # YAML takes a bare `no` for false
    if isinstance(value, bool):
        return value
    if "bool" in field.types and value in (0, 1):
        return bool(value)
    if _is_number(value) and _is_finite(value):
        if "int" in field.types and value == int(value):
            return int(value)
        if "float" in field.types:
            return float(value)
    return _in_order(value)


def _read(text: str, name: str, field: Field) -> Any:
    """What a text stands for where its argument takes something else."""
    if name in LISTS:
        return LISTS[name](text)
    try:
        if "dict" in field.types and text.lstrip().startswith("{"):
            return json.loads(text)
        if name == "deepspeed":
            return _held_by(text)
        if {"int", "float"} & set(field.types):
            return float(text) if not text.strip().isdecimal() else int(text)
    except ValueError:
        return text
    if "bool" in field.types:
        return TRUTHS.get(text.strip().lower(), text)
    return text


def _held_by(file: str) -> Any:
    """The map that a file of JSON holds; its name, if it holds none."""
    with contextlib.suppress(OSError, ValueError):
        held = json.loads(Path(file).read_text(encoding="utf-8"))
        return held if isinstance(held, dict) else file
    return file


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_finite(value: float) -> bool:
    try:
        return math.isfinite(value)
    except OverflowError:  # a whole number that no float holds
        return False


def _in_order(value: Any) -> Any:
    """A value whose maps are in the order of their keys."""
    if isinstance(value, Mapping):
        return {str(key): _in_order(value[key]) for key in sorted(value, key=str)}
    return list(map(_in_order, value)) if isinstance(value, list | tuple) else value


def _fault(name: str, value: Any) -> str | None:
    """What is wrong with the value of one argument."""
    field, rule = _field(name), OFFERED[name]
    if field.choices and not rule.choices:
        rule = Rule(**vars(rule) | {"choices": field.choices})
    kinds = [TYPES[one] for one in field.types if one in TYPES]
    if "list" in field.types:
        kinds.append(tuple[str, ...])
    if name in LENGTHS:
        kinds.append(NoneType)
    # Of passages it would be few of the tokens that the model takes.
    if ARGUMENTS.get(name) == AUTO:
        kinds.append(Literal[AUTO])
    if "dict" in field.types:
        # A text is the path of a file: deepspeed's alone.
        kinds = [dict[str, Any], *(kinds if name == "deepspeed" else ())]
    kind = functools.reduce(operator.or_, kinds)
    for fault in faults_of(value, Setting(name, kind, rule, MISSING)):
        return fault.reason
    if _is_number(value) and not _is_finite(value):
        return "is not finite, expected a number that is"
    if isinstance(value, str) and (why := UNUSABLE.get(name, {}).get(value)):
        return f"is {value}, which cannot be: {why}"
    return None


def _faults_together(args: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """What a single value does not show: the argument and a reason, for each fault."""
    if args.get("max_steps") == 0:
        yield "max_steps", "is 0, expected at least 1, or -1 for none"
    for name in ("logging_steps", "save_steps"):
        value = args.get(name)
        if value is not None and value > 1 and value != int(value):
            reason = f"is {value}, expected a whole number, or a share of all below 1"
            yield name, reason
    if args.get("warmup_steps") is not None and args.get(RATIO) is not None:
        yield RATIO, "is given beside `warmup_steps`; set one of the two to null"
    if args.get("bf16") and args.get("fp16"):
        yield "fp16", "is true, and so is `bf16`, expected one of the two"
    if args.get("fix_encoder") and not args.get("unified_finetuning"):
        reason = "is true, which leaves nothing to train without `unified_finetuning`"
        yield "fix_encoder", reason
    if (given := args.get("deepspeed")) is not None and (fault := _deepspeed(given)):
        yield "deepspeed", fault
    yield from _faults_of_schedule(args)
    yield from _faults_of_workers(args)
    options = args.get("optim_args")
    if options and any(one.count("=") != 1 for one in options.split(",")):
        yield "optim_args", f"is {options!r}, expected KEY=VALUE,KEY=VALUE"
    targets = args.get("optim_target_modules")
    if isinstance(targets, list):
        reason = (
            f"is {targets}, expected a text: `all-linear`, or an expression that "
            "matches the names of layers as wholes, such as '.*(query|key)'"
        )
        yield "optim_target_modules", reason
    if str(args.get("optim")).startswith(("galore", "apollo")) and not targets:
        yield "optim", f"is {args['optim']}, which needs `optim_target_modules`"


def _faults_of_schedule(args: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Whether the learning rate's schedule is given what it takes."""
    name = args.get("lr_scheduler_type") or "linear"
    given, schedule = args.get("lr_scheduler_kwargs") or {}, schedules()[name]
    takes = " and ".join(schedule.takes) or "nothing"
    for key in given:
        if key not in schedule.takes:
            reason = f"gives {key}, but {name} takes {takes}"
            yield "lr_scheduler_kwargs", reason
    for key in schedule.needs:
        if key not in given:
            yield "lr_scheduler_kwargs", f"lacks {key}, which {name} needs"
    lowest = ("min_lr", "min_lr_rate")
    if set(lowest) <= set(schedule.takes) and sum(one in given for one in lowest) != 1:
        reason = f"needs one of {' and '.join(lowest)}, for {name}"
        yield "lr_scheduler_kwargs", reason


def _faults_of_workers(args: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Whether what is said of the processes that load rows has any to be said of."""
    for name in ("dataloader_prefetch_factor", "dataloader_multiprocessing_context"):
        if args.get(name) is None:
            continue
        if args.get("same_dataset_within_batch"):
            reason = (
                "is given, but with `same_dataset_within_batch` no others load rows"
            )
            yield name, reason
        elif not args.get("dataloader_num_workers"):
            yield name, "is given, which needs `dataloader_num_workers` above 0"


def _deepspeed(given: str | Mapping[str, Any]) -> str | None:
    """What is wrong with deepspeed's settings; a text is a file that holds none."""
    if isinstance(given, str):
        if not os.path.isfile(given):
            return f"names {given}, which is no file"
        return f"names {given}, which holds no JSON object of settings"
    zero = given.get("zero_optimization") or {}
    if not isinstance(zero, Mapping):
        return f"has {zero!r} as `zero_optimization`, expected a map"
    if str(zero.get("stage")) == "3":
        return f"asks for ZeRO stage 3, but {REFUSED['fsdp']}"
    return None
