"""Retrieval systems that answer one query at a time, for several threads.

The scores are those of the runs on disk, up to rounding: the passages' encodings are
those that encode_collection.py wrote, and the functions those that rank whole files.
"""

from __future__ import annotations

import threading
from collections.abc import Collection, Mapping, Sequence
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import numpy as np

from arkiv.base.files import Record
from arkiv.encode.kind import Side
from arkiv.encode.models import tokenizer_file
from arkiv.encode.options import Options
from arkiv.retrieve.bm25 import BM25Index, TokenIds
from arkiv.retrieve.rankings import (
    Ranking,
    best,
    combined_scores,
    multi_vector_scores,
    read_encodings,
    reranked,
    sparse_scores,
    unit,
)
from arkiv.text.words import Words

# Modes of scoring that take token weights.
WITH_SPARSE = frozenset({"sparse", "combined"})
# Queries of which each model keeps the encodings: a few KB each.
QUERIES_KEPT = 512


def ranked(
    scores: np.ndarray, rows: np.ndarray | None, depth: int, *, matching: bool = False
) -> Ranking:
    """The best of some rows, or of all.

    Args:
        scores: (n_passages,) float32.
        rows: the rows to choose from, ascending; None: all.
        depth: how many to keep.
        matching: as `arkiv.retrieve.rankings.best`.
    """
    if rows is None:
        return best(scores, depth, matching=matching)
    found = best(scores[rows], depth, matching=matching)
    return Ranking(rows[found.rows], found.scores)


class Lexical:
    """BM25 over the tokens of the base model's tokenizer, or over words.

    Args:
        passages: records of the collection.
        model: the base model's directory.
        settings: of the system: `tokens`, `stemming`, `k1`, `b`.

    Raises:
        InputError: the model has no tokenizer, or the language no stemmer.
    """

    def __init__(
        self,
        passages: Sequence[Record],
        model: str | Path,
        settings: Mapping[str, Any],
    ) -> None:
        if settings.get("tokens") == "words":
            self._ids = Words(settings.get("stemming")).ids
        else:
            self._ids = TokenIds(tokenizer_file(model))
        # Words and their stemmer keep what they have met.
        self._reading = threading.Lock()
        given = {key: settings[key] for key in ("k1", "b") if key in settings}
        self._index = BM25Index(self._ids(row["text"] for row in passages), **given)

    def rank(self, query: str, rows: np.ndarray | None, depth: int) -> Ranking:
        """The passages that share a token with the query."""
        with self._reading:
            (tokens,) = self._ids([query])
        return ranked(self._index.scores(tokens), rows, depth, matching=True)


class Model:
    """One M3 model with the encodings of all passages, for several modes of scoring.

    Args:
        directory: of the model.
        encodings: directory that encode_collection.py wrote with it.
        passages: records of the collection.
        modes: in which it is asked; only two of them read token weights.
        settings: the sections `mining` and `evaluate` of the configuration.
        rerank_depth: passages that multi-vector scores re-rank.
        options: how the model runs.
        encoding: held while any model encodes, so that the threads of one request have
            all cores and do not stand in the way of those of another.

    Raises:
        InputError: the model or the encodings are missing, damaged, or of other texts.
    """

    def __init__(
        self,
        directory: str | Path,
        encodings: str | Path,
        passages: Sequence[Record],
        modes: Collection[str],
        settings: Mapping[str, Any],
        *,
        rerank_depth: int,
        options: Options,
        encoding: threading.Lock,
    ) -> None:
        from arkiv.encode.encoder import Encoder
        from arkiv.encode.m3 import M3

        read = partial(read_encodings, encodings, "corpus", lines=len(passages))
        self._dense = unit(read("dense"))
        self._sparse = read("sparse") if WITH_SPARSE.intersection(modes) else None
        self._by_token = self._sparse.T.tocsr() if "sparse" in modes else None
        self._passages = passages
        self._sizes = [len(passage["text"]) for passage in passages]
        self._lengths: dict[Side, int] = {
            side: settings["mining"][f"{side}_max_length"]
            for side in ("query", "passage")
        }
        self._weights = settings["evaluate"]["weights"]
        self._rerank_depth = rerank_depth
        self._encoding = encoding
        self._encoder = Encoder(
            M3(directory, options), longest=max(self._lengths.values())
        )
        self._encoded = lru_cache(QUERIES_KEPT)(self._encode_query)
        self._encode_query("")  # so that the model is loaded

    def _encode_query(self, query: str):
        """Dense (dim,), sparse (1, vocabulary), multi-vector (tokens, dim)."""
        with self._encoding:
            encoded = self._encoder.encode(
                *([query], "query"),
                max_length=self._lengths["query"],
                sparse=True,
                multi_vector=True,
                quietly=True,
            )
        # Of half precision, as the encoded test queries are.
        dense = unit(encoded.dense.astype(np.float16))[0]
        return dense, encoded.sparse, encoded.multi_vector[0]

    def _encode_passages(self, texts: list[str]) -> list[np.ndarray]:
        with self._encoding:
            return self._encoder.encode(
                *(texts, "passage"),
                max_length=self._lengths["passage"],
                dense=False,
                multi_vector=True,
                quietly=True,
            ).multi_vector

    def rank(
        self, mode: str, query: str, rows: np.ndarray | None, depth: int
    ) -> Ranking:
        """The best passages by one mode of scoring; see scripts/retrieve.py."""
        dense, sparse, tokens = self._encoded(query)
        if mode == "sparse":
            scores = (sparse @ self._by_token).toarray().ravel()
            return ranked(scores, rows, depth, matching=True)
        first = ranked(self._dense @ dense, rows, depth)
        if mode == "dense":
            return first
        candidates = first.rows[: self._rerank_depth]
        (scores,) = multi_vector_scores(
            [tokens],
            lambda wanted: [self._passages[row]["text"] for row in wanted],
            [candidates],
            self._encode_passages,
            self._sizes,
        )
        if mode == "combined":
            (lexical,) = sparse_scores(sparse, self._sparse, [candidates])
            likewise = first.scores[: len(candidates)]
            scores = combined_scores(self._weights, likewise, lexical, scores)
        return reranked(first, scores)
