"""Measure what smaller forms of dense vectors cost, against the vectors as they are.

int8 and binary codes, fewer dimensions, or both, of passages and of queries:
`arkiv.retrieve.compressed` says how they are made and searched. Binary codes are
measured by themselves, and with the first passages ranked anew by int8 vectors. Means
with 95 % bootstrap intervals, and paired differences to the run of the whole vectors
with p-values by the randomisation test, also corrected for the number of systems and
forms. Beside them stand the bytes of a vector and of all passages. No model is run: the
vectors are those of encode_collection.py.
"""

from __future__ import annotations

import logging
import sys
import time
from argparse import Namespace
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain
from typing import Any, NamedTuple

import numpy as np

from arkiv.base.cli import parser, run
from arkiv.base.errors import InputError
from arkiv.base.files import Record, write_json
from arkiv.base.named import named
from arkiv.base.setting_flags import add_settings
from arkiv.evaluate.intervals import LEVEL
from arkiv.evaluate.measures import add_measuring, by_query, check_measures, summary
from arkiv.evaluate.significance import draws
from arkiv.evaluate.units import Units
from arkiv.gold.standard import relevant
from arkiv.retrieve import compressed
from arkiv.retrieve.collection import read_ordered, volumes_of
from arkiv.retrieve.forms import KEY, Form
from arkiv.retrieve.itself import own_rows, without
from arkiv.retrieve.rankings import Ranking, read_encodings
from arkiv.retrieve.systems.system import Depths
from arkiv.retrieve.trec import Qrels, Run, read_qrels, read_run

log = logging.getLogger("measure_compressed")

WHOLE = Form()


class Measured(NamedTuple):
    """A form as it was searched."""

    form: Form
    rescored: bool
    """Whether int8 vectors have ranked the first passages anew."""

    @property
    def name(self) -> str:
        return f"{self.form} rescored" if self.rescored else str(self.form)

    def sizes(self, dimensions: int, passages: int) -> dict[str, int]:
        """Bytes of one passage, of these the ones that every search reads, and of all
        passages."""
        searched = self.form.bytes_of(dimensions)
        more = Form("int8", self.form.dimensions).bytes_of(dimensions)
        kept = searched + self.rescored * more
        return {"bytes": kept, "searched": searched, "collection": kept * passages}


class Collection(NamedTuple):
    """What is searched, and how it is judged."""

    passages: Sequence[Record]
    queries: Sequence[Record]
    """All that were asked, by the rows of their vectors."""
    own: Sequence[Sequence[int]]
    """Of each the passages that it does not find: itself."""
    query_ids: Sequence[str]
    """Those that can be measured."""
    qrels: Qrels
    units: Units | None

    @classmethod
    def read(cls, given: Namespace) -> Collection:
        """Of the files on the command line.

        Raises:
            InputError: a file is damaged, or nothing in it can be measured.
        """
        passages = read_ordered(given.corpus)
        queries = read_ordered(given.queries, queries=True)
        qrels = relevant(read_qrels(given.qrels))
        query_ids = [query["id"] for query in queries if query["id"] in qrels]
        if not query_ids:
            raise InputError("holds no relevant passage", file=given.qrels)
        own = own_rows(
            ((query["id"], query["query"]) for query in queries),
            ((passage["id"], passage["text"]) for passage in passages),
        )
        units = Units.read(given.unit, given.corpus, chain(*qrels.values()))
        return cls(passages, queries, own, query_ids, qrels, units)

    def run_of(self, rankings: Iterable[Ranking], depth: int) -> Run:
        """The passages of each query, best first, without those that are itself."""
        found: Run = {}
        for query, own, ranking in zip(self.queries, self.own, rankings, strict=True):
            rows = without(ranking, own, depth).rows
            found[query["id"]] = [self.passages[row]["id"] for row in rows]
        return found

    def values(self, run: Run, measures: Sequence[str]) -> np.ndarray:
        """The measures of each query, (n_queries, n_measures)."""
        units = self.units
        run, qrels = (
            (units.run(run), units.qrels(self.qrels)) if units else (run, self.qrels)
        )
        return by_query(run, qrels, self.query_ids, measures)


def searches(
    forms: Sequence[Form],
    asked: np.ndarray,
    found: np.ndarray,
    of: Collection,
    depth: int,
) -> Iterator[tuple[Measured, Run]]:
    """What each form finds; binary ones are searched once, and measured twice."""
    deep = max(depth, compressed.RESCORED) + max(map(len, of.own), default=0)
    for form in forms:
        began = time.monotonic()
        first = list(compressed.search(form, asked, found, deep))
        yield Measured(form, False), of.run_of(first, depth)
        if form.code == "binary":
            anew = compressed.rescored(form, first, asked, found)
            yield Measured(form, True), of.run_of(anew, depth)
        log.info("%s: %.1f s", form, time.monotonic() - began)


def vectors_of(
    folder: str, of: Collection, forms: Iterable[Form]
) -> tuple[np.ndarray, np.ndarray]:
    """A model's vectors of the queries and of the passages.

    Raises:
        InputError: they are not there, of other texts, or of fewer dimensions than are
            to be kept.
    """
    asked, found = (
        read_encodings(folder, name, "dense", len(records))
        for name, records in (("queries", of.queries), ("corpus", of.passages))
    )
    there = found.shape[1]
    for form in forms:
        if (form.dimensions or 0) > there:
            raise InputError(
                f"has {form}, but the vectors in {folder} have {there} dimensions; "
                "give fewer, or leave it out",
                key=KEY,
            )
    return asked, found


def told(
    measured: Sequence[Measured],
    system: str,
    dimensions: int,
    whole: Mapping[str, Any],
    passages: int,
) -> dict[str, Any]:
    """What `metrics/compressed.json` says of a system."""
    differences = {
        pair["system"]: pair["difference"]
        for pair in whole["comparisons"]
        if pair["base"] == (system, "")
    }
    return {
        "dimensions": dimensions,
        "whole": Measured(WHOLE, False).sizes(dimensions, passages)
        | {"measures": whole["systems"][system, ""]},
        "forms": [
            {"form": one.name}
            | one.sizes(dimensions, passages)
            | {
                "measures": whole["systems"][system, one.name],
                "difference": differences[system, one.name],
            }
            for one in measured
        ],
    }


def command_line(argv: list[str] | None) -> Namespace:
    """What is asked for on the command line."""
    arguments = parser(
        __doc__,
        qrels="TREC",
        queries="JSONL of the collection",
        corpus="JSONL of the collection",
        encodings="SYSTEM=DIR... of encode_collection.py",
        runs="SYSTEM=TREC... of the same systems, by whole vectors",
        compress="FORM... int8, binary, 256, 256-int8 …",
        output="JSON",
    )
    add_measuring(arguments)
    add_settings(arguments, Depths, "depth")
    return arguments.parse_args(argv)


def main(argv: list[str] | None = None) -> None:
    given = command_line(argv)
    check_measures(given.measures)
    forms = [Form.of(word) for word in given.compress]
    runs, folders = named(given.runs, "--runs"), named(given.encodings, "--encodings")
    if list(runs) != list(folders):
        reason = f"names {', '.join(folders)}, expected the systems of --runs"
        raise InputError(reason, key="--encodings")
    of = Collection.read(given)
    values: dict[tuple[str, str], np.ndarray] = {}
    measured: dict[str, list[Measured]] = {}
    dimensions: dict[str, int] = {}
    for system, path in runs.items():
        values[system, ""] = of.values(read_run(path), given.measures)
        asked, found = vectors_of(folders[system], of, forms)
        dimensions[system], measured[system] = found.shape[1], []
        for one, ranked in searches(forms, asked, found, of, given.depth):
            values[system, one.name] = of.values(ranked, given.measures)
            measured[system].append(one)
    judged = [query for query in of.queries if query["id"] in of.qrels]
    settings = {"samples": given.bootstrap, "seed": given.seed}
    pairs = [(key, (key[0], "")) for key in values if key[1]]
    whole = summary(
        values,
        pairs,
        measures=given.measures,
        tested=True,
        volumes=volumes_of(judged, of.qrels, given.corpus),
        **settings,
    )
    drawn = draws(given.bootstrap, len(pairs))
    write_json(
        given.output,
        {
            "queries": len(judged),
            "passages": len(of.passages),
            "measures": given.measures,
            "rescored": compressed.RESCORED,
            "volumes": whole["volumes"],
            "queries_without_volume": whole["queries_without_volume"],
            "bootstrap": settings
            | {"level": LEVEL, "randomisations": drawn, "pairs": len(pairs)},
            "systems": {
                name: told(found, name, dimensions[name], whole, len(of.passages))
                for name, found in measured.items()
            },
        },
    )


if __name__ == "__main__":
    sys.exit(run(main))
