"""What re-ranking can reach: how much of what is relevant is among its candidates."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from arkiv.base.html import Html, element, table
from arkiv.base.page import paragraph
from arkiv.retrieve.rankings import read_encodings
from arkiv.retrieve.systems import reranking, spaced, systems_of
from arkiv.retrieve.trec import Qrels, Run, read_run


class Reach(NamedTuple):
    """The candidates of systems that re-rank the same ones."""

    systems: list[str]
    candidates: float
    """Of a query, on average."""
    recall: float
    """Of what is relevant to a query the share among them, on average."""


def reach_of(
    config: Mapping[str, Mapping],
    measured: Sequence[str],
    runs: Mapping[str, str],
    encodings: Mapping[str, str],
    qrels: Qrels,
    query_ids: Sequence[str],
) -> list[Reach]:
    """What systems can reach that re-rank.

    A run of theirs begins with the candidates, in their new order; what else was found
    follows.

    Args:
        config: `evaluate` of the run.
        measured: the systems.
        runs: of each set of candidates that of one system, see `reranking`; of one
            without, nothing is told.
        encodings: the directory of each model's, which knows how many candidates each
            query has.
        qrels: what is relevant; queries without any are not measured.
        query_ids: all queries of the collection, in their order.

    Raises:
        InputError: a file is missing, or of another collection.
    """
    systems = systems_of({name: config["systems"][name] for name in measured})
    found = []
    for name, model in reranking(systems).items():
        if name not in runs:
            continue
        if model is None:
            _, depth = systems[name].reorders(config["rerank_depth"], ())
            counts, names = np.full(len(query_ids), depth), [name]
        else:
            directory = encodings[model]
            late = read_encodings(directory, "queries", "multi_vector", len(query_ids))
            counts = np.diff(late.indptr)
            names = [
                one
                for one, system in systems.items()
                if system.model_of_run == model and "multi_vector" in system.encodings
            ]
        # Where fewer passages are kept than re-ranked, runs lack some candidates.
        if len(counts) and counts.max() <= config["depth"]:
            by_query = dict(zip(query_ids, counts.tolist(), strict=True))
            run = read_run(runs[name], depth=int(counts.max()))
            found.append(_reach(names, run, by_query, qrels))
    return found


def _reach(
    systems: list[str], run: Run, counts: Mapping[str, int], qrels: Qrels
) -> Reach:
    shares, sizes = [], []
    for query_id, relevant in qrels.items():
        first = run.get(query_id, [])[: counts[query_id]]
        sizes.append(len(first))
        shares.append(len(relevant.keys() & set(first)) / len(relevant))
    return Reach(systems, float(np.mean(sizes)), float(np.mean(shares)))


def section(found: Sequence[Reach]) -> Iterator[Html]:
    """A table of what re-ranking can reach; nothing where nothing re-ranks."""
    if not found:
        return
    yield element("h3", "What re-ranking can reach")
    yield paragraph(
        "These systems put into order what other searches have found, their "
        "candidates. What is not among these they cannot find: the share of the "
        "relevant passages that is among them is the most that their recall can be."
    )
    rows = [
        [
            ", ".join(map(spaced, one.systems)),
            f"{one.candidates:,.0f}",
            f"{one.recall:.3f}",
        ]
        for one in found
    ]
    header = ["systems", "candidates of a query", "relevant among them"]
    yield table(header, rows, "Means over the test queries, counted by passages")
