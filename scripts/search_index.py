"""Search an index: print the passages that are found for a query, or check it.

`--check` asks the test queries of the index by this machine's model, and ends with
status 1 where others are found than were expected.
"""

from __future__ import annotations

import argparse
import json
import sys
import textwrap
from collections.abc import Sequence
from pathlib import Path

from arkiv.base.cli import parser, run
from arkiv.base.errors import InputError
from arkiv.base.files import Record
from arkiv.base.hashing import is_blank, nfc
from arkiv.base.numbers import share
from arkiv.base.terminal import tell
from arkiv.base.years import years
from arkiv.index.asking import asker, check_same, encoded, model_of
from arkiv.index.expected import FIRST, Missed, missed, modes_of, read
from arkiv.index.filters import Filters, quoted
from arkiv.index.reading import MODES, Query, Table

WIDTH = 80
# Lines of a passage that are printed.
LINES = 3


def command_line(argv: Sequence[str] | None) -> argparse.Namespace:
    """What is asked for on the command line."""
    arguments = parser(__doc__)
    arguments.add_argument("index", metavar="DIR", help="an index: results/RUN/index")
    arguments.add_argument("query", nargs="?", help="what is searched for")
    arguments.add_argument("--mode", choices=MODES, default="hybrid")
    arguments.add_argument("--depth", type=int, default=10, help="passages, at most")
    arguments.add_argument("--dataset", help="of these passages alone")
    arguments.add_argument("--volume", nargs="+", default=[], help="likewise")
    arguments.add_argument("--year", help="likewise: 1843, or 1840-1850")
    arguments.add_argument("--type", nargs="+", default=[], help="of volumes, likewise")
    arguments.add_argument("--confidence", metavar="X", help="likewise, at least")
    arguments.add_argument(
        "--model", metavar="DIR", help="where the model of the index lies now"
    )
    arguments.add_argument("--json", action="store_true", help="print a line for each")
    arguments.add_argument(
        "--check", action="store_true", help="ask the test queries of the index"
    )
    return arguments.parse_args(argv)


def known(table: Table, column: str, names: Sequence[str]) -> tuple[str, ...]:
    """Names as passages have them.

    Raises:
        InputError: no passage has one, by which nothing would be found.
    """
    found = []
    for name in names:
        forms = dict.fromkeys((name, nfc(name)))
        held = [
            one
            for one in forms
            if table.dataset.count_rows(f"{column} = {quoted(one)}")
        ]
        if not held:
            reason = f"is {name}, which no passage of {table.folder} has"
            raise InputError(reason, key=f"--{column}")
        found.append(held[0])
    return tuple(found)


def filters_of(given: argparse.Namespace, table: Table) -> Filters:
    """The filters that flags ask for.

    Raises:
        InputError: years or confidence are none, or no passage has a name.
    """
    confidence = None
    if given.confidence is not None:
        confidence = share(given.confidence)
        if confidence is None:
            reason = f"is {given.confidence}, expected a number from 0 to 1"
            raise InputError(reason, key="--confidence")
    dataset = [] if given.dataset is None else [given.dataset]
    return Filters(
        next(iter(known(table, "dataset", dataset)), None),
        known(table, "volume", given.volume),
        years(given.year, "--year"),
        known(table, "type", given.type),
        confidence,
    )


def asked(table: Table, given: argparse.Namespace, texts: list[str]) -> list[Query]:
    """Queries as the mode takes them; full text takes no model."""
    if given.mode == "full_text" and not given.check:
        return [Query(text) for text in texts]
    path = model_of(table.folder, table.about, given.model)
    check_same(path, table.about)
    with asker(path, table.about) as encoder:
        longest = table.about["model"]["query_max_length"]
        return encoded(encoder, texts, longest, multi=table.has_multi)


def found(table: Table, given: argparse.Namespace) -> list[Record]:
    """The rows that are found, with rank and score.

    Raises:
        InputError: a filter is none, or the model is missing or another one.
    """
    filters = filters_of(given, table)
    (query,) = asked(table, given, [nfc(given.query)])
    hits = table.search(given.mode, query, filters, given.depth)
    rows = table.rows([hit.id for hit in hits])
    return [
        {"rank": rank, "score": hit.score, **row}
        for rank, (hit, row) in enumerate(zip(hits, rows, strict=True), start=1)
    ]


def shown(row: Record) -> list[str]:
    """A hit in a few lines."""
    pages = [
        row[f"{end}_label"] or row[f"{end}_page"]
        for end in ("first", "last")
        if row[f"{end}_page"] is not None
    ]
    spans = [row[name] for name in ("year", "year_to") if row[name] is not None]
    parts = [
        row["volume"] or row["dataset"],
        pages and f"page {'–'.join(map(str, dict.fromkeys(pages)))}",
        spans and "–".join(map(str, dict.fromkeys(spans))),
        row["title"] or row["type"],
        row["id"],
    ]
    head = f"{row['rank']:>3}  {row['score']:.4f}  " + ", ".join(filter(None, parts))
    text = textwrap.wrap(
        row["text"],
        WIDTH,
        initial_indent=" " * 5,
        subsequent_indent=" " * 5,
        max_lines=LINES,
        placeholder=" …",
    )
    return [textwrap.shorten(head, WIDTH, placeholder=" …"), *text]


def check(table: Table, given: argparse.Namespace) -> list[str]:
    """Ask the test queries; a sentence for each mode.

    Raises:
        InputError: other passages are found than expected.
    """
    expected = list(read(table.folder, table.version))
    queries = asked(table, given, [one["query"] for one in expected])
    held = []
    for mode in modes_of(table):
        pairs = zip(expected, queries, strict=True)
        others = [one for pair in pairs if (one := missed(table, mode, *pair))]
        if others:
            raise InputError(_sentence(mode, others, len(expected)), file=table.folder)
        held.append(f"{mode}: the first {FIRST} of {len(expected)} queries as expected")
    return held


def _sentence(mode: str, others: Sequence[Missed], count: int) -> str:
    first = others[0]
    return (
        f"{mode} search finds others than expected for {len(others)} of {count} "
        f"queries, the first {first.query!r}: {first.found or 'nothing'} at rank "
        f"{first.rank}, expected {first.expected or 'nothing'} (cosine of its vector "
        f"to the one kept: {first.cosine:.4f})"
    )


def main(argv: Sequence[str] | None = None) -> None:
    given = command_line(argv)
    if (given.query is None) != given.check:
        raise InputError("give either a query or --check")
    if given.query is not None and is_blank(given.query):
        raise InputError("is empty, expected what is searched for", key="query")
    if given.depth < 1:
        raise InputError(f"is {given.depth}, expected at least 1", key="--depth")
    table = Table(Path(given.index))
    if given.check:
        tell(check(table, given))
        return
    rows = found(table, given)
    if given.json:
        # Escaped, so that a text of others moves no terminal.
        sys.stdout.writelines(json.dumps(row) + "\n" for row in rows)
        return
    tell([line for row in rows for line in shown(row)] or ["Nothing is found"])


if __name__ == "__main__":
    sys.exit(run(main))
