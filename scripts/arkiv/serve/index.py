"""What the search page searches: the passages, encodings and models of one run."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping
from functools import lru_cache, partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from arkiv.base.errors import InputError
from arkiv.base.files import Record
from arkiv.base.hashing import content_id, uniform
from arkiv.encode.options import Options
from arkiv.retrieve.collection import read_ordered
from arkiv.retrieve.rankings import Ranking
from arkiv.serve.systems import Lexical, Model
from arkiv.settings.layout import model_under_test, run_folder

log = logging.getLogger("arkiv.serve")

# Passages that are ranked for a query; a page shows the first of them.
DEPTH = 100
RANKINGS_KEPT = 4096
SAMPLES = 6

Rank = Callable[[str, np.ndarray | None, int], Ranking]


class System(NamedTuple):
    """A system of the configuration that can be asked.

    Attributes:
        name: in `evaluate.systems`.
        group: `BM25`, or its model: `Base model`.
        title: of its column: `base dense`.
        choice: its mode within the group: `dense`.
    """

    name: str
    group: str
    title: str
    choice: str


def served_systems(config: Mapping[str, Any]) -> dict[str, System]:
    """The systems under test that the page can ask, those of one group together."""
    found = []
    for name, system in config["evaluate"]["systems"].items():
        title = name.replace("_", " ")
        if system["type"] == "bm25":
            title = "BM25" if name == "bm25" else title
            found.append(System(name, "BM25", title, title))
        elif system["type"] == "m3":
            group = system["model"].replace("_", " ").capitalize()
            mode = system["mode"].replace("_", "-")
            found.append(System(name, f"{group} model", title, mode))
    groups = list(dict.fromkeys(system.group for system in found))
    found.sort(key=lambda system: groups.index(system.group))
    return {system.name: system for system in found}


def check_finished(config: Mapping[str, Any], command: str) -> None:
    """See that all that will be read is there.

    Args:
        config: of the run.
        command: that finishes it.

    Raises:
        InputError: the run has not come so far.
    """
    folder = Path(run_folder(config))
    systems = config["evaluate"]["systems"]
    models = {systems[name].get("model", "base") for name in served_systems(config)}
    tested = {systems[name].get("model") for name in served_systems(config)} - {None}
    needed = [
        *(folder / "collection" / f"{name}.jsonl" for name in ("corpus", "queries")),
        *(Path(model_under_test(config, model)) for model in sorted(models)),
        *(folder / "encodings" / model for model in sorted(tested)),
    ]
    for path in needed:
        if not path.exists():
            raise InputError(
                f"the run has not finished, for {path} is missing: run `{command}`",
                file=folder,
            )


class Index:
    """All that one run can be asked, for several threads.

    Args:
        config: of a finished run, whose directory lies in the working directory.
        options: how the models run.

    Raises:
        InputError: a file is damaged, or the configuration has no system to ask.
    """

    def __init__(self, config: Mapping[str, Any], options: Options) -> None:
        folder = Path(run_folder(config))
        self.name = config["run"]
        self.passages = read_ordered(folder / "collection/corpus.jsonl")
        self._queries = {
            query["query"]: query["id"]
            for query in read_ordered(folder / "collection/queries.jsonl", queries=True)
        }
        self._row_of = {row["id"]: number for number, row in enumerate(self.passages)}
        self._rows_of = self._by_volume()
        self.systems = served_systems(config)
        if not self.systems:
            raise InputError(
                "has no system of type bm25 or m3 to ask", key="evaluate.systems"
            )
        self._rank = self._loaded(config, folder, options)
        self.ranking = lru_cache(RANKINGS_KEPT)(self._ranking)

    def _by_volume(self) -> dict[str, np.ndarray]:
        rows: dict[str, list[int]] = {}
        for number, passage in enumerate(self.passages):
            if passage.get("volume") is not None:
                rows.setdefault(str(passage["volume"]), []).append(number)
        return {volume: np.array(rows[volume]) for volume in sorted(rows)}

    def _loaded(
        self, config: Mapping[str, Any], folder: Path, options: Options
    ) -> dict[str, Rank]:
        encoding = threading.Lock()
        rerank_depth = config["serve"]["rerank_depth"]
        served = {name: config["evaluate"]["systems"][name] for name in self.systems}
        models: dict[str, Model] = {}
        rank: dict[str, Rank] = {}
        for name, system in served.items():
            if system["type"] == "bm25":
                base = model_under_test(config, "base")
                rank[name] = Lexical(self.passages, base, system).rank
                continue
            model = system["model"]
            if model not in models:
                log.info("loading the %s model", model.replace("_", " "))
                models[model] = Model(
                    model_under_test(config, model),
                    folder / "encodings" / model,
                    self.passages,
                    [s["mode"] for s in served.values() if s.get("model") == model],
                    config,
                    rerank_depth=rerank_depth,
                    options=options,
                    encoding=encoding,
                )
            rank[name] = partial(models[model].rank, system["mode"])
        return rank

    @property
    def volumes(self) -> list[str]:
        """The names of all volumes, in order."""
        return list(self._rows_of)

    def passage(self, passage_id: str) -> Record | None:
        """The passage of an id, if there is one."""
        row = self._row_of.get(passage_id)
        return None if row is None else self.passages[row]

    def query_id(self, query: str) -> str:
        """The id of a query: a test query's own, or that of its text."""
        return self._queries.get(query) or content_id(query)

    def samples(self) -> list[str]:
        """A few test queries to begin with, the same each time."""
        drawn = sorted(self._queries, key=lambda query: uniform(0, "sample", query))
        return drawn[:SAMPLES]

    def _ranking(self, system: str, query: str, volume: str | None) -> Ranking:
        """What a system finds for a query, in one volume or in all; kept in memory."""
        rows = None if volume is None else self._rows_of[volume]
        return self._rank[system](query, rows, DEPTH)

    def ranks(
        self, system: str, query: str, volume: str | None
    ) -> dict[str, tuple[int, float]]:
        """The rank from 1 and the score of each passage found, best first."""
        found = self.ranking(system, query, volume)
        return {
            self.passages[row]["id"]: (rank, score)
            for rank, (row, score) in enumerate(
                zip(found.rows.tolist(), found.scores.tolist(), strict=True), start=1
            )
        }
