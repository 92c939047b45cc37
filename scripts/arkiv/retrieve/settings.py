"""The settings of a system under test, of whatever type.

Read while the Snakefile is parsed: nothing heavy here.
"""

from __future__ import annotations

from dataclasses import asdict, make_dataclass

from arkiv.base.declared import setting, settings_of
from arkiv.retrieve.systems import TYPES

KEYS = {name: one for kind in TYPES.values() for name, one in settings_of(kind).items()}
# One of `evaluate.systems`: what some type takes, all of which may be left out. Which
# type takes what, `arkiv.retrieve.systems.check_systems` sees to.
System = make_dataclass(
    "System",
    [
        ("type", str, setting(help="of system", choices=tuple(TYPES))),
        *(
            (name, one.type, setting(None, **asdict(one.rule)))
            for name, one in KEYS.items()
        ),
    ],
    frozen=True,
)
