"""What every command-line program shares: logging, exit status, common flags."""

from __future__ import annotations

import argparse
import json
import logging
import os
import re
import signal
import socket
import sys
from collections.abc import Callable, Sequence
from typing import Any, NoReturn

from arkiv.base.errors import InputError, refused
from arkiv.base.files import Part
from arkiv.base.secrets import concealed
from arkiv.base.setting_flags import add_settings
from arkiv.base.terminal import log_to_stderr, visible

log = logging.getLogger(__name__)

# The hub is not asked for anything: compute nodes have no network, and what a job reads
# is what its inputs are.
OFFLINE = {"HF_HUB_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1"}


def run(main: Callable[[Sequence[str] | None], None], *, online: bool = False) -> int:
    """Run `main(None)` and turn bad input into one sentence and exit status 1.

    The log goes to standard error, which a rule sends to its log file.

    Args:
        main: the program.
        online: leave the hub to it.
    """
    log_to_stderr(logging.INFO)
    if not online:
        os.environ.update(OFFLINE)
    if job := os.environ.get("SLURM_JOB_ID"):
        gpus = os.environ.get("CUDA_VISIBLE_DEVICES") or "none"
        log.info("SLURM job %s on %s, GPUs: %s", job, socket.gethostname(), gpus)
    try:
        main(None)
    except KeyboardInterrupt:
        print("error: stopped by Ctrl-C", file=sys.stderr)
        return 128 + signal.SIGINT
    except InputError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except OSError as error:
        if (said := refused(error)) is None:
            raise
        print(f"error: {said}", file=sys.stderr)
        return 1
    return 0


# What may be a flag of ours. Anything else that begins with a dash is a value.
FLAG = re.compile(r"--[a-z][a-z0-9-]*(?:=|\Z)|-h\Z")


class _Parser(argparse.ArgumentParser):
    """Takes names of files and texts for values, whatever they begin with."""

    def _parse_optional(self, arg_string: str) -> Any:
        if FLAG.match(arg_string) is None:
            return None
        return super()._parse_optional(arg_string)

    def error(self, message: str) -> NoReturn:
        # It repeats words, of which one may be an address with a password.
        super().error(visible(concealed(message)))


def parser(doc: str | None, **flags: str) -> argparse.ArgumentParser:
    """A parser whose description is the program's docstring, defaults shown.

    Args:
        doc: the docstring.
        flags: see `add_words`.
    """
    arguments = _Parser(
        description=doc,
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
        allow_abbrev=False,
    )
    add_words(arguments, **flags)
    return arguments


def add_words(arguments: Any, **flags: str) -> None:
    """Add flags whose values are texts as they stand, such as names of files.

    Each is told as a line of usage tells it, with its help behind: `pool="JSONL"` must
    be given, `run="[TREC] of the embedder"` may be; `runs="TREC..."` takes several, and
    `recall="[JSON...]"` any number, none if it is not given.

    Args:
        arguments: a parser, or a group of one.
        flags: by their names, with underscores.
    """
    for name, told in flags.items():
        form, _, words = told.partition(" ")
        how: dict[str, Any] = {"required": not form.startswith("[")}
        if "..." in form:
            how |= {"nargs": "+"} if how["required"] else {"nargs": "*", "default": []}
        arguments.add_argument(
            f"--{name.replace('_', '-')}",
            metavar=form.strip("[.]"),
            help=words or None,
            **how,
        )


def json_object(text: str) -> dict:
    """Parse a JSON object given on the command line; its numbers are finite."""
    try:
        value = json.loads(text)
        json.dumps(value, allow_nan=False)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"is not JSON ({error})") from None
    if not isinstance(value, dict):
        raise argparse.ArgumentTypeError("is not a JSON object")
    return value


def add_part(arguments: argparse.ArgumentParser, *, of: str = "input lines") -> None:
    """Add `--part I-of-N`: the contiguous range of input lines to work on."""
    arguments.add_argument(
        "--part",
        type=Part.parse,
        default=Part(1, 1),
        metavar="I-of-N",
        help=f"work on this contiguous part of the {of} only",
    )


def add_on_bad_input(arguments: argparse.ArgumentParser, section: type) -> None:
    """Add `--on-bad-input`, a setting of the section, and `--rejected FILE`."""
    add_settings(arguments, section, "on_bad_input")
    add_words(
        arguments,
        rejected="JSONL where records that were set aside go, each with its reason",
    )
