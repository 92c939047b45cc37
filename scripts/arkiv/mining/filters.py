"""What makes a passage unfit as a negative: it may well answer the query.

Each filter is a rule of its own, off unless its limit is given. Scores are inner
products of the embeddings, whichever miner found the passage. The limits on them, and
what they are called, are those of sentence-transformers' `mine_hard_negatives`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np

from arkiv.base.errors import InputError
from arkiv.base.files import Record
from arkiv.mining.embeddings import CorpusEmbeddings
from arkiv.mining.nearest import exact_scores
from arkiv.pairs.division import groups_of
from arkiv.pairs.passages import Passages, text_key
from arkiv.text.shingles import Shingles, shingles

Block = Literal["allow", "pages", "volume"]
FILTERS = (
    "same_block",
    "near_duplicate",
    "near_vector",
    "relative_margin",
    "absolute_margin",
    "max_score",
    "min_score",
)


@dataclass(frozen=True)
class Limits:
    """Beyond what a candidate is dropped; None: never.

    Attributes:
        relative_margin: of the positive's score p, a candidate may reach
            p - relative_margin * |p| (0.05: 95 % of it, where p > 0).
        absolute_margin: a candidate may reach p - absolute_margin.
        max_score: highest score of a candidate.
        min_score: lowest score of a candidate.
        duplicate_jaccard: a passage whose word shingles overlap as much or more with a
            positive's is a near-duplicate of it.
        duplicate_cosine: likewise by the cosine of the embeddings.
        same_block: passages of a positive's `volume`, or of a block of pages that a
            positive touches, are dropped; passages without provenance go by their
            `group`.
        block_pages: pages per block.
    """

    relative_margin: float | None = None
    absolute_margin: float | None = None
    max_score: float | None = None
    min_score: float | None = None
    duplicate_jaccard: float | None = None
    duplicate_cosine: float | None = None
    same_block: Block = "allow"
    block_pages: int = 20

    def needs_vectors(self) -> str | None:
        """The first limit that is measured from the positives' own vectors."""
        named = ("relative_margin", "absolute_margin", "duplicate_cosine")
        return next((key for key in named if getattr(self, key) is not None), None)

    def groups(self, record: Mapping) -> list:
        """The groups that a passage or pair lies in, for `same_block`."""
        if self.same_block == "allow":
            return []
        # The last resort of `groups_of`, the passage by itself, is no group here: two
        # passages without provenance have nothing in common.
        name = record["id"]
        groups = groups_of(record, name, self.same_block, self.block_pages)
        return [group for group in groups if group != ("passage", name)]


@dataclass(frozen=True)
class Asked:
    """A query with what is known of its positives.

    Attributes:
        query: (dim,) float64.
        query_key: of its text.
        own: ids of the pair's own positives.
        ids: ids of the positives of every pair with the same query text.
        keys: text keys of the same.
        own_similarities: float32 score of each of the pair's positives; None for one
            that is not in the corpus.
        lowest: score of the positive that scores lowest, NaN if none is in the corpus.
        vectors: (n_positives, dim) float64, of those in the corpus.
        shingles: of each positive, if they are asked for.
        groups: that positives lie in, likewise.
    """

    query: np.ndarray
    query_key: int
    own: frozenset[str]
    ids: frozenset[str]
    keys: frozenset[int]
    own_similarities: list[float | None]
    lowest: float
    vectors: np.ndarray
    shingles: list[np.ndarray]
    groups: frozenset


class Filters:
    """The rules that are on, over one corpus.

    Args:
        limits: of all rules.
        passages: the corpus, read with `limits.groups` if `same_block` is on.
        embeddings: of its passages.
        shingles: of its passages; needed with `duplicate_jaccard` alone.
    """

    def __init__(
        self,
        limits: Limits,
        passages: Passages,
        embeddings: CorpusEmbeddings,
        shingles: Shingles | None = None,
    ) -> None:
        self.limits, self._embeddings = limits, embeddings
        self._passages, self._shingles = passages, shingles
        self._distinct = passages.distinct_rows()
        self._distinct_keys = passages.keys[self._distinct]
        on = {
            "same_block": limits.same_block != "allow",
            "near_duplicate": limits.duplicate_jaccard is not None,
            "near_vector": limits.duplicate_cosine is not None,
            "relative_margin": limits.relative_margin is not None,
            "absolute_margin": limits.absolute_margin is not None,
            "max_score": limits.max_score is not None,
            "min_score": limits.min_score is not None,
        }
        self._checks: dict[str, Callable] = {
            rule: getattr(self, f"_{rule}") for rule in FILTERS if on[rule]
        }

    def similarities(self, query: np.ndarray, rows: np.ndarray) -> np.ndarray:
        """(n,) float32: scores of rows of the corpus, as the search gives them."""
        return exact_scores(self._embeddings.take(rows) @ query)

    def asked(
        self, pair: Record, query: np.ndarray, positives: Mapping[str, int]
    ) -> Asked:
        """What the rules need to know of a query.

        A positive is looked for in the corpus by its id, else by its text. With several
        positives a margin is measured from the one that scores lowest: that drops most
        candidates, and what passes is below all of them.

        Args:
            pair: with ids.
            query: (dim,) float16, its embedding.
            positives: text keys, by id, of the positives of all pairs with this query.

        Raises:
            InputError: a positive that is not in the corpus, so has no embedding here,
                while a limit is measured from it.
        """
        query = query.astype(np.float64)
        own = [
            self._row(name, text_key(text))
            for name, text in zip(pair["pos_ids"], pair["pos"], strict=True)
        ]
        limit = self.limits.needs_vectors()
        for name, row in zip(pair["pos_ids"], own, strict=True):
            if limit and row is None:
                raise InputError(
                    f"holds {name}, which is not in the corpus, so `{limit}` cannot be "
                    "measured from it",
                    key="pos_ids",
                )
        rows = {self._row(name, key) for name, key in positives.items()}
        found = np.array(sorted({*own, *rows} - {None}), np.int64)
        vectors = self._embeddings.take(found)
        scores = exact_scores(vectors @ query).tolist()
        score_of = dict(zip(found.tolist(), scores, strict=True))
        wordings = []
        if self._shingles is not None:
            wordings = [self._shingles.of(row) for row in found]
            outside = zip(own, pair["pos"], strict=True)
            wordings += [shingles(text) for row, text in outside if row is None]
        groups = set(self.limits.groups(pair))
        groups.update(*(self._passages.groups[row] for row in found))
        return Asked(
            query=query,
            query_key=text_key(pair["query"]),
            own=frozenset(pair["pos_ids"]),
            ids=frozenset(positives),
            keys=frozenset(positives.values()),
            own_similarities=[score_of.get(row) for row in own],
            lowest=min(scores, default=np.nan),
            vectors=vectors,
            shingles=wordings,
            groups=frozenset(groups),
        )

    def _row(self, name: str, key: int) -> int | None:
        row = self._passages.rows.get(name)
        if row is None:
            place = int(np.searchsorted(self._distinct_keys, np.uint64(key)))
            if place < len(self._distinct) and self._distinct_keys[place] == key:
                row = int(self._distinct[place])
        return row

    def rules(
        self,
        asked: Asked,
        rows: np.ndarray,
        scores: np.ndarray,
        *,
        easy: bool = False,
    ) -> list[str | None]:
        """For each candidate the first rule that drops it, or None.

        Args:
            asked: the query.
            rows: (n,) int64 of the corpus.
            scores: (n,) float32 of the same.
            easy: candidates may be too easy: `min_score` does not count.
        """
        verdicts: list[str | None] = [None] * len(rows)
        left = np.arange(len(rows))
        for rule, check in self._checks.items():
            if easy and rule == "min_score":
                continue
            unfit = check(asked, rows[left], scores[left])
            for place in left[unfit]:
                verdicts[place] = rule
            left = left[~unfit]
        return verdicts

    def _same_block(self, asked: Asked, rows: np.ndarray, _: np.ndarray) -> np.ndarray:
        groups = self._passages.groups
        shared = (not asked.groups.isdisjoint(groups[row]) for row in rows)
        return np.fromiter(shared, bool, len(rows))

    def _near_duplicate(
        self, asked: Asked, rows: np.ndarray, _: np.ndarray
    ) -> np.ndarray:
        unfit = np.zeros(len(rows), bool)
        for of in asked.shingles:
            unfit |= self._shingles.overlaps(of, rows) >= self.limits.duplicate_jaccard
        return unfit

    def _near_vector(self, asked: Asked, rows: np.ndarray, _: np.ndarray) -> np.ndarray:
        vectors = self._embeddings.take(rows)
        # Rounding to float16 took from the lengths.
        lengths = np.outer(_lengths(vectors), _lengths(asked.vectors))
        cosines = exact_scores(vectors @ asked.vectors.T / lengths)
        return (cosines >= np.float32(self.limits.duplicate_cosine)).any(axis=1)

    def _relative_margin(
        self, asked: Asked, _: np.ndarray, scores: np.ndarray
    ) -> np.ndarray:
        # |p|, for with p < 0 a factor would move the limit up.
        margin = self.limits.relative_margin * abs(asked.lowest)
        return scores.astype(np.float64) > asked.lowest - margin

    def _absolute_margin(
        self, asked: Asked, _: np.ndarray, scores: np.ndarray
    ) -> np.ndarray:
        return scores.astype(np.float64) > asked.lowest - self.limits.absolute_margin

    def _max_score(self, asked: Asked, _: np.ndarray, scores: np.ndarray) -> np.ndarray:
        return scores.astype(np.float64) > self.limits.max_score

    def _min_score(self, asked: Asked, _: np.ndarray, scores: np.ndarray) -> np.ndarray:
        return scores.astype(np.float64) < self.limits.min_score


def _lengths(vectors: np.ndarray) -> np.ndarray:
    return np.sqrt(np.einsum("ij,ij->i", vectors, vectors))
