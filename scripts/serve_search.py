"""Search a finished run in the browser: systems side by side, and judge what they find.

Reads the configuration as Snakemake does and serves what the run has on disk, to this
machine alone unless told otherwise. Verdicts go to results/{run}/judgements.jsonl.
"""

from __future__ import annotations

import argparse
import getpass
import logging
import shlex
import signal
import socket
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from arkiv.base.cli import parser, run
from arkiv.base.errors import InputError
from arkiv.base.hashing import nfc
from arkiv.base.terminal import tell, visible
from arkiv.encode.options import Options
from arkiv.encode.workers import SMALL_MODELS, cores, size_of
from arkiv.index.schema import ready_since
from arkiv.settings.command_line import add_given, given_by
from arkiv.settings.layout import model_under_test, run_folder

log = logging.getLogger("serve_search")

# Requests that are worked on at a time, whose queries are encoded together, which takes
# less of a core for each; those beyond wait in a queue.
THREADS = 16
# Encoding a query gains nothing from more; in a small model threads stand in each
# other's way: with two on two busy cores a query took ten times as long as with one.
MOST_CORES = 8


def table_of(config: dict):
    """The table of the run's index; None: there is none, or it is of another model.

    Raises:
        InputError: it is damaged.
    """
    folder = Path(run_folder(config)) / "index"
    made = ready_since(folder)
    if made is None:
        return None
    from arkiv.serve.indexed import SharedTable, unfit

    table = SharedTable(folder)
    if reason := unfit(table.about, config):
        log.warning("%s %s; the run is searched without it", folder, reason)
        return None
    # As Snakemake tells it.
    collection = folder.parent / "collection/corpus.jsonl"
    if collection.exists() and collection.stat().st_mtime > made:
        log.warning(
            "%s is older than %s: passages that have changed since are shown as they "
            "were; `snakemake index` is due",
            *(folder, collection),
        )
    return table


def index_of(config: dict, table):
    """What is searched: the table of the run's index, or the run held in memory."""
    from arkiv.serve.index import Index

    options = Options(
        precision=config["models"]["precision"],
        attention=config["models"]["attention"],
        trust_remote_code=config["models"]["trust_remote_code"],
    )
    if table is None:
        return Index(config, options)
    from arkiv.serve.indexed import Indexed

    return Indexed(config, table, options)


def site_of(config: dict, index):
    """The pages, as the configuration has them."""
    from arkiv.serve.app import STYLE_ADDRESS
    from arkiv.serve.pictures import Pictures
    from arkiv.serve.rendering import Site
    from arkiv.settings.image_links import ImageLinks, LineLinks

    serve, languages = config["serve"], config["export"]["language"]
    return Site(
        index,
        ImageLinks(serve["image_link"]),
        serve["iiif"] and Pictures(serve["iiif"], serve["iiif_version"]),
        languages[0] if len(languages) == 1 else None,
        STYLE_ADDRESS,
        canvas=serve["canvas"] and LineLinks(serve["canvas"], "serve.canvas"),
        address=serve["address"],
    )


def judges_of(given: Sequence[str], alone: bool) -> list[str]:
    """Who may judge: those named, else whoever runs this if nobody else reaches it.

    Names are in NFC, as the verdicts are when they are read.

    Raises:
        InputError: a name is empty or has control characters.
    """
    if not all(name.strip() for name in given):
        raise InputError("holds an empty name", key="--judges")
    for name in given:
        if visible(name) != name:
            raise InputError(f"is {name}, expected a name in letters", key="--judges")
    if given or not alone:
        return list(dict.fromkeys(map(nfc, given)))
    try:
        user = nfc(getpass.getuser())
    except (KeyError, OSError):  # a user without a name, as in some containers
        user = ""
    return [user if user.strip() and visible(user) == user else "judge"]


def verdicts_on(index, folder: Path):
    """The verdicts on a run's passages; lines that are none are copied beside them."""
    from arkiv.serve.judgements import Verdicts, check_verdict

    return Verdicts(
        folder / "judgements.jsonl",
        partial(check_verdict, passages=index.ids),
        folder / "judgements.rejected.jsonl",
    )


def address(server, arguments) -> str:
    """Where a browser finds the server."""
    host = f"[{arguments.host}]" if ":" in arguments.host else arguments.host
    # A name with several addresses has a server for each, on the port that was asked.
    return f"http://{host}:{getattr(server, 'effective_port', arguments.port)}/"


def listening(application, arguments):
    """The server, on its address or socket, before it answers.

    Raises:
        InputError: the address cannot be had.
    """
    from arkiv.serve.connections import served

    where = (
        {"unix_socket": arguments.socket, "unix_socket_perms": "600"}
        if arguments.socket
        else {"host": arguments.host, "port": arguments.port}
    )
    try:
        if arguments.socket and Path(arguments.socket).is_socket():
            remove_dead(arguments.socket)
        return served(application, THREADS, **where)
    except (OSError, ValueError) as error:
        place = arguments.socket or f"{arguments.host}, port {arguments.port}"
        reason = getattr(error, "strerror", None) or error
        raise InputError(f"cannot be listened on ({reason})", file=place) from None


def remove_dead(path: str) -> None:
    """Remove the socket of a server that is gone.

    Raises:
        InputError: a server still answers there.
    """
    with socket.socket(socket.AF_UNIX) as trial:
        try:
            trial.connect(path)
        except ConnectionRefusedError:
            Path(path).unlink()
        else:
            raise InputError("another server listens on it", file=path)


def command_line(argv: Sequence[str] | None) -> argparse.Namespace:
    """What is asked for on the command line."""
    arguments = parser(
        __doc__,
        socket="[PATH] listen on a socket file instead, which no other user can open: "
        "for machines that others use too",
        judges="[NAME...] who may judge; not given: you, or nobody if others reach the "
        "address",
    )
    add_given(arguments)
    arguments.add_argument("--host", default="127.0.0.1", help="address to listen on")
    arguments.add_argument("--port", type=int, default=8000, help="0: any that is free")
    arguments.add_argument(
        "--threads",
        type=int,
        metavar="N",
        help="that encode a query; not given: up to 8, and one for a small model",
    )
    arguments.add_argument(
        "--without-index",
        action="store_true",
        help="search all systems of the run in memory, though it has an index",
    )
    return arguments.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> None:
    arguments = command_line(argv)
    if not 0 <= arguments.port < 1 << 16:
        raise InputError(
            f"is {arguments.port}, expected a number from 0 to 65535", key="--port"
        )
    given = given_by(arguments)
    config = given.read()

    from arkiv.serve.index import check_finished

    table = None if arguments.without_index else table_of(config)
    if table is None:
        check_finished(config, shlex.join(["snakemake", "evaluate", *given.words]))

    import torch

    from arkiv.serve.access import Access, is_loopback
    from arkiv.serve.app import create_app
    from arkiv.serve.view import MOST_SYSTEMS

    small = size_of(Path(model_under_test(config, "base"))) < SMALL_MODELS
    torch.set_num_threads(
        max(1, arguments.threads or (1 if small else min(cores(), MOST_CORES)))
    )
    index = index_of(config, table)
    site = site_of(config, index)
    alone = bool(arguments.socket) or is_loopback(arguments.host)
    application = create_app(
        site,
        verdicts_on(index, Path(run_folder(config))),
        judges_of(arguments.judges, alone),
        (index.first_systems or list(index.systems))[:MOST_SYSTEMS],
        access=Access(alone, *(config["serve"][key] for key in ("cors", "address"))),
        separator=config["gold"]["sheet"]["separator"],
    )
    # Many at once wait a moment, which is no news.
    logging.getLogger("waitress.queue").setLevel(logging.ERROR)
    server = listening(application, arguments)
    where = arguments.socket or address(server, arguments)
    tell([f"Search {config['run']} at {where} (Ctrl-C ends it)"])
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())
    server.run()
    server.close()


if __name__ == "__main__":
    sys.exit(run(main))
