"""What every command-line program shares: logging, exit status, common flags."""

from __future__ import annotations

import argparse
import errno
import json
import logging
import os
import socket
import sys
from collections.abc import Callable, Sequence

from arkiv.errors import InputError
from arkiv.files import Part
from arkiv.models import ATTENTIONS, PRECISIONS, Options

log = logging.getLogger(__name__)

LOG_FORMAT = "%(asctime)s %(levelname)s %(name)s: %(message)s"


# The hub is not asked for anything: compute nodes have no network, and what a job reads
# is what its inputs are.
OFFLINE = {"HF_HUB_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1"}
NO_SPACE = (errno.ENOSPC, errno.EDQUOT)


def run(main: Callable[[Sequence[str] | None], None], *, online: bool = False) -> int:
    """Run `main(None)` and turn bad input into one sentence and exit status 1.

    The log goes to standard error, which a rule sends to its log file.

    Args:
        main: the program.
        online: leave the hub to it.
    """
    logging.basicConfig(level=logging.INFO, format=LOG_FORMAT, stream=sys.stderr)
    if not online:
        os.environ.update(OFFLINE)
    if job := os.environ.get("SLURM_JOB_ID"):
        gpus = os.environ.get("CUDA_VISIBLE_DEVICES") or "none"
        log.info("SLURM job %s on %s, GPUs: %s", job, socket.gethostname(), gpus)
    try:
        main(None)
    except InputError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except OSError as error:
        if error.errno not in NO_SPACE:
            raise
        where = error.filename or "writing the output"
        print(f"error: {where}: {error.strerror}; make room", file=sys.stderr)
        return 1
    return 0


def parser(doc: str | None) -> argparse.ArgumentParser:
    """A parser whose description is the program's docstring, defaults shown."""
    return argparse.ArgumentParser(
        description=doc,
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
        allow_abbrev=False,
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


def add_on_bad_input(arguments: argparse.ArgumentParser) -> None:
    """Add `--on-bad-input {stop,skip}` and `--rejected FILE`."""
    arguments.add_argument(
        "--on-bad-input",
        choices=("stop", "skip"),
        default="stop",
        help="stop at a bad record, or set it aside in --rejected and go on",
    )
    arguments.add_argument(
        "--rejected",
        required=True,
        metavar="JSONL",
        help="where records that were set aside go, each with its reason",
    )


def add_model(
    arguments: argparse.ArgumentParser, *, max_length: int, required: bool = True
) -> None:
    """Add `--model`, `--max-length` and how the model runs: see `run_options`."""
    default = Options()
    arguments.add_argument("--model", required=required, metavar="DIR")
    arguments.add_argument(
        "--max-length", type=int, default=max_length, help="tokens per input"
    )
    arguments.add_argument(
        "--batch-tokens",
        type=int,
        metavar="N",
        help="tokens of a padded batch; not given: as many as the device takes",
    )
    arguments.add_argument(
        "--processes",
        type=int,
        metavar="N",
        help="not given: one per GPU; on a CPU one per core if the model is small",
    )
    arguments.add_argument(
        "--precision",
        choices=PRECISIONS,
        default=default.precision,
        help="auto: float16 on a GPU, float32 on a CPU",
    )
    arguments.add_argument(
        "--attention",
        choices=ATTENTIONS,
        default=default.attention,
        help="auto: flash attention where it is installed, else torch's own",
    )
    arguments.add_argument(
        "--trust-remote-code",
        action="store_true",
        help="let the model directory run Python code of its own",
    )


def run_options(arguments: argparse.Namespace) -> Options:
    """How the model runs, from what `add_model` added."""
    return Options(
        precision=arguments.precision,
        attention=arguments.attention,
        batch_tokens=arguments.batch_tokens,
        processes=arguments.processes,
        trust_remote_code=arguments.trust_remote_code,
    )


def add_reranker(arguments: argparse.ArgumentParser) -> None:
    """Add what a reranker's scores take: see `arkiv.scoring.scores_by`."""
    arguments.add_argument(
        "--query-max-length", type=int, default=256, help="of a query, in tokens"
    )
    add_cache(arguments)
    add_model(arguments, max_length=8192)


def add_weights(arguments: argparse.ArgumentParser) -> None:
    """Add `--weights` of M3's three scores."""
    arguments.add_argument(
        "--weights",
        nargs=3,
        type=float,
        default=[1.0, 0.3, 1.0],
        metavar=("DENSE", "SPARSE", "MULTI_VECTOR"),
        help="of the scores in mode combined",
    )


def add_cache(arguments: argparse.ArgumentParser) -> None:
    """Add `--cache`: where computed values are kept for the next job."""
    arguments.add_argument(
        "--cache",
        metavar="DIR",
        help="values computed before are taken from here, and new ones kept, batch by "
        "batch: a job that was killed goes on where it was",
    )
