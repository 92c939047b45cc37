"""Exact retrieval over a whole corpus, and re-ranking of its first passages.

Everything is ranked by score descending, ties by row, and rows stand in the order of
the passages' ids (see `arkiv.retrieve.collection.read_ordered`), so ties go by id.
Matrix products run in blocks: memory is bounded by the block, not by queries times
passages.
"""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from arkiv.base.errors import InputError
from arkiv.base.files import Record
from arkiv.retrieve.trec import Ranked, read_scores

if TYPE_CHECKING:
    from argparse import Namespace

    from scipy.sparse import csr_matrix

    from arkiv.encode.encoder import Encoder

# Scores held at once: 256 MiB of float32.
BLOCK_SCORES = 1 << 26
# Passages multiplied at once, and their texts' characters encoded at once into one
# vector a token: about 1 GiB of float32 at 1,024 dimensions and 4 characters a token.
BLOCK_PASSAGES = 1 << 16
BLOCK_CHARACTERS = 1 << 20


class Ranking(NamedTuple):
    """The passages found for one query, best first.

    Attributes:
        rows: (k,) int64, rows of the corpus.
        scores: (k,) float32, descending.
    """

    rows: np.ndarray
    scores: np.ndarray


def read_encodings(directory: str | Path, name: str, kind: str, lines: int):
    """Encodings that encode_collection.py wrote, checked against the number of lines.

    Args:
        directory: of one model's encodings.
        name: `corpus` or `queries`.
        kind: `dense`, mapped from the file, or `sparse`.
        lines: how many texts there are.

    Raises:
        InputError: the file is missing, unreadable, or of other texts.
    """
    from scipy.sparse import load_npz

    path = Path(directory) / f"{name}.{kind}.{'npy' if kind == 'dense' else 'npz'}"
    try:
        rows = np.load(path, mmap_mode="r") if kind == "dense" else load_npz(path)
    except FileNotFoundError:
        raise InputError(
            "no such file; encode_collection.py makes it", file=path
        ) from None
    except (ValueError, OSError, EOFError, zipfile.BadZipFile) as error:
        raise InputError(f"is not an array ({error})", file=path) from None
    if rows.shape[0] != lines:
        raise InputError(
            f"has {rows.shape[0]} rows for {lines} lines of the collection; encode "
            "it again",
            file=path,
        )
    return rows


def by_id(
    queries: Sequence[Record],
    passages: Sequence[Record],
    rankings: Iterable[Ranking],
) -> Iterator[Ranked]:
    """Each query's ranking by the ids of what was found.

    Args:
        queries: records with `id`, in the order of the rankings.
        passages: records with `id`; a ranking's rows are places among them.
        rankings: one for each query.
    """
    for query, ranking in zip(queries, rankings, strict=True):
        ids = [passages[row]["id"] for row in ranking.rows]
        yield query["id"], ids, ranking.scores


def read_rankings(
    path: str | Path, queries: Sequence[Record], passages: Sequence[Record]
) -> list[Ranking]:
    """The ranking of each query in a run; one that the run lacks has none.

    Raises:
        InputError: the run names a passage that the corpus lacks.
    """
    row_of = {passage["id"]: row for row, passage in enumerate(passages)}
    found = read_scores(path)
    rankings = []
    for query in queries:
        scores = found.get(query["id"], {})
        for passage_id in scores:
            if passage_id not in row_of:
                raise InputError(
                    f"names the passage {passage_id}, which the corpus lacks", file=path
                )
        rankings.append(
            Ranking(
                np.array([row_of[passage_id] for passage_id in scores], np.int64),
                np.array(list(scores.values()), np.float32),
            )
        )
    return rankings


def descending(scores: np.ndarray) -> np.ndarray:
    """(n,) int64: the places of float32 scores, highest first, ties by place.

    As `np.argsort(-scores, kind="stable")`, but three times as fast: numpy sorts whole
    numbers that hold score and place by the processor's vector instructions.
    """
    # As whole numbers, floats of one sign are in their order; -0.0 becomes 0.0.
    bits = (np.float32(0) - np.asarray(scores, np.float32)).view(np.uint32)
    keys = np.where(bits >> 31, ~bits, bits | np.uint32(1 << 31)).astype(np.uint64)
    places = np.arange(len(keys), dtype=np.uint64)
    both = np.sort((keys << np.uint64(32)) | places)
    return (both & np.uint64(0xFFFFFFFF)).astype(np.int64)


def best(
    scores: np.ndarray,
    depth: int,
    *,
    matching: bool = False,
    rows: np.ndarray | None = None,
) -> Ranking:
    """The `depth` best of all passages, ties by row, exactly.

    Args:
        scores: (n_passages,) float32.
        depth: how many to keep.
        matching: leave out passages that score zero or less: lexical scores say
            nothing about a passage that shares no token with the query.
        rows: the rows to choose from, ascending; None: all.
    """
    if rows is not None:
        found = best(scores[rows], depth, matching=matching)
        return Ranking(rows[found.rows], found.scores)
    rows = np.flatnonzero(scores > 0) if matching else np.arange(len(scores))
    if len(rows) > depth:
        found = scores[rows]
        # All that tie with the score at the last rank stay in until ties are broken.
        last = np.partition(found, len(found) - depth)[len(found) - depth]
        rows = rows[found >= last]
    order = descending(scores[rows])[:depth]
    return Ranking(rows[order], scores[rows[order]].astype(np.float32))


def _query_blocks(n_queries: int, n_passages: int) -> Iterator[slice]:
    step = max(1, BLOCK_SCORES // max(1, n_passages))
    for start in range(0, n_queries, step):
        yield slice(start, start + step)


def unit(vectors: np.ndarray) -> np.ndarray:
    """Float32 rows of length 1, which rounding to half precision took from them."""
    vectors = np.asarray(vectors, np.float32)
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors / np.maximum(lengths, np.finfo(np.float32).tiny)


def search_dense(
    queries: np.ndarray, passages: np.ndarray, depth: int, *, cosine: bool = True
) -> Iterator[Ranking]:
    """Rank all passages for each query by the cosine of their vectors, in float32.

    Args:
        queries: (n_queries, dim) of any float type.
        passages: (n_passages, dim), may be mapped from a file.
        depth: passages per query.
        cosine: False: by the product of the vectors as they are.
    """
    scaled = unit if cosine else partial(np.asarray, dtype=np.float32)
    for block in _query_blocks(len(queries), len(passages)):
        vectors = scaled(queries[block])
        scores = np.empty((len(vectors), len(passages)), np.float32)
        for start in range(0, len(passages), BLOCK_PASSAGES):
            part = slice(start, start + BLOCK_PASSAGES)
            np.matmul(vectors, scaled(passages[part]).T, out=scores[:, part])
        for row in scores:
            yield best(row, depth)


def search_texts(
    encoder: Encoder,
    queries: Sequence[str],
    passages: Sequence[str],
    depth: int,
    given: Namespace,
) -> Iterator[Ranking]:
    """`search_dense` with the vectors of texts, which are kept by content.

    Args:
        encoder: of any kind that gives dense vectors.
        queries: texts.
        passages: texts in the order of their ids, by which ties go.
        depth: passages per query.
        given: `query_max_length`, `max_length`, `cache` and `output`, which names the
            job.

    Raises:
        InputError: the model gives NaN or infinite values.
    """
    found, asked = (
        encoder.embed(
            *(texts, side),
            max_length=length,
            cache=given.cache,
            job=f"{given.output} {name}",
        )
        for texts, side, length, name in (
            (passages, "passage", given.max_length, "passages"),
            (queries, "query", given.query_max_length, "queries"),
        )
    )
    return search_dense(asked, found, depth, cosine=encoder.similarity == "cosine")


def search_sparse(
    queries: csr_matrix, passages: csr_matrix, depth: int
) -> Iterator[Ranking]:
    """Rank the passages that share a token with the query by the product of weights.

    Args:
        queries: (n_queries, vocabulary) float32 token weights.
        passages: (n_passages, vocabulary) float32 token weights.
        depth: passages per query.
    """
    by_token = passages.T.tocsr()
    for block in _query_blocks(queries.shape[0], passages.shape[0]):
        for row in (queries[block] @ by_token).toarray():
            yield best(row, depth, matching=True)


def sparse_scores(
    queries: csr_matrix, passages: csr_matrix, candidates: Sequence[np.ndarray]
) -> list[np.ndarray]:
    """Products of token weights of each query with its candidate rows, float32."""
    return [
        (passages[rows] @ queries[[row]].T).toarray().ravel().astype(np.float32)
        for row, rows in enumerate(candidates)
    ]


def multi_vector_scores(
    query_vectors: Sequence[np.ndarray],
    texts: Callable[[Sequence[int]], list[str]],
    candidates: Sequence[np.ndarray],
    encode: Callable[[list[str]], Sequence[np.ndarray]],
    sizes: Sequence[int],
) -> list[np.ndarray]:
    """Late-interaction scores of each query with its candidates, float32.

    Each candidate passage is encoded once, a block of passages at a time.

    Args:
        query_vectors: of each query (n_tokens, dim) float32, normalised.
        texts: the texts of corpus rows.
        candidates: of each query the corpus rows to score.
        encode: texts to one (n_tokens, dim) array each.
        sizes: of each corpus row its number of characters, by which blocks are made.
    """
    lengths = [len(rows) for rows in candidates]
    scores = np.zeros(sum(lengths), np.float32)
    if not len(scores):
        return [np.zeros(0, np.float32) for _ in candidates]
    query_of = np.repeat(np.arange(len(candidates)), lengths)
    wanted, passage_of = np.unique(np.concatenate(candidates), return_inverse=True)
    by_passage = np.argsort(passage_of, kind="stable")
    starts = np.searchsorted(passage_of[by_passage], np.arange(len(wanted) + 1))
    for block in _text_blocks([sizes[row] for row in wanted]):
        encoded = encode(texts(wanted[block.start : block.stop].tolist()))
        for passage, vectors in zip(block, encoded, strict=True):
            pairs = by_passage[starts[passage] : starts[passage + 1]]
            asking = [query_vectors[query] for query in query_of[pairs]]
            counts = np.array([len(query) for query in asking])
            scores[pairs] = late_interaction(np.concatenate(asking), counts, vectors)
    return np.split(scores, np.cumsum(lengths)[:-1])


def late_interaction(
    tokens: np.ndarray, counts: np.ndarray, passage: np.ndarray
) -> np.ndarray:
    """(n_queries,) float32: late interaction of queries with one passage.

    The mean over a query's tokens of the highest dot product with a token of the
    passage, as FlagEmbedding's `colbert_score`.

    Args:
        tokens: (sum of counts, dim) token vectors of the queries, one after another.
        counts: (n_queries,) tokens of each query.
        passage: (n, dim) token vectors.
    """
    highest = (tokens @ passage.T).max(axis=1)
    firsts = np.concatenate(([0], np.cumsum(counts)[:-1]))
    return (np.add.reduceat(highest, firsts) / counts).astype(np.float32)


def _text_blocks(sizes: Sequence[int]) -> Iterator[range]:
    start, held = 0, 0
    for row, size in enumerate(sizes):
        if row > start and held + size > BLOCK_CHARACTERS:
            yield range(start, row)
            start, held = row, 0
        held += size
    if start < len(sizes):
        yield range(start, len(sizes))


def combined_scores(
    weights: Sequence[float],
    dense: np.ndarray,
    sparse: np.ndarray,
    multi_vector: np.ndarray,
) -> np.ndarray:
    """The weighted mean of three scores of the same passages, float32."""
    shares = np.array(weights, np.float32) / sum(weights)
    return shares[0] * dense + shares[1] * sparse + shares[2] * multi_vector


def reranked(first: Ranking, scores: np.ndarray) -> Ranking:
    """The first `len(scores)` passages in the order of new scores, the others below.

    The others keep their order; their scores are moved as a whole to lie below the
    lowest new one, for the two kinds of score have different ranges.

    Args:
        first: what the first stage found.
        scores: (m,) float32, m <= k, new scores of its first m passages.
    """
    head, rest = first.rows[: len(scores)], first.rows[len(scores) :]
    order = np.lexsort((head, -scores))
    rows, new = head[order], scores[order]
    if not len(rest):
        return Ranking(rows, new)
    below = first.scores[len(scores) :]
    if len(new):
        below = below - below[0] + new[-1]
    return Ranking(np.concatenate([rows, rest]), np.concatenate([new, below]))
