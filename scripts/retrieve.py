"""Rank a test collection for every test query by a system of some type.

`retrieve.py TYPE --help` tells what a type takes. Writes a TREC run.
"""

from __future__ import annotations

import argparse
import logging
import math
import sys
import time
from pathlib import Path

from arkiv.base.cli import add_words, parser, run
from arkiv.base.errors import InputError
from arkiv.retrieve.systems import TYPES
from arkiv.retrieve.trec import write_run

log = logging.getLogger("retrieve")


def main(argv: list[str] | None = None) -> None:
    arguments = parser(__doc__)
    types = arguments.add_subparsers(dest="type", required=True, metavar="TYPE")
    for name, kind in TYPES.items():
        of_type = types.add_parser(
            name,
            help=kind.__doc__.partition("\n")[0],
            description=kind.__doc__,
            formatter_class=argparse.ArgumentDefaultsHelpFormatter,
            allow_abbrev=False,
        )
        kind.add_flags(of_type)
        add_words(of_type, output="TREC")
    given = arguments.parse_args(argv)

    system = TYPES[given.type].of_flags(given)
    for key, reason in system.faults(depth=math.inf, rounds=math.inf):
        raise InputError(reason, key=f"--{key}")
    began = time.monotonic()
    lines = write_run(given.output, system.run(given), Path(given.output).stem)
    log.info("%s: %d lines in %.1f s", given.type, lines, time.monotonic() - began)


if __name__ == "__main__":
    sys.exit(run(main))
