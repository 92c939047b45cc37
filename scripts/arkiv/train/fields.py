"""The arguments of the pinned FlagEmbedding and Transformers: names, types, choices.

`fields.json` has them, made of their classes by `python -m arkiv.train.fields` (make
arguments), so that `train.args` can be checked where neither is imported: while the
Snakefile is parsed. A test says when the file is not that of the packages any more.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass, fields
from functools import cache
from pathlib import Path
from typing import Any, get_args, get_origin, get_type_hints

from arkiv.base.cli import run
from arkiv.base.declared import alternatives

FILE = Path(__file__).with_name("fields.json")
# What `get_scheduler` of Transformers gives every schedule by itself.
GIVEN = ("optimizer", "num_warmup_steps", "num_training_steps", "last_epoch")


@dataclass(frozen=True)
class Field:
    """What an argument takes, beside None, which leaves it to its own default.

    Attributes:
        types: among bool, int, float, str, dict; `list` of texts or whole numbers.
        choices: of a text.
    """

    types: tuple[str, ...]
    choices: tuple[str, ...] = ()


@dataclass(frozen=True)
class Schedule:
    """What `lr_scheduler_kwargs` may name for a schedule, and what it must."""

    takes: tuple[str, ...]
    needs: tuple[str, ...]


@cache
def known_fields() -> dict[str, Field]:
    """Every argument of FlagEmbedding's three classes, by name."""
    return {
        name: Field(tuple(one["types"]), tuple(one.get("choices", ())))
        for name, one in _read()["arguments"].items()
    }


@cache
def schedules() -> dict[str, Schedule]:
    """Every `lr_scheduler_type`."""
    return {
        name: Schedule(tuple(one["takes"]), tuple(one["needs"]))
        for name, one in _read()["schedules"].items()
    }


@cache
def _read() -> dict[str, Any]:
    return json.loads(FILE.read_text(encoding="utf-8"))


def argument_classes() -> tuple[type, type, type]:
    """FlagEmbedding's classes of model, data and training arguments."""
    from FlagEmbedding.finetune.embedder.encoder_only import m3

    return (
        m3.EncoderOnlyEmbedderM3ModelArguments,
        m3.EncoderOnlyEmbedderM3DataArguments,
        m3.EncoderOnlyEmbedderM3TrainingArguments,
    )


def of_packages() -> dict[str, Any]:
    """What `fields.json` is to have, read from the installed packages."""
    arguments = {}
    for kind in argument_classes():
        hints = get_type_hints(kind)
        for field in fields(kind):
            choices = list(field.metadata.get("choices") or ())
            types, named = _types(hints[field.name])
            arguments[field.name] = {"types": types}
            if choices or named:
                arguments[field.name]["choices"] = choices or named
    return {
        "arguments": dict(sorted(arguments.items())),
        "schedules": dict(sorted(_schedules())),
    }


def _types(hint: Any) -> tuple[list[str], list[str]]:
    """The types of a field by name, and the values of an enumeration among them."""
    from enum import Enum

    types, choices = set(), []
    for kind in alternatives(hint):
        origin = get_origin(kind) or kind
        inner = get_args(kind)[:1] if origin is list else ()
        for one in (kind, *inner):
            if isinstance(one, type) and issubclass(one, Enum):
                choices += [member.value for member in one]
                types.add("str")
        if origin in (bool, int, float, str, dict, list):
            types.add(origin.__name__)
    return sorted(types), choices


def _schedules() -> Iterator[tuple[str, dict[str, list[str]]]]:
    import inspect

    from transformers.optimization import TYPE_TO_SCHEDULER_FUNCTION

    for name, make in TYPE_TO_SCHEDULER_FUNCTION.items():
        named = {
            key: one
            for key, one in inspect.signature(make).parameters.items()
            if key not in GIVEN and one.kind is one.POSITIONAL_OR_KEYWORD
        }
        needs = [key for key, one in named.items() if one.default is one.empty]
        yield name.value, {"takes": sorted(named), "needs": needs}


def written(found: dict[str, Any]) -> str:
    """The text of `fields.json`: a line for each argument and schedule."""
    blocks = []
    for part, entries in found.items():
        lines = [
            f"    {json.dumps(name)}: {json.dumps(one)}"
            for name, one in entries.items()
        ]
        blocks.append(f"  {json.dumps(part)}: {{\n" + ",\n".join(lines) + "\n  }")
    return "{\n" + ",\n".join(blocks) + "\n}\n"


def main(_: object = None) -> None:
    """Write `fields.json` anew."""
    FILE.write_text(written(of_packages()), encoding="utf-8")
    print(f"{FILE.name}: brought up to the packages")


if __name__ == "__main__":
    sys.exit(run(main))
