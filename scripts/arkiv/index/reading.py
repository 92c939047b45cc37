"""An index as it is read: rows and searches at one version of its table.

Searches come best first, ties by id; scores are computed anew from what the rows hold,
so they do not depend on how Lance found them:

- dense: the cosine, as in the run's own searches; exact but where the table has an
  index of vectors;
- sparse: the product of token weights, exact;
- full_text: Lance's BM25 of stemmed words;
- hybrid: the weighted mean of dense and sparse scores (and of late interaction, where
  the table has a vector for each token) of what the other three find first, by the
  weights that the run measured.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from arkiv.base.errors import InputError
from arkiv.base.files import Record
from arkiv.base.hashing import nfc
from arkiv.index.by_row import ByRow
from arkiv.index.by_token import ByToken
from arkiv.index.filters import Filters
from arkiv.index.parts import readable
from arkiv.index.schema import (
    ABOUT_KEY,
    BY_ROW,
    BY_TOKEN,
    DENSE,
    LAYOUT,
    MULTI,
    PROBED,
    READY,
    TABLE,
    TOKENS,
    WEIGHTS,
)
from arkiv.index.scores import Hit
from arkiv.retrieve.compressed import int8_codes
from arkiv.retrieve.late import late_interaction
from arkiv.retrieve.rankings import best, unit

if TYPE_CHECKING:
    import pyarrow as pa

Mode = Literal["dense", "sparse", "full_text", "hybrid"]
MODES: tuple[Mode, ...] = ("dense", "sparse", "full_text", "hybrid")
# What each search gives hybrid to choose from, at least.
CANDIDATES = 100
# Beyond what is asked for Lance finds so many, of which ties and roundings choose.
SPARE = 50
# Of an index of vectors: its parts that are looked into where the table does not say,
# and vectors compared anew for each that is asked for.
PROBES, COMPARED = 32, 2
# Vectors that are compared at a time where Lance has no search of them.
BATCH = 8192
# What a row is without vectors.
SHOWN_WITHOUT = (DENSE, TOKENS, WEIGHTS, MULTI)
ANY = Filters()


@dataclass(frozen=True)
class Query:
    """What is searched for, as far as the mode takes it.

    Attributes:
        text: for full text.
        dense: (d,) of any float type.
        sparse: tokens and their weights.
        multi: (tokens, d) a vector for each token.
    """

    text: str = ""
    dense: np.ndarray | None = None
    sparse: tuple[np.ndarray, np.ndarray] | None = None
    multi: np.ndarray | None = None


class Table:
    """The table of an index at the version that was ready when this was made.

    Args:
        folder: of the index, `results/{run}/index`.
        dataset: a version of it that is not ready yet.
        about: what is said of that.

    Raises:
        InputError: there is none to be read, or pylance is not installed.
    """

    def __init__(
        self, folder: str | Path, dataset: Any = None, about: Record | None = None
    ) -> None:
        self.folder = Path(folder)
        self.dataset = opened(self.folder) if dataset is None else dataset
        self.about: Record = about or json.loads(
            self.dataset.config().get(ABOUT_KEY, "{}")
        )
        self.columns: list[str] = self.dataset.schema.names
        self.has_multi = MULTI in self.columns
        dense = self.dataset.schema.field(DENSE).type
        self.dimensions: int = dense.list_size
        self.is_int8 = str(dense.value_type) == "int8"
        self._by_token: ByToken | None = None
        # Of a version it does not change, and Lance reads it from the disk.
        self.approximate = any(
            DENSE in one.field_names for one in self.dataset.describe_indices()
        )

    @cached_property
    def _by_row(self) -> ByRow:
        return ByRow(self.folder / self.about[BY_ROW])

    @property
    def version(self) -> int:
        """Of the table."""
        return self.dataset.version

    def __len__(self) -> int:
        return self.dataset.count_rows()

    def rows(self, ids: Iterable[str], columns: Sequence[str] = ()) -> list[Record]:
        """The rows of these ids, those that there are, in their order.

        Args:
            ids: of passages.
            columns: of each, beside the id; none given: all but vectors and weights.
        """
        wanted = [name for name in columns or self.shown if name != "id"]
        places = self._by_row.places_of(list(dict.fromkeys(ids)))
        found = (
            self._taken(places, wanted).to_pylist() if wanted else [{}] * len(places)
        )
        names = self._by_row.ids(places)
        return [{"id": one, **row} for one, row in zip(names, found, strict=True)]

    @property
    def shown(self) -> list[str]:
        """The columns but vectors and weights."""
        return [name for name in self.columns if name not in SHOWN_WITHOUT]

    def scan(
        self, columns: Sequence[str] | None = None, batch: int = 4096
    ) -> Iterator[pa.RecordBatch]:
        """All rows, so many at a time, some columns or all; in the table's order."""
        return iter(
            self.dataset.scanner(
                columns=None if columns is None else list(columns),
                batch_size=batch,
                scan_in_order=True,
                # What is read ahead is in memory too.
                batch_readahead=2,
                fragment_readahead=1,
            ).to_batches()
        )

    def search(
        self, mode: Mode, query: Query, filters: Filters = ANY, depth: int = 10
    ) -> list[Hit]:
        """The best passages for a query, best first, ties by id.

        Raises:
            InputError: the query has not what the mode takes, or there is no such mode.
        """
        if mode not in MODES:
            raise InputError(f"is {mode}, expected {', '.join(MODES)}", key="mode")
        condition = filters.condition()
        searches = {
            "dense": self._dense,
            "sparse": self._sparse,
            "full_text": self._full_text,
            "hybrid": self._hybrid,
        }
        return searches[mode](query, condition, depth)

    def _dense(self, query: Query, condition: str | None, depth: int) -> list[Hit]:
        if query.dense is None:
            raise InputError("has no vector of the query, which dense takes")
        if self.is_int8:
            return self._dense_one_by_one(query.dense, condition, depth)
        vector = np.asarray(query.dense, np.float16)
        nearest: dict[str, Any] = {
            "column": DENSE,
            "q": vector,
            "k": depth + SPARE,
            "metric": "cosine",
            "use_index": self.approximate,
        }
        if self.approximate:
            nearest["nprobes"] = self.about.get(PROBED, PROBES)
            nearest["k"] = max(nearest["k"], COMPARED * depth)
        found = self.dataset.scanner(
            columns=["_rowid"],
            nearest=nearest,
            filter=condition,
            prefilter=True,
            disable_scoring_autoprojection=True,
        ).to_table()
        places = self._by_row.places(found["_rowid"].to_numpy())
        return self._hits(places, self._cosines(places, query.dense), depth)

    def _dense_one_by_one(
        self, vector: np.ndarray, condition: str | None, depth: int
    ) -> list[Hit]:
        """The best by all vectors, some at a time: of int8 ones Lance has no search."""
        among = self._among(condition)
        places = np.arange(len(self._by_row)) if among is None else among
        if not len(places) or not depth:
            return []
        blocks = np.array_split(places, np.arange(BATCH, len(places), BATCH))
        scores = np.concatenate([self._cosines(block, vector) for block in blocks])
        last = max(0, len(scores) - depth)
        best_ones = scores >= np.partition(scores, last)[last]
        return self._hits(places[best_ones], scores[best_ones], depth)

    def _cosines(self, places: np.ndarray, vector: np.ndarray) -> np.ndarray:
        return (
            unit(self._by_row.dense(places))
            @ unit(_asked(vector, self.is_int8)[None]).ravel()
        )

    def _hits(self, places: np.ndarray, scores: np.ndarray, depth: int) -> list[Hit]:
        """The best of some rows by their scores, ties by id."""
        best_first = np.lexsort((self._by_row.names(places), -scores))[:depth]
        places, scores = places[best_first], scores[best_first]
        ids = self._by_row.ids(places)
        found = zip(ids, scores.tolist(), places.tolist(), strict=True)
        return [Hit(*one) for one in found]

    def _among(self, condition: str | None) -> np.ndarray | None:
        """The places of the rows that a condition is true of, ascending; None: all."""
        if condition is None:
            return None
        found = self.dataset.to_table(columns=["_rowid"], filter=condition)
        return self._by_row.places(np.sort(found["_rowid"].to_numpy()))

    def _sparse(self, query: Query, condition: str | None, depth: int) -> list[Hit]:
        by_token = self._weights_by_token()
        if query.sparse is None:
            raise InputError("has no token weights of the query, which sparse takes")
        return self._by_tokens(by_token.scores(*query.sparse), condition, depth)

    def _by_tokens(
        self, scores: np.ndarray, condition: str | None, depth: int
    ) -> list[Hit]:
        # All that tie with the last come too, and ids decide.
        rows = self._among(condition)
        ranking = best(scores, depth + SPARE, matching=True, rows=rows)
        return self._hits(ranking.rows, ranking.scores, depth)

    def _weights_by_token(self) -> ByToken:
        if self._by_token is None:
            name = self.about.get(BY_TOKEN)
            if name is None:
                raise InputError(
                    "has no token weights, for the model gives none; search by dense "
                    "or full_text",
                    file=self.folder,
                )
            self._by_token = ByToken(self.folder / name, len(self._by_row))
        return self._by_token

    def _full_text(self, query: Query, condition: str | None, depth: int) -> list[Hit]:
        from lance.query import MatchQuery

        text = nfc(query.text)
        if not text.strip():
            return []
        found = self.dataset.scanner(
            columns=["_score", "_rowid"],
            full_text_query=MatchQuery(text, "text"),
            filter=condition,
            prefilter=True,
            limit=depth + SPARE,
            disable_scoring_autoprojection=True,
        ).to_table()
        places = self._by_row.places(found["_rowid"].to_numpy())
        return self._hits(places, found["_score"].to_numpy(), depth)

    def _hybrid(self, query: Query, condition: str | None, depth: int) -> list[Hit]:
        each = max(depth, CANDIDATES)
        near = self._dense(query, condition, each)
        hits = [*near, *self._full_text(query, condition, each)]
        scores = {}
        if query.sparse is not None:
            of_all = self._weights_by_token().scores(*query.sparse)
            hits += self._by_tokens(of_all, condition, each)
        if not hits:
            return []
        places = np.unique([hit.place for hit in hits])
        scores["dense"] = self._cosines_of(places, near, query.dense)
        if query.sparse is not None:
            scores["sparse"] = of_all[places]
        if self.has_multi and query.multi is not None:
            scores["multi_vector"] = self._late(places, query.multi)
        weights = self.about.get("weights") or {"dense": 1.0, "sparse": 0.3}
        total = sum(weights.get(name, 0.0) for name in scores) or 1.0
        mixed = sum(
            np.float32(weights.get(name, 0.0) / total) * of
            for name, of in scores.items()
        )
        return self._hits(places, mixed, depth)

    def _cosines_of(
        self, places: np.ndarray, near: Sequence[Hit], vector: np.ndarray
    ) -> np.ndarray:
        """(n,) float32 of rows, some of which dense search has found already."""
        known = {hit.place: hit.score for hit in near}
        scores = (known.get(one, np.nan) for one in places.tolist())
        found = np.fromiter(scores, np.float32, len(places))
        others = np.isnan(found)
        if others.any():
            found[others] = self._cosines(places[others], vector)
        return found

    def _late(self, places: np.ndarray, asked: np.ndarray) -> np.ndarray:
        """(n,) float32: late interaction of a query's token vectors with rows."""
        found = np.zeros(len(places), np.float32)
        for number, vectors in enumerate(self._taken(places, [MULTI])[MULTI]):
            tokens = np.asarray(vectors.values.flatten(), np.float32)
            passage = tokens.reshape(-1, self.dimensions)
            (found[number],) = late_interaction(asked, np.array([len(asked)]), passage)
        return found

    def _taken(self, places: np.ndarray, columns: list[str]) -> pa.Table:
        """Rows by their places, in this order."""
        addresses = self._by_row.addresses[places].tolist()
        return self.dataset._take_rows(addresses, columns=columns)


def opened(folder: Path) -> Any:
    """The Lance dataset of an index at its ready version.

    Raises:
        InputError: there is none, or of a layout that is not read here, or pylance is
            not installed.
    """
    try:
        import lance
    except ImportError:
        reason = "cannot be read without pylance; `pip install pylance` brings it"
        raise InputError(reason, file=folder) from None
    path = folder / TABLE
    try:
        dataset = lance.dataset(str(path))
        ready = READY in dataset.tags.list()
    except (OSError, ValueError):
        reason = f"has no table {TABLE}; `snakemake index` makes it"
        raise InputError(reason, file=folder) from None
    if not ready:
        reason = "has no version that is ready; `snakemake index` goes on with it"
        raise InputError(reason, file=path)
    with readable(folder):
        dataset = dataset.checkout_version(READY)
        layout = json.loads(dataset.config().get(ABOUT_KEY, "{}")).get("layout")
    if layout != LAYOUT:
        reason = (
            f"is of layout {layout}, expected {LAYOUT}; `snakemake index` renews it"
        )
        raise InputError(reason, file=path)
    return dataset


def _asked(vector: np.ndarray, as_int8: bool) -> np.ndarray:
    """A query's vector in the type that the table has."""
    if as_int8:
        return int8_codes(np.asarray(vector)[None])[0]
    return np.asarray(vector, np.float16)
