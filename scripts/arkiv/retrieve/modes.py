"""M3's ways of scoring: for files of queries, for one query, for a model in training.

Everything is ranked as in `arkiv.retrieve.rankings`.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from arkiv.base.files import Record
from arkiv.encode.description import Description
from arkiv.encode.encoder import Encoded, Encoder
from arkiv.encode.m3 import M3
from arkiv.retrieve.late import late_interaction, multi_vector_scores
from arkiv.retrieve.rankings import (
    Ranking,
    best,
    read_encodings,
    reranked,
    search_dense,
    search_sparse,
    unit,
)

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

    from arkiv.encode.kind import Side
    from arkiv.retrieve.systems.system import FinishedRun

log = logging.getLogger("arkiv.retrieve")

# Queries of which a model that answers them one by one keeps the encodings: a few KB
# each.
QUERIES_KEPT = 512


def sparse_scores(
    queries: csr_matrix, passages: csr_matrix, candidates: Sequence[np.ndarray]
) -> list[np.ndarray]:
    """Products of token weights of each query with its candidate rows, float32."""
    return [
        (passages[rows] @ queries[[row]].T).toarray().ravel().astype(np.float32)
        for row, rows in enumerate(candidates)
    ]


def combined_scores(
    weights: Sequence[float],
    dense: np.ndarray,
    sparse: np.ndarray,
    multi_vector: np.ndarray,
) -> np.ndarray:
    """The weighted mean of three scores of the same passages, float32."""
    shares = np.array(weights, np.float32) / sum(weights)
    return shares[0] * dense + shares[1] * sparse + shares[2] * multi_vector


def every_score(queries: Encoded, passages: Encoded) -> dict[str, np.ndarray]:
    """(n_queries, n_passages) float32 of each mode but combined, of all pairs.

    Of dense alone, where nothing else was encoded.
    """
    dense = {"dense": queries.dense @ passages.dense.T}
    if queries.multi_vector is None:
        return dense
    tokens = np.concatenate(queries.multi_vector)
    counts = np.array([len(query) for query in queries.multi_vector])
    late = [late_interaction(tokens, counts, one) for one in passages.multi_vector]
    return {
        **dense,
        "sparse": (queries.sparse @ passages.sparse.T).toarray(),
        "multi_vector": np.stack(late, axis=1),
    }


def best_by(
    mode: str, scores: Mapping[str, np.ndarray], weights: Sequence[float], depth: int
) -> list[Ranking]:
    """Each query's best of all passages in a mode, from what `every_score` gives."""
    rows = combined_scores(weights, **scores) if mode == "combined" else scores[mode]
    return [best(row, depth, matching=mode == "sparse") for row in rows]


class M3Index:
    """All passages as one M3 model encoded them, ranked by any mode.

    Args:
        encodings: directory that encode_collection.py wrote.
        passages: records in the order of the encodings.
        late_scores: of the queries with rows of passages each, those to re-rank.
        weights: of dense, sparse and multi-vector scores in mode combined.
        rerank_depth: passages that multi-vector scores re-rank.
        kept: hold vectors in memory as searches want them, for many of single queries.
    """

    def __init__(
        self,
        encodings: str | Path,
        passages: Sequence[Record],
        late_scores: Callable[[Encoded, list[np.ndarray]], list[np.ndarray]],
        *,
        weights: Sequence[float],
        rerank_depth: int,
        kept: bool = False,
    ) -> None:
        self._encodings = encodings
        self._texts = [passage["text"] for passage in passages]
        self._late_scores = late_scores
        self._weights, self._rerank_depth = weights, rerank_depth
        self._kept = kept
        self._loaded: dict[str, Any] = {}

    def load(self, mode: str, kinds: Sequence[str]) -> None:
        """Read the kinds of encoding that a mode takes.

        Raises:
            InputError: one is missing, damaged or of other texts.
        """
        count = len(self._texts)
        for kind in kinds:
            if kind not in self._loaded:
                found = read_encodings(self._encodings, "corpus", kind, count)
                ready = unit(found) if kind == "dense" and self._kept else found
                self._loaded[kind] = ready
        if mode == "sparse":
            self._loaded["by_token"] = self._loaded["sparse"].T.tocsr()

    def rankings(
        self, mode: str, queries: Encoded, depth: int, rows: np.ndarray | None = None
    ) -> Iterable[Ranking]:
        """The ranking of each query by a mode that is loaded.

        Args:
            mode: of `arkiv.encode.settings.MODES`.
            queries: as far as the mode takes them.
            depth: passages per query.
            rows: the rows to choose from, ascending; None: all.
        """
        if mode == "sparse":
            return search_sparse(
                queries.sparse, self._loaded["by_token"], depth, rows=rows
            )
        dense = unit(queries.dense) if self._kept else queries.dense
        first = search_dense(
            dense, self._loaded["dense"], depth, cosine=not self._kept, rows=rows
        )
        return first if mode == "dense" else self._reranked(mode, queries, list(first))

    def _reranked(
        self, mode: str, queries: Encoded, first: list[Ranking]
    ) -> Iterator[Ranking]:
        candidates = [ranking.rows[: self._rerank_depth] for ranking in first]
        scores = self._late_scores(queries, candidates)
        if mode == "combined":
            lexical = sparse_scores(queries.sparse, self._loaded["sparse"], candidates)
            scores = [
                combined_scores(self._weights, ranking.scores[: len(late)], words, late)
                for ranking, words, late in zip(first, lexical, scores, strict=True)
            ]
        return map(reranked, first, scores)


class M3OneByOne(M3Index):
    """One M3 model of a finished run, to answer single queries by any mode.

    Raises:
        InputError: the model or its encodings are missing, damaged, or of other texts.
    """

    def __init__(self, run: FinishedRun, model: str) -> None:
        log.info("loading the %s model", model.replace("_", " "))
        self._lock = run.encoding
        mining = run.config["mining"]
        self._lengths = {
            side: mining[f"{side}_max_length"] for side in ("query", "passage")
        }
        path, embedder = run.model(model), run.config["models"]["embedder"]
        description = Description.configured(path, embedder)
        kind = M3(path, run.options, description)
        longest = max(map(kind.length, self._lengths.values()))
        self._encoder = Encoder(kind, longest=longest)
        super().__init__(
            run.encodings(model),
            run.passages,
            self._scores,
            weights=run.config["evaluate"]["weights"],
            rerank_depth=run.config["serve"]["rerank_depth"],
            kept=True,
        )
        self._encoded = lru_cache(QUERIES_KEPT)(self._encode_query)
        self._encode_query("")  # so that the model is loaded

    def _encode(self, texts: list[str], side: Side, **asked: bool) -> Encoded:
        with self._lock:
            return self._encoder.encode(
                texts,
                side,
                max_length=self._lengths[side],
                quietly=True,
                **asked,
            )

    def _scores(
        self, queries: Encoded, candidates: list[np.ndarray]
    ) -> list[np.ndarray]:
        def token_vectors(texts: list[str]) -> list[np.ndarray]:
            return self._encode(
                texts, "passage", dense=False, multi_vector=True
            ).multi_vector

        return multi_vector_scores(
            queries.multi_vector, self._texts, candidates, token_vectors
        )

    def _encode_query(self, query: str) -> Encoded:
        given = self._encoder.kind.gives
        encoded = self._encode([query], "query", **dict.fromkeys(given, True))
        # Of half precision, as the encoded test queries are.
        return replace(encoded, dense=encoded.dense.astype(np.float16))

    def rank(
        self, mode: str, query: str, rows: np.ndarray | None, depth: int
    ) -> Ranking:
        """The best passages by a mode that is loaded."""
        (found,) = self.rankings(mode, self._encoded(query), depth, rows)
        return found
