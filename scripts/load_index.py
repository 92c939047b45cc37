"""Put the rows of an index elsewhere: a database, or files for a search engine.

Give one place. What is there already stays, what the index has otherwise is written,
what it no longer has is removed; a load that was killed goes on where it was. With
`--check` nothing is written: the test queries of the index must find there what they
find in it.

Passwords and keys come from the environment (PGPASSWORD, QDRANT_API_KEY), a service
file or ~/.pgpass.
"""

from __future__ import annotations

import argparse
import logging
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from arkiv.base.cli import parser, run
from arkiv.base.errors import InputError
from arkiv.base.terminal import tell
from arkiv.index.load.source import Source

if TYPE_CHECKING:
    from arkiv.index.load.folder import Format
    from arkiv.index.load.sync import Database

log = logging.getLogger("load_index")

# What all that are loaded take for a name: PostgreSQL's identifiers, of which indexes
# have longer ones, Vespa's schemas, Elasticsearch's indexes.
NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")
FOLDERS = ("parquet", "elasticsearch", "opensearch", "vespa")


def command_line(argv: Sequence[str] | None) -> argparse.Namespace:
    """What is asked for on the command line."""
    arguments = parser(__doc__)
    arguments.add_argument("index", metavar="DIR", help="an index: results/RUN/index")
    places = arguments.add_mutually_exclusive_group(required=True)
    places.add_argument(
        "--postgres",
        metavar="ADDRESS",
        help="postgresql://HOST/DATABASE or service=NAME; '': from the environment",
    )
    places.add_argument(
        "--qdrant", metavar="PLACE", help="the URL of a server, or a folder"
    )
    for folder in FOLDERS:
        places.add_argument(f"--{folder}", metavar="DIR", help="where its files go")
    arguments.add_argument(
        "--name",
        default="passages",
        help="of the table, the collection, the schema; files begin with it",
    )
    arguments.add_argument(
        "--postgres-type",
        choices=("halfvec", "vector"),
        default="halfvec",
        help="of dense vectors; halfvec holds them as the index does",
    )
    arguments.add_argument(
        "--hnsw",
        action="store_true",
        help="have pgvector search by HNSW: fast in large tables, and approximate",
    )
    arguments.add_argument(
        "--batch",
        type=int,
        default=500,
        metavar="N",
        help="rows that a database is given at a time",
    )
    arguments.add_argument(
        "--rows",
        type=int,
        metavar="N",
        help="of a file, at most; not given: as many as suit its reader",
    )
    arguments.add_argument(
        "--check", action="store_true", help="write nothing, see what is found there"
    )
    return arguments.parse_args(argv)


def into_database(store: Database, source: Source, arguments) -> None:
    """Load or check a database."""
    from arkiv.index.load.expected import check
    from arkiv.index.load.sync import synchronise

    try:
        store.open(make=not arguments.check)
        if arguments.check:
            if (count := store.count()) != source.count:
                raise InputError(
                    f"has {count} rows, the index {source.count}; load it again, "
                    "without --check",
                    key=f"--{place_of(arguments)}",
                )
            tell(check(source, store.found, store.modes) + store.also())
        else:
            done = synchronise(source, store, arguments.batch)
            store.finish()
            tell([str(done)])
    finally:
        store.close()


def database(place: str, source: Source, arguments) -> Database:
    """The database of a place."""
    if place == "qdrant":
        from arkiv.index.load.qdrant import Qdrant

        make = not arguments.check
        return Qdrant(arguments.qdrant, arguments.name, source, make=make)
    from arkiv.index.load.postgres import Postgres

    return Postgres(
        arguments.postgres,
        arguments.name,
        source,
        vectors=arguments.postgres_type,
        hnsw=arguments.hnsw,
    )


def into_folder(place: str, source: Source, arguments) -> None:
    """Write or check files."""
    from arkiv.index.load.expected import check
    from arkiv.index.load.folder import Folder

    path = Path(getattr(arguments, place))
    folder = Folder(path, arguments.name, source, format_of(place, source, arguments))
    tell(
        check(source, folder.found, folder.modes)
        if arguments.check
        else [str(folder.write())]
    )


def format_of(place: str, source: Source, arguments) -> Format:
    """The format of the files that go to a place."""
    from arkiv.index.load.elastic import Elastic, OpenSearch
    from arkiv.index.load.parquet import Parquet
    from arkiv.index.load.vespa import Vespa

    formats = (Parquet, Elastic, OpenSearch, Vespa)
    kind = next(one for one in formats if one.name == place)
    return kind(source, arguments.name, arguments.rows or kind.usual_rows)


def place_of(arguments: argparse.Namespace) -> str:
    """The flag of the place that was given."""
    places = ("postgres", "qdrant", *FOLDERS)
    return next(name for name in places if getattr(arguments, name) is not None)


def main(argv: Sequence[str] | None = None) -> None:
    arguments = command_line(argv)
    if not NAME.fullmatch(arguments.name):
        raise InputError(
            f"is {arguments.name}, expected at most 40 small letters, digits and _, "
            "a letter first",
            key="--name",
        )
    for flag in ("batch", "rows"):
        number = getattr(arguments, flag)
        if number is not None and number < 1:
            raise InputError(f"is {number}, expected at least 1", key=f"--{flag}")
    source = Source(arguments.index)
    place = place_of(arguments)
    if place in FOLDERS:
        into_folder(place, source, arguments)
    else:
        into_database(database(place, source, arguments), source, arguments)


if __name__ == "__main__":
    sys.exit(run(main))
