"""What the search page searches where the run has an index: its table, on disk.

No text and no vector is held, so that memory does not grow with the corpus: the table
finds passages, and those that are shown are read from it.
"""

from __future__ import annotations

import contextlib
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from arkiv.base.files import Record
from arkiv.base.hashing import content_id, digest_of_files, text_key
from arkiv.encode.description import Description
from arkiv.encode.encoder import Encoder
from arkiv.encode.m3 import M3
from arkiv.index.asking import rows_of
from arkiv.index.filters import Filters as Condition
from arkiv.index.reading import Query, Table
from arkiv.retrieve.collection import read_ordered
from arkiv.retrieve.systems.system import Column
from arkiv.serve.filters import ANY, UNITS, Facets, Filters
from arkiv.serve.held import Around, around, reading_order
from arkiv.serve.index import DEPTH, RANKINGS_KEPT, VOLUMES_KEPT, samples_of
from arkiv.serve.pictures import Region, regions
from arkiv.serve.volumes import named, suggestions
from arkiv.serve.waiting import Together
from arkiv.settings.layout import model_under_test, run_folder

if TYPE_CHECKING:
    from arkiv.encode.options import Options
    from arkiv.index.reading import Hit, Mode

# Passages that are kept once they were shown, encoded queries, and volumes of which the
# order of their passages is kept.
PASSAGES_KEPT, QUERIES_KEPT, ORDERS_KEPT = 2000, 512, 8
# What tells where a passage stands in its volume.
ORDER = ("id", "first_page", "last_page", "first_line", "first_label")
# What facets are made of.
NAMES = ("dataset", "volume", "type")
YEARS = ("year", "year_to")
# Of a row what no page shows; and lines, of which it may have a hundred, for regions.
NOT_SHOWN, LINES = ("about", "image_link", "manifest", "fingerprint"), "lines"
# Of any of which it is known.
KNOWN = ("confidence", "first_page", "first_label", "group")

# Searches that are kept for another mode to take.
SEARCHES_KEPT = 128
FULL_TEXT = "full_text"


def unfit(about: Record, config: Mapping[str, Any]) -> str | None:
    """Why an index is not one of the run as it is now; None: it is.

    Args:
        about: what is said of the index.
        config: of the run.
    """
    model = about["model"]
    path = Path(model_under_test(config, model["name"]))
    if not path.is_dir():
        return f"is of the model {path}, which is missing"
    if digest_of_files(path) != model["hash"]:
        return f"was made by another model than {path} is now; `snakemake index` is due"
    return None


class SharedTable(Table):
    """A table of which a search by several modes looks for the same once.

    Hybrid search begins with what dense search and full text find.
    """

    def __init__(self, folder: str | Path) -> None:
        super().__init__(folder)
        self._found: OrderedDict[tuple, list[Hit]] = OrderedDict()

    def _dense(self, query: Query, condition: str | None, depth: int) -> list[Hit]:
        return self._once(super()._dense, query, condition, depth)

    def _full_text(self, query: Query, condition: str | None, depth: int) -> list[Hit]:
        return self._once(super()._full_text, query, condition, depth)

    def _once(self, search: Callable, query: Query, *asked: Any) -> list[Hit]:
        key = (search.__name__, query.text, *asked)
        found = self._found.get(key)
        if found is None:
            # Of two threads that ask the same at once both look.
            found = self._found[key] = search(query, *asked)
            while len(self._found) > SEARCHES_KEPT:
                with contextlib.suppress(KeyError):
                    self._found.popitem(last=False)
        return found


class Queries:
    """Queries as the model of an index encodes them.

    Args:
        path: of the model.
        about: what is said of it in the index.
        options: how it runs.
        multi: whether a vector for each token is asked for.

    Raises:
        InputError: the model is damaged.
    """

    def __init__(
        self, path: str | Path, about: Record, options: Options, *, multi: bool
    ) -> None:
        names = ("pooling", "query_prompt", "passage_prompt")
        description = Description(*(about[name] for name in names))
        self.kind = M3(path, options, description)
        self._length = about["query_max_length"]
        self._asked = dict.fromkeys(self.kind.gives, True) | {"multi_vector": multi}
        self._encoder = Encoder(self.kind, longest=self._length)
        # Those that wait for the model it reads together, which takes less time.
        self.encoded = lru_cache(QUERIES_KEPT)(Together(self._encode))
        self._encode([""])  # so that the model is loaded

    def _encode(self, texts: Sequence[str]) -> list[Query]:
        found = self._encoder.encode(
            texts, "query", max_length=self._length, quietly=True, **self._asked
        )
        # Of half precision, as the passages are.
        dense = found.dense.astype(np.float16)
        sparse = [None] * len(texts) if found.sparse is None else rows_of(found.sparse)
        multi = found.multi_vector or [None] * len(texts)
        return [Query(*one) for one in zip(texts, dense, sparse, multi, strict=True)]


class Passages:
    """Passages of a table by their ids, those last asked for kept."""

    def __init__(self, table: Table) -> None:
        self._table = table
        self._columns = [
            name for name in table.shown if name not in (*NOT_SHOWN, LINES)
        ]
        self._kept: OrderedDict[str, Record] = OrderedDict()
        self._lock = threading.Lock()

    def __contains__(self, passage_id: object) -> bool:
        return bool(self.of([str(passage_id)]))

    def of(self, ids: Iterable[str], *, lines: bool = False) -> dict[str, Record]:
        """The passages of these ids, those that there are, with their lines or not."""
        ids = list(ids)
        wanted = {LINES} if lines else set()
        with self._lock:
            kept = ((key, self._kept[key]) for key in ids if key in self._kept)
            found = {key: row for key, row in kept if wanted <= row.keys()}
        missing = [key for key in ids if key not in found]
        rows = self._table.rows(missing, [*self._columns, *wanted])
        found |= {row["id"]: record(row) for row in rows}
        with self._lock:
            for key, row in found.items():
                self._kept[key] = row
                self._kept.move_to_end(key)
            while len(self._kept) > PASSAGES_KEPT:
                self._kept.popitem(last=False)
        return {key: found[key] for key in ids if key in found}


def record(row: Record) -> Record:
    """A row of the table as the collection has passages."""
    images = row["images"] or [None]
    return row | {"first_image": images[0], "last_image": images[-1]}


class Indexed:
    """All that the index of a run can be asked; as `arkiv.serve.index.Index`.

    Args:
        config: of the run.
        table: its index.
        options: how the model runs.

    Raises:
        InputError: a file is damaged, or the model is missing.
    """

    def __init__(
        self, config: Mapping[str, Any], table: Table, options: Options
    ) -> None:
        folder = Path(run_folder(config))
        self.name = config["run"]
        self._table, self._count = table, len(table)
        queries = read_ordered(folder / "collection/queries.jsonl", queries=True)
        self._queries = [query["query"] for query in queries]
        self._id_of_query = {text_key(query["query"]): query["id"] for query in queries}
        self.facets, self.volumes = facets_of(table)
        self.within = lru_cache(VOLUMES_KEPT)(partial(named, self.volumes))
        self.suggested = lru_cache(VOLUMES_KEPT)(partial(suggestions, self.volumes))
        self.ids = Passages(table)
        about = table.about["model"]
        name = about["name"]
        path = model_under_test(config, name)
        self._asked = Queries(path, about, options, multi=table.has_multi)
        self._modes = modes_of(name, sparse="sparse" in self._asked.kind.gives)
        self.systems = {column.name: column for column in columns_of(name, self._modes)}
        # Those that need no other.
        self.first_systems = [name for name in self.systems if "sparse" not in name]
        self.ranks = lru_cache(RANKINGS_KEPT)(self._ranks)
        self._ordered = lru_cache(ORDERS_KEPT)(self._order)

    def __len__(self) -> int:
        return self._count

    def passage(self, passage_id: str) -> Record | None:
        """The passage of an id, if there is one."""
        return self.ids.of([passage_id]).get(passage_id)

    def passages(self, ids: Iterable[str], *, lines: bool = False) -> dict[str, Record]:
        """The passages of several ids, those that there are; as `Index.passages`."""
        return self.ids.of(ids, lines=lines)

    def around(self, passage: Record) -> Around:
        """What stands about a passage in its volume."""
        if passage["volume"] is None:
            return Around(None, None, [passage])
        volume = self._ordered(passage["dataset"], passage["volume"])
        place = next(n for n, row in enumerate(volume) if row["id"] == passage["id"])
        found = around(volume, place)
        ends = (found.previous, found.next)
        wanted = [row["id"] for row in (*ends, *found.page) if row is not None]
        rows = self.passages(wanted)
        previous, following = (row and rows[row["id"]] for row in ends)
        return Around(previous, following, [rows[row["id"]] for row in found.page])

    def _order(self, dataset: str | None, volume: str) -> list[Record]:
        """Where the passages of a volume stand, in order."""
        condition = Condition(dataset, (volume,)).condition()
        found = self._table.dataset.to_table(columns=list(ORDER), filter=condition)
        return sorted(found.to_pylist(), key=reading_order)

    def regions(self, passage: Record) -> list[Region]:
        """What of its pages' images a passage stands on, as far as that is known."""
        if LINES not in passage:
            passage = self.ids.of([passage["id"]], lines=True)[passage["id"]]
        return regions(passage, passage[LINES] or ())

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
        volumes = () if filters.volume is None else tuple(self.within(filters.volume))
        condition = Condition(
            filters.dataset,
            volumes,
            filters.years,
            () if filters.type is None else (filters.type,),
            filters.confidence,
        )
        asked = self._asked.encoded(query)
        hits = self._table.search(self._modes[system], asked, condition, DEPTH)
        return {hit.id: (rank, hit.score) for rank, hit in enumerate(hits, start=1)}


def columns_of(model: str, modes: Mapping[str, Mode]) -> list[Column]:
    """How the page shows the searches of an index."""
    named_model = model.replace("_", " ")
    group = f"{named_model.capitalize()} model"
    return [
        Column(name, "Full text", "full text", "full text")
        if mode == FULL_TEXT
        else Column(name, group, f"{named_model} {mode}", mode, mode == "sparse")
        for name, mode in modes.items()
    ]


def modes_of(model: str, *, sparse: bool) -> dict[str, Mode]:
    """The searches of an index by the names of their systems.

    Args:
        model: of the run, which made it.
        sparse: whether it gives token weights.
    """
    kinds: list[Mode] = ["dense", *(["sparse"] if sparse else []), "hybrid"]
    return {FULL_TEXT: FULL_TEXT} | {f"{model}_{kind}": kind for kind in kinds}


def facets_of(table: Table) -> tuple[Facets, list[str]]:
    """What the passages of a table can be told apart by, and their volumes."""
    import pyarrow.compute as pc

    found: dict[str, set] = {key: set() for key in (*NAMES, *YEARS, *KNOWN)}
    for batch in table.scan(list(found)):
        for key in NAMES:
            found[key].update(pc.unique(batch[key]).drop_null().to_pylist())
        for key in YEARS:
            ends = pc.min_max(batch[key]).as_py().values()
            found[key].update(end for end in ends if end is not None)
        for key in KNOWN:
            if batch[key].null_count < len(batch):
                found[key].add(True)
    years = found["year"] | found["year_to"]
    known = {
        "page": found["volume"] and found["first_page"] | found["first_label"],
        "volume": found["volume"],
        "case": found["group"],
    }
    facets = Facets(
        sorted(found["dataset"]),
        sorted(found["type"]),
        (min(years), max(years)) if years else None,
        bool(found["confidence"]),
        [unit for unit in UNITS if known[unit]],
    )
    return facets, sorted(found["volume"])
