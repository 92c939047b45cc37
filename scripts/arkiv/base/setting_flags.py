"""Flags of a program from the declaration of its settings, and the way back.

A setting's flag has its name: `window` is `--window`, `margin` in the section `filter`
`--filter-margin`. A list is so many words; a map, or a list of lists or maps, is JSON;
`null` is None where the default is another.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
from collections.abc import Callable, Iterator, Mapping
from types import NoneType
from typing import Any, Literal, TypeVar, get_args, get_origin

from arkiv.base.declared import (
    Setting,
    alternatives,
    faults_of,
    field_of,
    frozen,
    is_section,
    plain,
    settings_of,
)
from arkiv.base.errors import InputError

NULL = "null"

Section = TypeVar("Section")


def add_settings(
    arguments: Any, section: Any, *names: str, prefix: str = "", **more: Any
) -> None:
    """Add the flags of settings, with the declared defaults.

    Args:
        arguments: a parser, or a group of one.
        section: the declaration, or an instance whose values are the defaults.
        names: of its settings; none: all.
        prefix: of the flags, such as `lora_`.
        more: what argparse takes, for all of them, such as `required`.
    """
    for one in _named(section, names):
        if is_section(one.type):
            add_settings(arguments, one.default, prefix=f"{prefix}{one.name}_", **more)
            continue
        flag = f"--{(prefix + one.name).replace('_', '-')}"
        how = _how(one) | {"help": one.rule.help.replace("%", "%%") or None} | more
        arguments.add_argument(flag, **how)


def settings_from(
    arguments: argparse.Namespace,
    section: type[Section] | Section,
    *names: str,
    prefix: str = "",
) -> Section:
    """The section that `add_settings` had, with what flags gave; else its defaults.

    Raises:
        InputError: naming a value out of bounds.
    """
    values = {}
    for one in _named(section, names):
        name = one.name
        if is_section(one.type):
            inner = f"{prefix}{name}_"
            values[field_of(name)] = settings_from(arguments, one.default, prefix=inner)
        elif hasattr(arguments, prefix + name):
            value = frozen(getattr(arguments, prefix + name))
            for fault in () if value == one.default else faults_of(value, one):
                raise InputError(fault.reason, key=prefix + name)
            values[field_of(name)] = value
    if isinstance(section, type):
        return section(**values)
    return dataclasses.replace(section, **values)


def flags_of(
    section: Any, values: Mapping[str, Any], *names: str, prefix: str = ""
) -> dict[str, Any]:
    """The flags by which `add_settings` reads values of the configuration, by name.

    None and False stand for a flag that is left out, True for one without a value.
    """
    found: dict[str, Any] = {}
    for one in _named(section, names):
        name, value = prefix + one.name, values[one.name]
        if is_section(one.type):
            found |= flags_of(one.default, value, prefix=f"{name}_")
        elif one.type is bool and one.default is True:
            found[name if value else f"no_{name}"] = True
        elif value is None:
            found[name] = None if one.default is None else NULL
        else:
            found[name] = json.dumps(value) if _as_json(one) else value
    return found


def _named(section: Any, names: tuple[str, ...]) -> Iterator[Setting]:
    known = settings_of(section)
    return (known[name] for name in names or known)


def _kinds(one: Setting) -> list[Any]:
    return [kind for kind in alternatives(one.type) if kind is not NoneType]


def _items(one: Setting) -> tuple[Any, ...]:
    """The types of the values of a list; nothing of what is none."""
    lists = (get_args(kind) for kind in _kinds(one) if get_origin(kind) is tuple)
    return next(lists, ())


def _item(one: Setting) -> Any:
    """The type of a value, or of each in a list."""
    return next(iter(_items(one) or _kinds(one)))


def _as_json(one: Setting) -> bool:
    return _item(one) not in (int, float, str, bool)


def _takes_null(one: Setting) -> bool:
    """Whether its flag is to say null: left out, it would be another value."""
    return NoneType in alternatives(one.type) and one.default is not None


def _how(one: Setting) -> dict[str, Any]:
    """What argparse needs to know of a setting."""
    if one.type is bool:
        action = argparse.BooleanOptionalAction if one.default else "store_true"
        return {"action": action, "default": one.default}
    how: dict[str, Any] = {"type": _reader(one), "default": plain(one.default)}
    if (items := _items(one)) and not _as_json(one):
        many = "+" if one.rule.fewest else "*"
        how["nargs"] = many if items[-1] is Ellipsis else len(items)
    if choices := one.rule.choices:
        if not _takes_null(one):
            return how | {"choices": choices}
        # Compared with what the word is read as.
        words = f"{{{','.join((*map(str, choices), NULL))}}}"
        return how | {"choices": (*choices, None), "metavar": words}
    if _as_json(one):
        return how | {"metavar": "JSON"}
    return how | {"metavar": {int: "N", float: "X"}.get(_item(one), one.name.upper())}


def _reader(one: Setting) -> Callable[[str], Any]:
    """What makes the value of a word."""
    read = json.loads if _as_json(one) else _item(one)
    words = [
        word
        for kind in _kinds(one)
        if get_origin(kind) is Literal
        for word in get_args(kind)
    ]
    if _takes_null(one):
        words.append(NULL)
    if not words:
        return read

    def reader(text: str) -> Any:
        if text in words:
            return None if text == NULL else text
        return read(text)

    # argparse names the type in its sentence.
    reader.__name__ = getattr(read, "__name__", "value")
    return reader
