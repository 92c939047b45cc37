"""What the search page searches: the passages, encodings and models of one run."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

from arkiv.base.errors import InputError
from arkiv.base.files import Record
from arkiv.base.hashing import content_id, text_key, uniform
from arkiv.documents.places import Places
from arkiv.encode.options import Options
from arkiv.retrieve.collection import read_ordered
from arkiv.retrieve.systems import systems_of, with_those_below
from arkiv.retrieve.systems.system import Column, FinishedRun
from arkiv.serve.filters import ANY, Filters
from arkiv.serve.held import Around, Held
from arkiv.serve.pictures import Region, regions
from arkiv.serve.volumes import named, suggestions
from arkiv.settings.layout import model_under_test, run_folder

# Passages that are ranked for a query; a page shows the first of them.
DEPTH = 100
RANKINGS_KEPT = 4096
# Names of volumes that were asked for, with what they mean and what is suggested then.
VOLUMES_KEPT = 256
SAMPLES = 6


def served_systems(config: Mapping[str, Any]) -> dict[str, Column]:
    """The systems under test that the page can ask, those of one group together; one
    that is made of others where it can ask all of them."""
    systems = systems_of(config["evaluate"]["systems"])
    columns = {name: system.column(name) for name, system in systems.items()}
    found = [
        columns[name]
        for name in systems
        if all(columns[one] for one in with_those_below(systems, [name]))
    ]
    groups = list(dict.fromkeys(column.group for column in found))
    found.sort(key=lambda column: groups.index(column.group))
    return {column.name: column for column in found}


def check_finished(config: Mapping[str, Any], command: str) -> None:
    """See that all that will be read is there.

    Raises:
        InputError: the run has not come so far; says the command that finishes it.
    """
    folder = Path(run_folder(config))
    evaluate = config["evaluate"]
    systems = systems_of(evaluate["systems"])
    names = served_systems(config)
    served = [systems[name] for name in names]
    learning = [name for name in names if systems[name].learns(evaluate["weights"])]
    models = {one.model_of_run for one in served} - {None}
    encoded = {one.model_of_run for one in served if one.encodings}
    needed = [
        *(folder / "collection" / f"{name}.jsonl" for name in ("corpus", "queries")),
        *(Path(model_under_test(config, model)) for model in sorted(models)),
        *(folder / "encodings" / model for model in sorted(encoded)),
        *(folder / "weights" / f"{name}.json" for name in learning),
    ]
    for path in needed:
        if not path.exists():
            raise InputError(
                f"the run has not finished, for {path} is missing: run `{command}`",
                file=folder,
            )


def places_of(folder: Path, datasets: Iterable[str]) -> dict[str, Places]:
    """Where the lines of datasets stand, of those that are cut from pages.

    Raises:
        InputError: a file is damaged.
    """
    paths = {name: folder / f"documents/{name}.lines.jsonl" for name in datasets}
    return {name: Places(path) for name, path in paths.items() if path.is_file()}


def samples_of(queries: Iterable[str]) -> list[str]:
    """A few queries, the same each time."""
    drawn = sorted(queries, key=lambda query: uniform(0, "sample", query))
    return drawn[:SAMPLES]


class Index:
    """All that one run can be asked, for several threads.

    Volumes are asked for by a name or its beginning, see `arkiv.serve.volumes.named`.

    Args:
        config: of a finished run, whose directory lies in the working directory.
        options: how the models run.

    Raises:
        InputError: a file is damaged, or the configuration has no system to ask.
    """

    def __init__(self, config: Mapping[str, Any], options: Options) -> None:
        folder = Path(run_folder(config))
        self.name = config["run"]
        of_report = config["report"]["systems"]
        passages = read_ordered(folder / "collection/corpus.jsonl")
        self.held = Held(passages)
        self.facets = self.held.facets
        queries = read_ordered(folder / "collection/queries.jsonl", queries=True)
        self._queries = [query["query"] for query in queries]
        self._id_of_query = {text_key(query["query"]): query["id"] for query in queries}
        self.volumes: Sequence[str] = self.held.volumes
        self.within = lru_cache(VOLUMES_KEPT)(partial(named, self.volumes))
        self.suggested = lru_cache(VOLUMES_KEPT)(partial(suggestions, self.volumes))
        self.systems = served_systems(config)
        self.first_systems = [name for name in of_report if name in self.systems]
        if not self.systems:
            raise InputError(
                "has no system of type bm25, m3 or fusion of these to ask",
                key="evaluate.systems",
            )
        run = FinishedRun(
            config,
            passages,
            model=partial(model_under_test, config),
            encodings=lambda model: f"{folder}/encodings/{model}",
            weights=lambda name: f"{folder}/weights/{name}.json",
            options=options,
        )
        systems = systems_of(config["evaluate"]["systems"])
        self._rank = {name: systems[name].loaded(run) for name in self.systems}
        shown = config["serve"]["iiif"] or config["serve"]["canvas"]
        self._places = places_of(folder, self.facets.datasets) if shown else {}
        self.ranks = lru_cache(RANKINGS_KEPT)(self._ranks)

    def __len__(self) -> int:
        """How many passages there are."""
        return len(self.held.passages)

    @property
    def ids(self) -> Collection[str]:
        """The ids of all passages."""
        return self.held.ids

    def passage(self, passage_id: str) -> Record | None:
        """The passage of an id, if there is one."""
        return self.held.passage(passage_id)

    def passages(self, ids: Iterable[str], *, lines: bool = False) -> dict[str, Record]:
        """The passages of several ids, those that there are.

        Args:
            ids: of them.
            lines: whether `regions` will be asked for; here it is ready for all.
        """
        found = ((key, self.held.passage(key)) for key in ids)
        return {key: row for key, row in found if row is not None}

    def around(self, passage: Record) -> Around:
        """What stands about a passage in its volume."""
        return self.held.around(passage)

    def regions(self, passage: Record) -> list[Region]:
        """What of its pages' images a passage stands on, as far as that is known."""
        places = self._places.get(passage.get("dataset"))
        return [] if places is None else regions(passage, places.of(passage))

    def query_id(self, query: str) -> str:
        """The id of a query: that of a test query of this text, or the text's own."""
        return self._id_of_query.get(text_key(query)) or content_id(query)

    def samples(self) -> list[str]:
        """A few test queries to begin with, the same each time."""
        return samples_of(self._queries)

    def _ranks(
        self, system: str, query: str, filters: Filters = ANY
    ) -> dict[str, tuple[int, float]]:
        """The rank from 1 and the score of each passage found, best first; kept."""
        volumes = () if filters.volume is None else self.within(filters.volume)
        rows = self.held.rows(filters, volumes)
        if rows is not None and not len(rows):
            return {}
        found = self._rank[system](query, rows, DEPTH)
        passages = self.held.passages
        return {
            passages[row]["id"]: (rank, score)
            for rank, (row, score) in enumerate(
                zip(found.rows.tolist(), found.scores.tolist(), strict=True), start=1
            )
        }
