"""BM25 over the tokens of a model, or over any numbered words.

`bm25s` has the index; ties are settled exactly, as in `arkiv.retrieve.rankings`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path

import numpy as np

from arkiv.base.errors import InputError
from arkiv.encode.models import tokenizer_file
from arkiv.retrieve.rankings import Ranking, best

# Texts tokenised at once.
BLOCK_TEXTS = 1 << 12


class TokenIds:
    """From texts to the tokens of a model, without special tokens, none cut off.

    Args:
        tokenizer_file: the model's `tokenizer.json`.

    Raises:
        InputError: the file is not a tokenizer.
    """

    def __init__(self, tokenizer_file: Path) -> None:
        from tokenizers import Tokenizer

        try:
            self._tokenizer = Tokenizer.from_file(str(tokenizer_file))
        except Exception as error:  # tokenizers raises nothing narrower
            reason = f"is not a tokenizer ({error})"
            raise InputError(reason, file=tokenizer_file) from None
        self._tokenizer.no_truncation()
        self._tokenizer.no_padding()
        added = self._tokenizer.get_added_tokens_decoder()
        self._special = [number for number, token in added.items() if token.special]

    def __call__(self, texts: Iterable[str]) -> list[np.ndarray]:
        """The token ids of each text, int32; texts are read once, a block at a time."""
        encode = self._tokenizer.encode_batch_fast
        ids: list[np.ndarray] = []
        texts = iter(texts)
        while block := list(islice(texts, BLOCK_TEXTS)):
            for encoding in encode(block, add_special_tokens=False):
                tokens = np.array(encoding.ids, np.int32)
                ids.append(tokens[~np.isin(tokens, self._special)])
        return ids


class BM25Index:
    """An index of passages by their tokens, scored by BM25 (Lucene's form).

    Args:
        passages: token ids of each passage.
        k1: saturation of term frequency.
        b: normalisation by passage length, from 0 (none) to 1.
    """

    def __init__(
        self, passages: Sequence[np.ndarray], *, k1: float = 1.5, b: float = 0.75
    ) -> None:
        import bm25s

        self._passages = len(passages)
        self._known = np.unique(np.concatenate([*passages, np.zeros(0, np.int32)]))
        self._index = bm25s.BM25(k1=k1, b=b, method="lucene")
        if not len(self._known):
            return
        # bm25s numbers its columns itself: give it the places among the known tokens.
        columns = [np.searchsorted(self._known, passage) for passage in passages]
        vocabulary = {int(token): column for column, token in enumerate(self._known)}
        self._index.index(
            (columns, vocabulary), create_empty_token=False, show_progress=False
        )

    def scores(self, query: np.ndarray) -> np.ndarray:
        """(n_passages,) float32: 0 for a passage that shares no token with the query.

        Args:
            query: token ids; a repeated token counts as often as it stands.
        """
        asked = np.searchsorted(self._known, query[np.isin(query, self._known)])
        if not len(asked):
            return np.zeros(self._passages, np.float32)
        return self._index.get_scores_from_ids(asked)


def search_bm25(
    queries: Sequence[np.ndarray],
    passages: Sequence[np.ndarray],
    depth: int,
    *,
    k1: float = 1.5,
    b: float = 0.75,
) -> Iterator[Ranking]:
    """Rank the passages that share a token with the query by BM25.

    Args:
        queries: token ids of each query.
        passages: token ids of each passage.
        depth: passages per query.
        k1: as `BM25Index`.
        b: as `BM25Index`.
    """
    index = BM25Index(passages, k1=k1, b=b)
    for query in queries:
        yield best(index.scores(query), depth, matching=True)


def search_texts_bm25(
    queries: Iterable[str],
    passages: Iterable[str],
    model: str | Path,
    depth: int,
    *,
    k1: float = 1.5,
    b: float = 0.75,
) -> Iterator[Ranking]:
    """`search_bm25` over the tokens of a model's tokenizer.

    Args:
        queries: texts, read once.
        passages: texts in the order of their ids, by which ties go; read once.
        model: the model's directory.
        depth: passages per query.
        k1: as `search_bm25`.
        b: as `search_bm25`.

    Raises:
        InputError: the tokenizer is missing or broken.
    """
    token_ids = TokenIds(tokenizer_file(model))
    passage_tokens, query_tokens = token_ids(passages), token_ids(queries)
    return search_bm25(query_tokens, passage_tokens, depth, k1=k1, b=b)
