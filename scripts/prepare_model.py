"""Put a model into a directory: fetched from the hub at a revision, or built tiny.

Of a local directory that has a vocabulary and no tokenizer.json, links to its files and
a tokenizer.json made of it; the directory itself stays as it is.

Runs where the hub can be reached, or has the commit in the hub's cache; every later job
works offline on the directory. What a model lacks is told here, before any other job.
"""

from __future__ import annotations

import argparse
import contextlib
import logging
import sys
from collections.abc import Iterator
from pathlib import Path

from arkiv.base.cli import parser, run
from arkiv.base.errors import InputError
from arkiv.base.files import written_whole
from arkiv.base.setting_flags import add_settings, settings_from
from arkiv.encode.ahead import Use, check_ahead
from arkiv.encode.body import CONFIG
from arkiv.encode.flags import add_reading
from arkiv.encode.hub import fetch, fetch_code, link
from arkiv.encode.models import KINDS, encoder_directory
from arkiv.encode.options import Options
from arkiv.encode.settings import Reading, Running
from arkiv.encode.tokenizer import TOKENIZER, vocabularies
from arkiv.encode.vocabulary import make_tokenizer

log = logging.getLogger("prepare_model")


def key_and_length(text: str) -> tuple[str, int]:
    """Parse `mining.passage_max_length=512`."""
    key, _, length = text.partition("=")
    try:
        return key, int(length)
    except ValueError:
        raise argparse.ArgumentTypeError("is not KEY=TOKENS") from None


def command_line(argv: list[str] | None) -> argparse.Namespace:
    """What is asked for on the command line."""
    arguments = parser(
        __doc__,
        source="SOURCE a hub name, a local directory, or `tiny`",
        revision="[REVISION] commit, tag or branch on the hub",
        output="DIR",
    )
    arguments.add_argument("--kind", choices=KINDS, required=True)
    arguments.add_argument(
        "--headed", action="store_true", help="it is to have heads as BGE-M3 has them"
    )
    arguments.add_argument(
        "--lengths",
        nargs="+",
        type=key_and_length,
        default=[],
        metavar="KEY=TOKENS",
        help="of the longest texts that it is to take, by the settings that say so",
    )
    add_settings(arguments, Running, "trust_remote_code")
    add_reading(arguments)
    return arguments.parse_args(argv)


@contextlib.contextmanager
def called(source: str, directory: Path) -> Iterator[None]:
    """Name a model's files by where they come from, not by where they are put.

    Raises:
        InputError: the one that was raised, so named.
    """
    try:
        yield
    except InputError as error:
        file = error.file
        if file is not None and Path(file).is_relative_to(directory):
            within = Path(file).relative_to(directory)
            file = source if within == Path() else f"{source}/{within}"
        raise InputError(error.reason, file=file, line=error.line, key=error.key) from (
            None
        )


def main(argv: list[str] | None = None) -> None:
    arguments = command_line(argv)
    source, trusted = arguments.source, arguments.trust_remote_code
    use = Use(
        arguments.kind,
        trusted,
        settings_from(arguments, Reading),
        dict(arguments.lengths),
        arguments.headed,
    )
    with written_whole(arguments.output) as beside, called(source, beside):
        if source == "tiny":
            from arkiv.example import tiny

            reranker = arguments.kind == "cross_encoder"
            build = tiny.build_reranker if reranker else tiny.build_embedder
            build(beside)
        elif Path(source).is_dir():
            link(Path(source), beside)
        else:
            fetch(source, arguments.revision, beside, arguments.kind)
            if trusted and (beside / CONFIG).is_file():
                fetch_code(beside)
        check_ahead(beside, use, name=source)
        encoder = encoder_directory(beside) if use.kind == "dense" else beside
        if not (encoder / TOKENIZER).is_file() and vocabularies(encoder):
            make_tokenizer(encoder, Options(trust_remote_code=trusted))
            log.info("made %s of what the model has", TOKENIZER)
    log.info("%s is ready in %s", source, arguments.output)


if __name__ == "__main__":
    sys.exit(run(main, online=True))
