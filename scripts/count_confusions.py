"""Count what letters are misread for in an archive.

Aligns pages that it holds in two transcriptions, and what its files give as other
readings of a line, word or letter. learn_confusions.py makes a table of the counts of
all archives.
"""

from __future__ import annotations

import logging
import sys
import time

from arkiv.base.cli import parser, run
from arkiv.base.declared import Seeded
from arkiv.base.files import write_json
from arkiv.base.setting_flags import add_settings
from arkiv.documents.settings import Documents, known_encoding
from arkiv.settings.datasets import Dataset
from arkiv.volumes.finding import find
from arkiv.volumes.readings import confusions_in

log = logging.getLogger("count_confusions")


def main(argv: list[str] | None = None) -> None:
    arguments = parser(
        __doc__, pages="DIR or zip or tar file", output="JSON what was counted"
    )
    add_settings(arguments, Dataset, "folder", "volumes_by")
    add_settings(arguments, Documents, "encoding", type=known_encoding)
    add_settings(arguments, Seeded)
    arguments = arguments.parse_args(argv)

    started = time.monotonic()
    found = find(
        arguments.pages,
        folder=arguments.folder,
        volumes_by=arguments.volumes_by,
        encoding=arguments.encoding,
    )
    counted, told = confusions_in(
        found, arguments.pages, encoding=arguments.encoding, seed=arguments.seed
    )
    write_json(arguments.output, {"pages": told} | counted.record())
    for what, count in told.items():
        log.info("%s: %d", what.replace("_", " "), count)
    log.info("took %.1f s", time.monotonic() - started)


if __name__ == "__main__":
    sys.exit(run(main))
