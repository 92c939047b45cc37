"""BM25 over the tokens of a model, or over any numbered words.

Scores are computed when passages are indexed, in Lucene's form without its factor
(k1 + 1): a search adds up those of the query's tokens (Lù, BM25S: Orders of magnitude
faster lexical search via eager sparse scoring, 2024). Ties are settled exactly, as in
`arkiv.retrieve.rankings`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain, islice
from math import log
from pathlib import Path

import numpy as np

from arkiv.encode.tokenizer import fast_tokenizer
from arkiv.retrieve.rankings import Ranking, best

# Texts tokenised, or passages weighed, at once.
BLOCK_TEXTS = 1 << 12
# Tokens looked up at once.
BLOCK_TOKENS = 1 << 20


class TokenIds:
    """From texts to the tokens of a model directory, no special ones, none cut off.

    Raises:
        InputError: the tokenizer is missing or broken.
    """

    def __init__(self, model: str | Path) -> None:
        self._tokenizer = fast_tokenizer(model)
        added = self._tokenizer.get_added_tokens_decoder()
        self._special = [number for number, token in added.items() if token.special]

    def __call__(self, texts: Iterable[str]) -> list[np.ndarray]:
        """The token ids of each text, int32; texts are read once, a block at a time."""
        encode = self._tokenizer.encode_batch_fast
        ids: list[np.ndarray] = []
        texts = iter(texts)
        while block := list(islice(texts, BLOCK_TEXTS)):
            found = [one.ids for one in encode(block, add_special_tokens=False)]
            tokens, ends = _joined(found)
            special = np.concatenate([[0], np.cumsum(np.isin(tokens, self._special))])
            kept = tokens[np.diff(special) == 0]
            ids += np.split(kept, (ends - special[ends])[:-1])
        return ids


def _joined(lists: Sequence[Sequence[int]]) -> tuple[np.ndarray, np.ndarray]:
    """Lists one after the other, int32, and where each of them ends."""
    ends = np.cumsum([len(one) for one in lists], dtype=np.int64)
    joined = np.fromiter(chain.from_iterable(lists), np.int32, ends[-1])
    return joined, ends


class BM25Index:
    """An index of passages by their tokens, scored by BM25 (Lucene's form).

    Args:
        passages: texts in the order of their ids, by which ties go; read once.
        numbered: from texts to the numbers of their tokens, such as `TokenIds`.
        k1: saturation of term frequency.
        b: normalisation by passage length, from 0 (none) to 1.
    """

    def __init__(
        self,
        passages: Iterable[str],
        numbered: Callable[[Iterable[str]], list[np.ndarray]],
        *,
        k1: float = 1.5,
        b: float = 0.75,
    ) -> None:
        from scipy.sparse import csr_matrix

        self._numbered = numbered
        tokens = numbered(passages)
        self._passages = len(tokens)
        lengths = np.array([len(passage) for passage in tokens], np.int64)
        joined = np.concatenate([*tokens, np.zeros(0, np.int32)])
        del tokens
        self._known = np.unique(joined)
        columns = np.empty(len(joined), np.int32)
        for start in range(0, len(joined), BLOCK_TOKENS):
            block = slice(start, start + BLOCK_TOKENS)
            columns[block] = np.searchsorted(self._known, joined[block])
        counts = csr_matrix(
            (
                np.ones(len(columns), np.float32),
                columns,
                np.concatenate([[0], np.cumsum(lengths)]),
            ),
            (self._passages, len(self._known)),
        )
        counts.sum_duplicates()
        frequencies = np.bincount(counts.indices, minlength=len(self._known))
        idf = np.array(
            [log(1 + (self._passages - n + 0.5) / (n + 0.5)) for n in frequencies],
            np.float32,
        )
        mean = lengths.mean() if len(lengths) else 1
        sizes = np.diff(counts.indptr)
        for start in range(0, self._passages, BLOCK_TEXTS):
            block = slice(start, start + BLOCK_TEXTS)
            first, *_, last = counts.indptr[start : start + BLOCK_TEXTS + 1]
            times = counts.data[first:last]
            norms = np.repeat(k1 * ((1 - b) + b * lengths[block] / mean), sizes[block])
            weights = idf[counts.indices[first:last]]
            counts.data[first:last] = weights * (times / (norms + times))
        # By token, (n_passages, n_tokens).
        self._weights = counts.tocsc()

    def _scores(self, query: np.ndarray) -> np.ndarray:
        """(n_passages,) float32: 0 for a passage that shares no token with the query.

        A token that stands in the query again counts again.
        """
        scores = np.zeros(self._passages, np.float32)
        of = self._weights
        asked = np.searchsorted(self._known, query[np.isin(query, self._known)])
        for column in asked.tolist():
            one = slice(*of.indptr[column : column + 2])
            np.add.at(scores, of.indices[one], of.data[one])
        return scores

    def rankings(
        self, queries: Iterable[str], depth: int, rows: np.ndarray | None = None
    ) -> Iterator[Ranking]:
        """Rank the passages that share a token with each query.

        Depth and rows are as of `arkiv.retrieve.rankings.best`.
        """
        for query in self._numbered(queries):
            yield best(self._scores(query), depth, matching=True, rows=rows)
