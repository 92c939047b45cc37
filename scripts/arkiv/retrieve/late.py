"""Late interaction: scores by one vector a token, made of texts or known before.

Vectors of all tokens are too large to keep, some 300 KB a passage; their scores take 24
bytes a pair. So modes that re-rank the same passages have each encoded once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from arkiv.encode.batches import distinct
from arkiv.encode.cache import Cache, key

if TYPE_CHECKING:
    from arkiv.encode.description import Side
    from arkiv.encode.encoder import Encoder
    from arkiv.encode.settings import Length

# Characters of passages that are encoded at once into one vector a token: about 1 GiB
# of float32 at 1,024 dimensions and 4 characters a token.
BLOCK_CHARACTERS = 1 << 20

# From texts to one (n_tokens, dim) array each.
TokenVectors = Callable[[list[str]], Sequence[np.ndarray]]


def multi_vector_scores(
    query_vectors: Sequence[np.ndarray],
    passages: Sequence[str],
    candidates: Sequence[np.ndarray],
    encode: TokenVectors,
) -> list[np.ndarray]:
    """Late-interaction scores of each query with its candidates, float32.

    Each candidate passage is encoded once, a block of passages at a time.

    Args:
        query_vectors: of each query (n_tokens, dim) float32, normalised.
        passages: all texts.
        candidates: of each query the rows of passages to score.
        encode: texts to one (n_tokens, dim) array each.
    """
    lengths, query_of, passage_of = _pairs(candidates)
    scores = np.zeros(len(query_of), np.float32)
    order = np.argsort(passage_of, kind="stable")
    query_of, passage_of = query_of[order], passage_of[order]
    for block in _blocks(passages, passage_of):
        scores[order[block]] = _of_block(
            query_vectors, passages, query_of[block], passage_of[block], encode
        )
    return np.split(scores, np.cumsum(lengths)[:-1])


def kept_scores(
    queries: Sequence[str],
    passages: Sequence[str],
    candidates: Sequence[np.ndarray],
    encoder: Encoder,
    *,
    max_lengths: Mapping[Side, Length],
    cache: str | Path | None,
    job: str,
) -> list[np.ndarray]:
    """`multi_vector_scores` of texts, kept by content; only what is missing is encoded.

    Args:
        queries, passages: texts.
        candidates: of each query the rows of passages to score.
        encoder: of an M3 model; it is not loaded if all scores are known.
        max_lengths: tokens at which queries and passages are cut.
        cache: a directory of `arkiv.encode.cache`, or None.
        job: its name, under which it goes on, block by block, if it was killed.

    Raises:
        InputError: as of `Encoder.encode`.
    """

    def vectors(texts: list[str], side: Side) -> list[np.ndarray]:
        return encoder.encode(
            *(texts, side),
            max_length=max_lengths[side],
            dense=False,
            multi_vector=True,
        ).multi_vector

    kind = encoder.kind
    lengths, query_of, passage_of = _pairs(candidates)
    asked, query_of = _distinct_texts(queries, query_of)
    found, passage_of = _distinct_texts(passages, passage_of)
    # Each distinct pair once, passage by passage.
    pairs, inverse = np.unique(passage_of * len(asked) + query_of, return_inverse=True)
    passage_of, query_of = np.divmod(pairs, max(1, len(asked)))
    scores = np.zeros(len(pairs), np.float32)
    with Cache(
        *(cache, job),
        model=kind.path,
        kind="late_interaction",
        settings={
            **kind.options.settings(),
            **kind.settings(max_length=max_lengths["passage"]),
            "query_max_length": kind.length(max_lengths["query"]),
        },
        value="<f4",
    ) as kept:
        sides = [kind.prompted(text, "query") for text in asked]
        read = [kind.prompted(text, "passage") for text in found]
        keys = [
            key(sides[query], read[passage])
            for query, passage in zip(query_of, passage_of, strict=True)
        ]
        missing = np.array(kept.fill(keys, scores), np.int64)
        wanted, places = np.unique(query_of[missing], return_inverse=True)
        query_vectors = vectors([asked[row] for row in wanted], "query")
        for block in _blocks(found, passage_of[missing]):
            rows = missing[block]
            names = [keys[row] for row in rows]
            values = kept.taken(names)
            if values is None:
                values = _of_block(
                    *(query_vectors, found, places[block], passage_of[rows]),
                    lambda texts: vectors(texts, "passage"),
                )
                kept.append(names, values)
            scores[rows] = values
    return np.split(scores[inverse], np.cumsum(lengths)[:-1])


def late_interaction(
    tokens: np.ndarray, counts: np.ndarray, passage: np.ndarray
) -> np.ndarray:
    """(n_queries,) float32: late interaction of queries with one passage.

    The mean over a query's tokens of the highest dot product with a token of the
    passage, as FlagEmbedding's `colbert_score`; 0 where one has no tokens.

    Args:
        tokens: (sum of counts, dim) token vectors of the queries, one after another.
        counts: (n_queries,) tokens of each query.
        passage: (n, dim) token vectors.
    """
    found = np.zeros(len(counts), np.float32)
    # A text of one token, of a tokenizer that adds none, has no vectors.
    some = counts > 0
    if len(passage) and some.any():
        highest = (tokens @ passage.T).max(axis=1)
        firsts = (np.cumsum(counts) - counts)[some]
        found[some] = np.add.reduceat(highest, firsts) / counts[some]
    return found


def _pairs(
    candidates: Sequence[np.ndarray],
) -> tuple[list[int], np.ndarray, np.ndarray]:
    """How many candidates each query has; the query and the passage of each pair."""
    lengths = [len(rows) for rows in candidates]
    query_of = np.repeat(np.arange(len(candidates)), lengths)
    return lengths, query_of, np.concatenate([np.zeros(0, np.int64), *candidates])


def _distinct_texts(
    texts: Sequence[str], rows: np.ndarray
) -> tuple[list[str], np.ndarray]:
    """The distinct texts among some rows, and of each row the place of its text."""
    used, places = np.unique(rows, return_inverse=True)
    found, place_of = distinct(texts[row] for row in used)
    return found, np.array(place_of, np.int64)[places]


def _blocks(texts: Sequence[str], passage_of: np.ndarray) -> Iterator[slice]:
    """Pairs in the order of their passages, by blocks of so many characters."""
    wanted, firsts = np.unique(passage_of, return_index=True)
    start, held = 0, 0
    for row, first in zip(wanted, firsts, strict=True):
        if first > start and held + len(texts[row]) > BLOCK_CHARACTERS:
            yield slice(start, first)
            start, held = first, 0
        held += len(texts[row])
    if len(passage_of):
        yield slice(start, len(passage_of))


def _of_block(
    query_vectors: Sequence[np.ndarray],
    texts: Sequence[str],
    query_of: np.ndarray,
    passage_of: np.ndarray,
    encode: TokenVectors,
) -> np.ndarray:
    """(n,) float32: the scores of pairs in the order of their passages."""
    wanted, firsts = np.unique(passage_of, return_index=True)
    encoded = encode([texts[row] for row in wanted])
    scores = []
    for vectors, asking in zip(encoded, np.split(query_of, firsts[1:]), strict=True):
        tokens = [query_vectors[query] for query in asking]
        counts = np.array([len(query) for query in tokens])
        scores.append(late_interaction(np.concatenate(tokens), counts, vectors))
    return np.concatenate(scores)
