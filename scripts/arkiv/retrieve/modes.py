"""M3's ways of scoring: for files of queries, for one query, for a model in training.

Everything is ranked as in `arkiv.retrieve.rankings`.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

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
    union,
    unit,
)
from arkiv.retrieve.systems.system import OWN_SEARCHES

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

    from arkiv.encode.kind import Side
    from arkiv.retrieve.systems.system import FinishedRun, Rank

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


def dense_scores(
    queries: np.ndarray, passages: np.ndarray, candidates: Sequence[np.ndarray]
) -> list[np.ndarray]:
    """Products of each query's vector with those of its candidate rows, float32."""
    return [
        unit(passages[rows]) @ vector
        for rows, vector in zip(candidates, unit(queries), strict=True)
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
        count: of passages.
        weights: of dense, sparse and multi-vector scores in mode combined.
        kept: hold vectors in memory as searches want them, for many of single queries.
    """

    def __init__(
        self,
        encodings: str | Path,
        count: int,
        *,
        weights: Sequence[float],
        kept: bool = False,
    ) -> None:
        self._encodings, self._count = encodings, count
        self._weights, self._kept = weights, kept
        self._loaded: dict[str, Any] = {}

    def load(self, kinds: Sequence[str]) -> None:
        """Read kinds of encoding of the passages: dense, sparse.

        Raises:
            InputError: one is missing, damaged or of other texts.
        """
        for kind in kinds:
            if kind not in self._loaded:
                found = read_encodings(self._encodings, "corpus", kind, self._count)
                ready = unit(found) if kind == "dense" and self._kept else found
                self._loaded[kind] = ready

    def search(
        self, kind: str, queries: Encoded, depth: int, rows: np.ndarray | None = None
    ) -> Iterable[Ranking]:
        """The ranking of each query by vectors, or by token weights, that are loaded.

        Args:
            kind: dense or sparse.
            queries: as far as the kind takes them.
            depth: passages per query.
            rows: the rows to choose from, ascending; None: all.
        """
        if kind == "sparse":
            if "by_token" not in self._loaded:
                self._loaded["by_token"] = self._loaded["sparse"].T.tocsr()
            by_token = self._loaded["by_token"]
            return search_sparse(queries.sparse, by_token, depth, rows=rows)
        dense = unit(queries.dense) if self._kept else queries.dense
        return search_dense(
            dense, self._loaded["dense"], depth, cosine=not self._kept, rows=rows
        )

    def rerank(
        self,
        mode: str,
        queries: Encoded,
        first: Iterable[Ranking],
        candidates: Sequence[np.ndarray],
        late: Sequence[np.ndarray],
        depth: int,
    ) -> Iterator[Ranking]:
        """Candidates by a mode that looks at each of them, the other passages below.

        Args:
            mode: multi_vector or combined.
            queries: dense and sparse, for combined.
            first: the dense ranking of each.
            candidates: of each the rows to rank anew.
            late: of each the candidates' late-interaction scores.
            depth: passages per query.
        """
        scores = late
        if mode == "combined":
            scores = [
                combined_scores(self._weights, *of_query)
                for of_query in zip(
                    dense_scores(queries.dense, self._loaded["dense"], candidates),
                    sparse_scores(queries.sparse, self._loaded["sparse"], candidates),
                    late,
                    strict=True,
                )
            ]
        return map(partial(reranked, depth=depth), first, candidates, scores)


class M3OneByOne:
    """One M3 model of a finished run, to answer single queries by any mode.

    Args:
        run: the finished run.
        model: of the run.
        others: what else finds candidates, beside the model's own searches.
        weights: of dense, sparse and multi-vector scores in mode combined.

    Raises:
        InputError: the model or its encodings are missing, damaged, or of other texts.
    """

    def __init__(
        self,
        run: FinishedRun,
        model: str,
        others: Sequence[Rank],
        weights: Sequence[float],
    ) -> None:
        log.info("loading the %s model", model.replace("_", " "))
        self._lock = run.encoding
        mining, evaluate = run.config["mining"], run.config["evaluate"]
        self._lengths = {
            side: mining[f"{side}_max_length"] for side in ("query", "passage")
        }
        path, embedder = run.model(model), run.config["models"]["embedder"]
        description = Description.configured(path, embedder)
        kind = M3(path, run.options, description)
        longest = max(map(kind.length, self._lengths.values()))
        self._encoder = Encoder(kind, longest=longest)
        self._texts = [passage["text"] for passage in run.passages]
        self._index = M3Index(
            *(run.encodings(model), len(self._texts)),
            weights=weights,
            kept=True,
        )
        self._rerank_depth = run.config["serve"]["rerank_depth"]
        self._own = [one for one in OWN_SEARCHES if one in evaluate["candidates"]]
        self._others = others
        self._encoded = lru_cache(QUERIES_KEPT)(self._encode_query)
        self._encode_query("")  # so that the model is loaded

    def load(self, mode: str) -> None:
        """Read the encodings of the passages that a mode takes.

        Raises:
            InputError: one is missing, damaged or of other texts.
        """
        kinds = {mode} if mode in OWN_SEARCHES else {"dense", *self._own}
        if mode == "combined":
            kinds.add("sparse")
        self._index.load(sorted(kinds))

    def _encode(self, texts: list[str], side: Side, **asked: bool) -> Encoded:
        with self._lock:
            return self._encoder.encode(
                texts,
                side,
                max_length=self._lengths[side],
                quietly=True,
                **asked,
            )

    def _token_vectors(self, texts: list[str]) -> list[np.ndarray]:
        return self._encode(
            texts, "passage", dense=False, multi_vector=True
        ).multi_vector

    def _encode_query(self, query: str) -> Encoded:
        given = self._encoder.kind.gives
        encoded = self._encode([query], "query", **dict.fromkeys(given, True))
        # Of half precision, as the encoded test queries are.
        return replace(encoded, dense=encoded.dense.astype(np.float16))

    def rank(
        self, mode: str, query: str, rows: np.ndarray | None, depth: int
    ) -> Ranking:
        """The best passages by a mode that is loaded."""
        encoded = self._encoded(query)
        if mode in OWN_SEARCHES:
            (found,) = self._index.search(mode, encoded, depth, rows)
            return found
        first = list(self._index.search("dense", encoded, depth, rows))
        searches = [
            next(iter(self._index.search(kind, encoded, self._rerank_depth, rows)))
            for kind in self._own
        ]
        searches += [search(query, rows, self._rerank_depth) for search in self._others]
        candidates = union([[ranking.rows] for ranking in searches])
        late = multi_vector_scores(
            encoded.multi_vector, self._texts, candidates, self._token_vectors
        )
        (found,) = self._index.rerank(mode, encoded, first, candidates, late, depth)
        return found
