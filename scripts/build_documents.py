"""Cut the pages of an archive, or of a block of its volumes, into documents.

Reads an archive as it was shipped: folders, zip and tar files, its volumes and their
pages found by what the files are (see find_volumes.py). Writes one document a line,
with its provenance. No word is lost: the documents and what is set aside in --rejected
together hold all words. merge_documents.py makes one dataset of the blocks.
"""

from __future__ import annotations

import argparse
import logging
import re
import sys
import time
from collections.abc import Callable, Iterable, Iterator

from arkiv.base.cli import add_on_bad_input, add_part, parser, run
from arkiv.base.declared import Seeded
from arkiv.base.errors import InputError
from arkiv.base.files import (
    count_lines,
    open_records,
    read_records,
    write_json,
    write_records,
)
from arkiv.base.hashing import nfc
from arkiv.base.progress import Progress, followed
from arkiv.base.setting_flags import add_settings
from arkiv.documents.block import Block
from arkiv.documents.cutting import (
    LengthShares,
    Word,
    cut_headings,
    cut_pages,
    cut_sampled,
    cut_windows,
)
from arkiv.documents.lines import LineFilter
from arkiv.documents.places import open_places
from arkiv.documents.settings import Documents, known_encoding, shares_in_words
from arkiv.encode.tokenizer import fast_tokenizer
from arkiv.pages.page import classes
from arkiv.settings.datasets import Dataset
from arkiv.text.hyphens import Hyphens
from arkiv.text.lengths import TokenCounter
from arkiv.volumes.finding import find, root_of
from arkiv.volumes.overview import summary, told
from arkiv.volumes.volume import Volume, from_record

log = logging.getLogger("build_documents")


def cutter(
    arguments: argparse.Namespace,
) -> Callable[[Iterable[Word], str], Iterator[list[Word]]]:
    """The function that cuts the words of a volume into documents.

    Raises:
        InputError: options that do not agree.
    """
    size, overlap = arguments.window_words, arguments.window_overlap
    if not 0 <= overlap < size:
        raise InputError(
            f"is {overlap}, expected less than the window's {size} words",
            key="window_overlap",
        )
    heading = arguments.heading
    if arguments.method == "headings" and heading is None:
        raise InputError("is missing, which the method headings needs", key="heading")

    shares, seed = arguments.length_shares, arguments.seed
    return {
        "page": lambda text, volume: cut_pages(text),
        "windows": lambda text, volume: cut_windows(text, size, overlap),
        "headings": lambda text, volume: cut_headings(text, heading),
        "sampled": lambda text, volume: cut_sampled(text, shares, seed, volume),
    }[arguments.method]


def expression(text: str) -> re.Pattern:
    """A regular expression, or a ValueError, which argparse reports."""
    try:
        return re.compile(nfc(text))
    except re.error as error:
        raise ValueError(f"{text!r} is no regular expression ({error})") from None


def command_line(argv: list[str] | None) -> argparse.Namespace:
    """What is asked for on the command line."""
    arguments = parser(
        __doc__,
        pages="DIR or zip or tar file",
        volumes="[JSONL] of find_volumes.py; without it they are found anew",
        table="[CSV] or JSONL of what is known of each volume, if they are found anew",
        tokenizer="DIR model that counts tokens",
        output="JSONL",
        stats="JSON",
        lines="[JSONL] where the lines of documents stand on the images of their pages",
    )
    add_settings(arguments, Dataset, "folder", "volumes_by")
    add_settings(arguments, Documents, "method")
    add_settings(
        arguments,
        Documents,
        "length_shares",
        type=LengthShares.parse,
        default=shares_in_words(Documents.length_shares),
        metavar="FROM-TO:SHARE,...",
    )
    add_settings(arguments, Documents, "window_words", "window_overlap")
    add_settings(arguments, Documents, "heading", type=expression, metavar="REGEX")
    add_settings(
        arguments, Documents, "hyphens", nargs=None, default="".join(Documents.hyphens)
    )
    add_settings(arguments, Documents, "min_confidence", "skip_regions", "max_tokens")
    add_settings(arguments, Documents, "encoding", type=known_encoding)
    add_settings(arguments, Seeded)
    add_part(arguments, of="volumes")
    add_on_bad_input(arguments, Documents)
    return arguments.parse_args(argv)


def volumes(arguments: argparse.Namespace) -> Iterator[Volume]:
    """The volumes of the block: of those that were found, or found now."""
    if arguments.volumes is None:
        archive = find(
            arguments.pages,
            folder=arguments.folder,
            volumes_by=arguments.volumes_by,
            table=arguments.table,
            encoding=arguments.encoding,
        )
        for line in told(summary(archive)):
            log.info("%s", line)
        found = archive.volumes
        mine = arguments.part.bounds(len(found))
        yield from followed(found[mine.start : mine.stop], len(mine), "volumes read")
        return
    mine = arguments.part.bounds(count_lines(arguments.volumes))
    read = Progress(len(mine), "volumes read")
    for line, record in read_records(arguments.volumes):
        if line - 1 not in mine:
            continue
        try:
            volume = from_record(record)
        except (KeyError, TypeError, ValueError):
            raise InputError(
                "is no volume as find_volumes.py writes it",
                file=arguments.volumes,
                line=line,
            ) from None
        yield volume
        read.more()


def main(argv: list[str] | None = None) -> None:
    arguments = command_line(argv)
    started = time.monotonic()
    with (
        open_records(arguments.rejected) as reject,
        open_places(arguments.lines) as place,
    ):
        block = Block(
            root=root_of(arguments.pages),
            cut=cutter(arguments),
            lines=LineFilter(
                arguments.min_confidence, frozenset(classes(*arguments.skip_regions))
            ),
            hyphens=Hyphens(arguments.hyphens),
            encoding=arguments.encoding,
            tokens=TokenCounter(fast_tokenizer(arguments.tokenizer)),
            max_tokens=arguments.max_tokens,
            stop=arguments.on_bad_input == "stop",
            reject=reject,
            place=place,
        )
        made = block.documents(volumes(arguments))
        count = write_records(arguments.output, made)
    stats = block.stats()
    write_json(arguments.stats, stats)
    log.info(
        "documents %d, %s",
        count,
        ", ".join(f"{key} {value}" for key, value in stats.items()),
    )
    log.info("took %.1f s", time.monotonic() - started)


if __name__ == "__main__":
    sys.exit(run(main))
