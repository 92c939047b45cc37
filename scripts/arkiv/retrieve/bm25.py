"""BM25 over the tokens of a model, or over any numbered words.

`bm25s` has the index; ties are settled exactly, as in `arkiv.retrieve.rankings`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain, islice
from pathlib import Path

import numpy as np

from arkiv.encode.tokenizer import fast_tokenizer
from arkiv.retrieve.rankings import Ranking, best

# Texts tokenised at once.
BLOCK_TEXTS = 1 << 12


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
        import bm25s

        self._numbered = numbered
        tokens = numbered(passages)
        self._passages = len(tokens)
        self._known = np.unique(np.concatenate([*tokens, np.zeros(0, np.int32)]))
        self._index = bm25s.BM25(k1=k1, b=b, method="lucene")
        if not len(self._known):
            return
        # bm25s numbers its columns itself: give it the places among the known tokens.
        columns = [np.searchsorted(self._known, passage) for passage in tokens]
        vocabulary = {int(token): column for column, token in enumerate(self._known)}
        self._index.index(
            (columns, vocabulary), create_empty_token=False, show_progress=False
        )

    def _scores(self, query: np.ndarray) -> np.ndarray:
        """(n_passages,) float32: 0 for a passage that shares no token with the query.

        A token that stands in the query again counts again.
        """
        asked = np.searchsorted(self._known, query[np.isin(query, self._known)])
        if not len(asked):
            return np.zeros(self._passages, np.float32)
        return self._index.get_scores_from_ids(asked)

    def rankings(
        self, queries: Iterable[str], depth: int, rows: np.ndarray | None = None
    ) -> Iterator[Ranking]:
        """Rank the passages that share a token with each query.

        Depth and rows are as of `arkiv.retrieve.rankings.best`.
        """
        for query in self._numbered(queries):
            yield best(self._scores(query), depth, matching=True, rows=rows)
