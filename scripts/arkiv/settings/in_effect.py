"""Settings that have no effect, for what would read them is off.

Jobs are told their defaults instead, so that a change of them runs nothing again. Read
while the Snakefile is parsed: nothing heavy here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from arkiv.base.declared import at, in_one_form, plain
from arkiv.settings.configuration import Configuration


class Switch(NamedTuple):
    """A key of a section by which others of it are read.

    Attributes:
        section: whose it is, as `a.b`.
        key: what switches.
        off: the value by which the others are not read.
        others: these.
    """

    section: str
    key: str
    off: Any
    others: tuple[str, ...]


SWITCHES = (
    Switch("pairs.round_trip", "by", None, ("top",)),
    Switch("queries.round_trip", "by", None, ("top",)),
    Switch("train.mask", "guide", "none", ("margin",)),
    Switch("train.lora", "rank", 0, ("alpha", "dropout", "targets")),
)


def in_effect(config: Mapping[str, Any]) -> dict[str, Any]:
    """A configuration in which what is read by nobody has its default.

    Args:
        config: checked.
    """
    result = dict(config)
    for section, key, off, others in SWITCHES:
        *above, last = section.split(".")
        holder = result
        for name in above:
            holder[name] = dict(holder[name])
            holder = holder[name]
        if holder[last][key] == off:
            default = at(Configuration, section).default
            known = in_one_form(plain(default), type(default))
            holder[last] = holder[last] | {name: known[name] for name in others}
    return result
