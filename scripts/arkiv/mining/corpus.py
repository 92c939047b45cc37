"""The corpus that was searched, as filters look at it: passages beside a query."""

from __future__ import annotations

from collections.abc import Mapping, Set
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np

from arkiv.base.errors import InputError
from arkiv.base.files import Record
from arkiv.base.hashing import text_key
from arkiv.mining.embeddings import CorpusEmbeddings
from arkiv.mining.nearest import exact_scores
from arkiv.pairs.passages import Passages
from arkiv.text.shingles import Shingles, shingles


@dataclass(frozen=True)
class Query:
    """A query with what is known of its positives.

    Attributes:
        pair: that it is of, with ids.
        embedding: (dim,) float64.
        key: of its text.
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
        passages: of the corpus.
        rows: (n,) int64 of these.
        scores: (n,) float64, as the search gives them: of float32.
        taken: keys of the negatives that the query has already.
        before: keys of what another miner ranks before the window.
    """

    passages: Passages
    rows: np.ndarray
    scores: np.ndarray
    taken: Set[int] = frozenset()
    before: Set[int] = frozenset()

    @property
    def ids(self) -> list[str]:
        return [self.passages.ids[row] for row in self.rows]

    @property
    def keys(self) -> list[int]:
        """Of their texts."""
        return self.passages.keys[self.rows].tolist()

    def at(self, places: np.ndarray) -> Candidates:
        """Some of them."""
        return replace(self, rows=self.rows[places], scores=self.scores[places])


@dataclass
class Corpus:
    """The corpus that was searched.

    Attributes:
        passages: of it, with the groups that filters ask for.
        embeddings: of the passages.
        block_pages: pages per block, for filters that go by provenance.
        folder: where there is room for what does not fit in memory.
    """

    passages: Passages
    embeddings: CorpusEmbeddings
    block_pages: int
    folder: Path

    def __post_init__(self) -> None:
        self.distinct = self.passages.distinct_rows()
        self._distinct_keys = self.passages.keys[self.distinct]

    @cached_property
    def shingles(self) -> Shingles:
        """Of every passage."""
        self.folder.mkdir(parents=True, exist_ok=True)
        rows = range(len(self.passages))
        return Shingles(map(self.passages.text, rows), self.folder)

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

    def query(
        self, pair: Record, embedding: np.ndarray, positives: Mapping[str, int]
    ) -> Query:
        """What filters need to know of a query.

        A positive is looked for in the corpus by its id, else by its text. The
        embedding is (dim,) float16.
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
            positives=positives,
            rows=rows,
            embeddings=embeddings,
            outside=[
                text for text, row in zip(pair["pos"], own, strict=True) if row is None
            ],
            own_similarities=[score_of.get(row) for row in own],
            lowest=min(scores, default=np.nan),
        )

    def given(self, query: Query) -> list[int]:
        """The rows of a pair's own negatives, each text once.

        Raises:
            InputError: the corpus lacks one.
        """
        rows: dict[int, int] = {}
        pair = query.pair
        texts = zip(pair.get("neg_ids", ()), pair.get("neg", ()), strict=True)
        for name, text in texts:
            if (row := self._row(name, key := text_key(text))) is None:
                raise InputError(
                    f"holds {name}, which is not in the corpus, so it cannot be kept",
                    key="neg_ids",
                )
            rows.setdefault(key, row)
        return list(rows.values())

    def _row(self, name: str, key: int) -> int | None:
        row = self.passages.rows.get(name)
        if row is None:
            place = int(np.searchsorted(self._distinct_keys, np.uint64(key)))
            if place < len(self.distinct) and self._distinct_keys[place] == key:
                row = int(self.distinct[place])
        return row


def _lengths(vectors: np.ndarray) -> np.ndarray:
    return np.sqrt(np.einsum("ij,ij->i", vectors, vectors))
