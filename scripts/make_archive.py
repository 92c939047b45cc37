"""Make an example archive: volumes of made-up court minutes as HTRflow page JSON."""

from __future__ import annotations

import logging
import sys

from arkiv.base.cli import parser, run
from arkiv.base.declared import Seeded
from arkiv.base.errors import InputError
from arkiv.base.setting_flags import add_settings
from arkiv.example.archive import write_archive

log = logging.getLogger("make_archive")


def main(argv: list[str] | None = None) -> None:
    arguments = parser(__doc__, output="DIR")
    arguments.add_argument("--cases", type=int, default=1000, help="court cases in all")
    arguments.add_argument("--volumes", type=int, default=12)
    add_settings(arguments, Seeded)
    arguments = arguments.parse_args(argv)
    if not 1 <= arguments.volumes <= arguments.cases:
        raise InputError(
            f"is {arguments.volumes}, expected from 1 to the number of cases "
            f"({arguments.cases})",
            key="--volumes",
        )
    pages = write_archive(
        arguments.output, arguments.cases, arguments.volumes, arguments.seed
    )
    log.info(
        "wrote %d cases on %d pages in %d volumes to %s",
        arguments.cases,
        pages,
        arguments.volumes,
        arguments.output,
    )


if __name__ == "__main__":
    sys.exit(run(main))
