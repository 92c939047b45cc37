"""BM25 over the tokens of a model, or over any numbered words.

`bm25s` has the index; ties are settled exactly, as in `arkiv.retrieve.rankings`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain, islice, pairwise
from pathlib import Path

import bm25s
import numpy as np

from arkiv.encode.tokenizer import fast_tokenizer
from arkiv.retrieve.rankings import Ranking, best

# Texts tokenised at once.
BLOCK_TEXTS = 1 << 12
# Tokens of passages that are counted at once, in some 40 MB.
BLOCK_TOKENS = 1 << 19


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


class Postings(bm25s.BM25):
    """The index of bm25s in Lucene's form, made a block of passages at a time.

    Its scores are those of bm25s, which makes and sorts a list of all postings first
    and takes twice the memory for it.
    """

    def __init__(self, k1: float, b: float) -> None:
        super().__init__(k1=k1, b=b, method="lucene")

    def build_index_from_ids(self, unique_token_ids, corpus_token_ids, **_):
        """The postings, token by token: `data`, `indices`, `indptr` and `num_docs`."""
        # As the library has it for this form.
        self.nonoccurrence_array = None
        count = len(corpus_token_ids)
        lengths = np.array([len(one) for one in corpus_token_ids])
        holding = np.zeros(len(unique_token_ids), np.int64)
        for _, tokens, _, _ in _counted(corpus_token_ids):
            holding += np.bincount(tokens, minlength=len(holding))
        rarity = np.log(1 + (count - holding + 0.5) / (holding + 0.5))
        rarity = rarity.astype(np.float32)
        norms = self.k1 * ((1 - self.b) + self.b * lengths / lengths.mean())
        starts = np.concatenate([[0], np.cumsum(holding)])
        data = np.empty(starts[-1], np.float32)
        indices = np.empty(starts[-1], np.int32)
        free = starts[:-1].copy()
        for first, tokens, rows, counts in _counted(corpus_token_ids):
            found = np.bincount(tokens, minlength=len(holding))
            before = (np.cumsum(found) - found)[tokens]
            places = free[tokens] + np.arange(len(tokens)) - before
            indices[places] = rows + first
            data[places] = rarity[tokens] * (counts / (norms[rows + first] + counts))
            free += found
        return {"data": data, "indices": indices, "indptr": starts, "num_docs": count}


def _counted(
    passages: Sequence[np.ndarray],
) -> Iterator[tuple[int, np.ndarray, np.ndarray, np.ndarray]]:
    """A block of passages at a time how often each has each of its tokens.

    Yields:
        The first row, and of each token and passage, by token and then by row: the
        token, the row counted from the first, and how often.
    """
    first = 0
    for block in _blocks(passages):
        lengths = [len(passage) for passage in block]
        rows = np.repeat(np.arange(len(block)), lengths)
        pairs = np.concatenate(block).astype(np.int64) * len(block) + rows
        pairs, counts = np.unique(pairs, return_counts=True)
        yield first, *np.divmod(pairs, len(block)), counts
        first += len(block)


def _blocks(passages: Sequence[np.ndarray]) -> Iterator[Sequence[np.ndarray]]:
    """The passages, so many at a time as have some `BLOCK_TOKENS`."""
    ends = np.cumsum([len(passage) for passage in passages])
    cuts = np.flatnonzero(np.diff(ends // BLOCK_TOKENS)) + 1
    for first, end in pairwise([0, *cuts.tolist(), len(passages)]):
        yield passages[first:end]


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
        self._numbered = numbered
        tokens = numbered(passages)
        self._passages = len(tokens)
        self._known = np.zeros(0, np.int32)
        for block in _blocks(tokens) if tokens else ():
            self._known = np.union1d(self._known, np.concatenate(block))
        self._index = Postings(k1, b)
        if not len(self._known):
            return
        # bm25s numbers its columns itself: give it the places among the known tokens.
        # In the place of the tokens, for both at once take memory.
        for place, passage in enumerate(tokens):
            tokens[place] = np.searchsorted(self._known, passage).astype(np.int32)
        vocabulary = {int(token): column for column, token in enumerate(self._known)}
        self._index.index(
            (tokens, vocabulary), create_empty_token=False, show_progress=False
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
