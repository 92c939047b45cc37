"""Tell whether a server of OpenAI's embeddings protocol serves a run's model as it is.

Asks it for the vectors of the run's test collection and compares them with those of the
checkpoint: their cosines, the least and the median, and nDCG@10 of a search by them. If
they differ, the sentence at the end says why, as far as the checkpoint can tell by
being read in other ways: pooling, prompts, cut texts, half precision, another model,
vectors of other lengths than 1. Exit status 0: the server gives the checkpoint's
vectors; 1: it does not.

The key stands in an environment variable. Answers are kept until the end, so that a
measurement that was broken off goes on; then the journal is removed, for the next one
is to ask the server anew.
"""

from __future__ import annotations

import logging
import re
import sys
from argparse import Namespace
from pathlib import Path

import numpy as np

from arkiv.base.cli import parser, run
from arkiv.base.errors import InputError
from arkiv.base.files import write_json
from arkiv.base.hashing import content_id, rng
from arkiv.base.secrets import secrets_in
from arkiv.base.setting_flags import add_settings, settings_from
from arkiv.base.terminal import visible
from arkiv.export.diagnosis import Side
from arkiv.export.served import (
    MEASURE,
    Comparison,
    Finished,
    faults,
    of_other_dimensions,
)
from arkiv.llm.embeddings import EmbeddingServer, asked
from arkiv.llm.journal import Journal
from arkiv.llm.settings import Budget, Connection, Prices
from arkiv.retrieve.systems.system import OF_RUN

log = logging.getLogger("measure_endpoint")

# What of the connection is set as for language models.
ASKED = ("key_variable", "concurrency", "timeout", "retries")


def command_line(argv: list[str] | None) -> Namespace:
    """What is asked for on the command line."""
    arguments = parser(
        __doc__,
        url="URL of the server with `/v1`, as clients of the protocol take it",
        run="DIR of a finished run, such as results/court",
        model="[NAME] as the server names it; not given: the only one that it has",
        journal="[JSONL] of answers, until the end; not given: below the run's cache/",
        json="[FILE] what was measured, to be written there",
    )
    arguments.add_argument(
        "--checkpoint",
        default="tuned",
        metavar="NAME",
        help="of the run, which the server is to serve: tuned, base, round_1 …",
    )
    arguments.add_argument(
        "--sample",
        type=int,
        metavar="N",
        help="ask for so many, drawn at random; then the server's queries are measured "
        "on the checkpoint's passages. Not given: all",
    )
    arguments.add_argument(
        "--batch", type=int, default=32, metavar="N", help="texts in a request"
    )
    arguments.add_argument(
        "--bare",
        action="store_true",
        help="send texts without the model's prompts; the server puts them",
    )
    add_settings(arguments, Connection, *ASKED)
    return arguments.parse_args(argv)


def connection_of(given: Namespace) -> Connection:
    """Where the server is, and how it is asked.

    Raises:
        InputError: the address is none, or holds a key.
    """
    for found in secrets_in(given.url, ("--url",)):
        raise InputError(
            f"holds {found.what}; a key belongs in the environment variable that "
            "--key-variable names",
            key="--url",
        )
    if not re.match("https?://.", given.url):
        raise InputError(
            f"is {given.url}, expected an address that begins with http:// or https://",
            key="--url",
        )
    given.base_url = given.url.rstrip("/")
    return settings_from(given, Connection)


def check(given: Namespace) -> None:
    """Refuse numbers and names that will not do.

    Raises:
        InputError: naming the flag.
    """
    if not re.fullmatch(OF_RUN, given.checkpoint):
        reason = f"is {given.checkpoint}, expected tuned, base or round_1 …"
        raise InputError(reason, key="--checkpoint")
    for name in ("sample", "batch"):
        if (value := getattr(given, name)) is not None and value < 1:
            raise InputError(f"is {value}, expected at least 1", key=f"--{name}")


def drawn(count: int, wanted: int | None) -> np.ndarray:
    """Rows of so many passages, ascending; the same whenever it is asked."""
    if wanted is None or wanted >= count:
        return np.arange(count)
    return np.array(sorted(rng(0, "endpoint").sample(range(count), wanted)))


def compared(
    given: Namespace, finished: Finished, server: EmbeddingServer, journal: Journal
) -> tuple[list[Comparison], np.ndarray]:
    """Queries and passages with what came back, and the rows of the passages.

    Raises:
        InputError: the server cannot be asked, or gives vectors of another length.
    """
    rows = drawn(len(finished.passages), given.sample)
    how, sides = finished.checkpoint.description, []
    for name, prompt, texts, ours in (
        (
            "queries",
            how.query_prompt,
            [query["query"] for query in finished.queries],
            finished.asked,
        ),
        (
            "passages",
            how.passage_prompt,
            [finished.passages[row]["text"] for row in rows],
            finished.corpus[rows],
        ),
    ):
        before = "" if given.bare else prompt
        sent = [before + text for text in texts]
        theirs, refused = asked(server, given.url, sent, journal, given.batch)
        if said := of_other_dimensions(theirs, ours):
            raise InputError(
                f"does not give the vectors of {finished.checkpoint.model}: {said}",
                file=given.url,
            )
        length = finished.lengths[name]
        side = Side(name, prompt, sent, theirs, ours, length, given.bare)
        sides.append(Comparison(side, refused))
        log.info("%s: %d texts answered", name, len(sent) - len(refused))
    return sides, rows


def report(
    given: Namespace, finished: Finished, sides: list[Comparison], rows: np.ndarray
) -> dict[str, float]:
    """Print how near the vectors come, and what a search by them finds; return both
    values of the measure."""
    queries, passages = sides
    whole = len(rows) == len(finished.passages)
    corpus = passages.side.theirs if whole else finished.corpus
    measured = {
        "checkpoint": finished.measured(finished.asked, finished.corpus),
        "server": finished.measured(queries.side.theirs, corpus),
    }
    for one in sides:
        low, high = one.lengths()
        print(
            f"{len(one.side.sent):,} {one.side.name}: cosine to the checkpoint's "
            f"vectors least {one.least:.6f}, median {one.median:.6f}; lengths "
            f"{low:.4g} to {high:.4g}"
        )
    where = "" if whole else ", in the checkpoint's passages"
    print(
        f"{MEASURE}: {measured['server']:.4f} by the server's vectors{where}, "
        f"{measured['checkpoint']:.4f} by the checkpoint's"
    )
    return measured


def main(argv: list[str] | None = None) -> None:
    given = command_line(argv)
    check(given)
    connection = connection_of(given)
    folder = Path(given.run)
    finished = Finished.read(folder, given.checkpoint)
    name = content_id("endpoint", given.url, given.model or "", given.checkpoint)
    path = Path(given.journal or folder / f"cache/endpoint/{name}.jsonl")
    server = EmbeddingServer(connection, given.model or "")
    with Journal(path, name, Budget(), Prices(), key="--journal") as journal:
        sides, rows = compared(given, finished, server, journal)
    measured = report(given, finished, sides, rows)
    found = faults(sides, finished.checkpoint)
    if given.json:
        told = {one.side.name: one.told() for one in sides}
        whole = {MEASURE: {key: round(value, 6) for key, value in measured.items()}}
        about = {"url": given.url, "model": server.model}
        write_json(given.json, about | told | whole | {"faults": found})
    path.unlink(missing_ok=True)
    model = finished.checkpoint.model
    if found:
        said = "; ".join(found)
        reason = f"does not give the vectors of {model}: {said}"
        raise InputError(reason, file=given.url)
    print(visible(f"{given.url} gives the vectors of {model}"))


if __name__ == "__main__":
    sys.exit(run(main))
