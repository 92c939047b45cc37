"""The settings of a system under test, of whatever type.

Read while the Snakefile is parsed: nothing heavy here.
"""

from __future__ import annotations

from dataclasses import asdict, make_dataclass

from arkiv.base.declared import setting, settings_of
from arkiv.retrieve.systems import TYPES

# One of `evaluate.systems`: what some type takes, all of which may be left out. Which
# type takes what, `arkiv.retrieve.systems.check_systems` sees to.
System = make_dataclass(
    "System",
    [
        ("type", str, setting(help="of system", choices=tuple(TYPES))),
        *(
            (one.name, one.type, setting(None, **asdict(one.rule)))
            for one in {
                name: one
                for kind in TYPES.values()
                for name, one in settings_of(kind).items()
            }.values()
        ),
    ],
    frozen=True,
)
