"""Find the volumes of an archive, and the pages of each in order.

Reads how every file begins, in folders of any depth, in zip and tar files and those in
them, and METS; says what was found. With --volumes each volume is written as a line,
for build_documents.py.
"""

from __future__ import annotations

import argparse
import logging
import sys
import time

from arkiv.base.cli import parser, run
from arkiv.base.files import write_json, write_records
from arkiv.base.setting_flags import add_settings
from arkiv.base.terminal import tell
from arkiv.documents.settings import Documents, known_encoding
from arkiv.settings.datasets import Dataset
from arkiv.volumes.finding import find
from arkiv.volumes.overview import summary, told, too_little
from arkiv.volumes.volume import to_record

log = logging.getLogger("find_volumes")


def command_line(argv: list[str] | None) -> argparse.Namespace:
    """What is asked for on the command line."""
    arguments = parser(
        __doc__,
        pages="DIR",
        table="[CSV] or JSONL of what is known of each volume: its years, type, title, "
        "reference and whatever else",
        volumes="[JSONL] a line for each volume",
        stats="[JSON] what was found",
    )
    add_settings(arguments, Dataset, "folder", "volumes_by")
    add_settings(arguments, Documents, "encoding", type=known_encoding)
    return arguments.parse_args(argv)


def main(argv: list[str] | None = None) -> None:
    arguments = command_line(argv)
    started = time.monotonic()
    found = find(
        arguments.pages,
        folder=arguments.folder,
        volumes_by=arguments.volumes_by,
        table=arguments.table,
        encoding=arguments.encoding,
    )
    said = summary(found)
    if arguments.volumes:
        write_records(arguments.volumes, map(to_record, found.volumes))
    if arguments.stats:
        write_json(arguments.stats, said)
    tell(told(said))
    if warning := too_little(said):
        log.warning("%s", warning)
    log.info("took %.1f s", time.monotonic() - started)


if __name__ == "__main__":
    sys.exit(run(main))
