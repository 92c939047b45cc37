"""The corpus that was searched, as filters look at it: passages beside a query."""

from __future__ import annotations

from collections.abc import Mapping, Set
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from arkiv.base.files import Record
from arkiv.mining.embeddings import CorpusEmbeddings
from arkiv.mining.nearest import exact_scores
from arkiv.pairs.passages import Passages, text_key
from arkiv.text.shingles import Shingles, shingles


@dataclass(frozen=True)
class Query:
    """A query with what is known of its positives.

    Attributes:
        pair: that it is of, with ids.
        embedding: (dim,) float64.
        key: of its text.
        own: ids of the pair's own positives.
        positives: text keys, by id, of those of every pair with the same query text.
        rows: (n_positives,) int64 of those that are in the corpus.
        embeddings: (n_positives, dim) float64 of the same.
        outside: texts of the pair's own that are not.
        own_similarities: float32 score of each of the pair's positives; None for one
            that is not in the corpus.
        lowest: score of the positive that scores lowest, NaN if none is in the corpus.
            With several positives a margin is measured from this one: that drops most
            candidates, and what passes is below all of them.
    """

    pair: Record
    embedding: np.ndarray
    key: int
    own: frozenset[str]
    positives: Mapping[str, int]
    rows: np.ndarray
    embeddings: np.ndarray
    outside: list[str]
    own_similarities: list[float | None]
    lowest: float


@dataclass(frozen=True)
class Candidates:
    """Passages that may become negatives of a query, looked at together.

    Attributes:
        rows: (n,) int64 of the corpus.
        scores: (n,) float64, as the search gives them: of float32.
        ids: of the same.
        keys: of their texts.
        taken: keys of the negatives that the query has already.
        before: keys of what another miner ranks before the window.
    """

    rows: np.ndarray
    scores: np.ndarray
    ids: list[str]
    keys: list[int]
    taken: Set[int] = frozenset()
    before: Set[int] = frozenset()

    def at(self, places: np.ndarray) -> Candidates:
        """Some of them."""
        return Candidates(
            *(self.rows[places], self.scores[places]),
            [self.ids[place] for place in places],
            [self.keys[place] for place in places],
            *(self.taken, self.before),
        )


class Corpus:
    """The corpus that was searched.

    Args:
        passages: of it, with the groups that filters ask for.
        embeddings: of the passages.
        block_pages: pages per block, for filters that go by provenance.
        folder: where there is room for what does not fit in memory.
    """

    def __init__(
        self,
        passages: Passages,
        embeddings: CorpusEmbeddings,
        block_pages: int,
        folder: Path,
    ) -> None:
        self.passages, self.embeddings = passages, embeddings
        self.block_pages, self._folder = block_pages, folder
        self.distinct = passages.distinct_rows()
        self._distinct_keys = passages.keys[self.distinct]

    @cached_property
    def shingles(self) -> Shingles:
        """Of every passage."""
        self._folder.mkdir(parents=True, exist_ok=True)
        return Shingles(self.passages.texts(), self._folder)

    def similarities(self, query: np.ndarray, rows: np.ndarray) -> np.ndarray:
        """(n,) float32: scores of rows of the corpus, as the search gives them."""
        return exact_scores(self.embeddings.take(rows) @ query)

    def overlaps(self, query: Query, rows: np.ndarray) -> np.ndarray:
        """(n,) float64: by wording, with the most like of the query's positives."""
        wordings = [self.shingles.of(row) for row in query.rows]
        wordings += map(shingles, query.outside)
        return np.max([self.shingles.overlaps(of, rows) for of in wordings], axis=0)

    def cosines(self, query: Query, rows: np.ndarray) -> np.ndarray:
        """(n,) float32: with the nearest of the query's positives."""
        vectors = self.embeddings.take(rows)
        # Rounding to float16 took from the lengths.
        lengths = np.outer(_lengths(vectors), _lengths(query.embeddings))
        return exact_scores(vectors @ query.embeddings.T / lengths).max(axis=1)

    def candidates(
        self,
        rows: np.ndarray,
        scores: np.ndarray,
        taken: Set[int] = frozenset(),
        before: Set[int] = frozenset(),
    ) -> Candidates:
        """Rows of the corpus as candidates, see there."""
        return Candidates(
            *(rows, scores.astype(np.float64)),
            [self.passages.ids[row] for row in rows],
            self.passages.keys[rows].tolist(),
            *(taken, before),
        )

    def query(
        self, pair: Record, embedding: np.ndarray, positives: Mapping[str, int]
    ) -> Query:
        """What filters need to know of a query.

        A positive is looked for in the corpus by its id, else by its text.

        Args:
            pair: with ids.
            embedding: (dim,) float16, of the query.
            positives: text keys, by id, of the positives of all pairs with this query.
        """
        embedding = embedding.astype(np.float64)
        own = [
            self._row(name, text_key(text))
            for name, text in zip(pair["pos_ids"], pair["pos"], strict=True)
        ]
        known = {self._row(name, key) for name, key in positives.items()}
        rows = np.array(sorted({*own, *known} - {None}), np.int64)
        embeddings = self.embeddings.take(rows)
        scores = exact_scores(embeddings @ embedding).tolist()
        score_of = dict(zip(rows.tolist(), scores, strict=True))
        return Query(
            pair=pair,
            embedding=embedding,
            key=text_key(pair["query"]),
            own=frozenset(pair["pos_ids"]),
            positives=positives,
            rows=rows,
            embeddings=embeddings,
            outside=[
                text for text, row in zip(pair["pos"], own, strict=True) if row is None
            ],
            own_similarities=[score_of.get(row) for row in own],
            lowest=min(scores, default=np.nan),
        )

    def _row(self, name: str, key: int) -> int | None:
        row = self.passages.rows.get(name)
        if row is None:
            place = int(np.searchsorted(self._distinct_keys, np.uint64(key)))
            if place < len(self.distinct) and self._distinct_keys[place] == key:
                row = int(self.distinct[place])
        return row


def _lengths(vectors: np.ndarray) -> np.ndarray:
    return np.sqrt(np.einsum("ij,ij->i", vectors, vectors))
