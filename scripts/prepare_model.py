"""Put a model into a directory: fetched from the hub at a revision, or built tiny.

Runs where the hub can be reached, or has the commit in the hub's cache; every later job
works offline on the directory.
"""

from __future__ import annotations

import logging
import sys

from arkiv.base.cli import parser, run
from arkiv.base.errors import InputError
from arkiv.base.files import written_whole
from arkiv.encode.hub import fetch
from arkiv.encode.models import KINDS, check_heads, check_model

log = logging.getLogger("prepare_model")


def main(argv: list[str] | None = None) -> None:
    arguments = parser(
        __doc__,
        source="SOURCE a hub name, or `tiny`",
        revision="[REVISION] commit, tag or branch on the hub",
        output="DIR",
    )
    arguments.add_argument("--kind", choices=KINDS, required=True)
    arguments.add_argument(
        "--headed", action="store_true", help="it is to have heads as BGE-M3 has them"
    )
    arguments = arguments.parse_args(argv)

    with written_whole(arguments.output) as beside:
        if arguments.source == "tiny":
            from arkiv.example import tiny

            reranker = arguments.kind == "cross_encoder"
            build = tiny.build_reranker if reranker else tiny.build_embedder
            build(beside)
        else:
            fetch(arguments.source, arguments.revision, beside, arguments.kind)
        try:
            check_model(beside, arguments.kind)
            if arguments.headed:
                check_heads(beside)
        except InputError as error:
            raise InputError(error.reason, file=arguments.source) from None
    log.info("%s is ready in %s", arguments.source, arguments.output)


if __name__ == "__main__":
    sys.exit(run(main, online=True))
