"""Exact retrieval over a whole corpus, and re-ranking of its first passages.

Everything is ranked by score descending, ties by row, and rows stand in the order of
the passages' ids (see `arkiv.retrieve.collection.read_ordered`), so ties go by id.
Matrix products run in blocks: memory is bounded by the block, not by queries times
passages.
"""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from arkiv.base.errors import InputError
from arkiv.base.files import Record
from arkiv.encode.flags import encoder_of
from arkiv.retrieve.trec import scores_of

if TYPE_CHECKING:
    from argparse import Namespace

    from scipy.sparse import csr_matrix

    from arkiv.encode.kind import Kind

# Scores held at once: 256 MiB of float32.
BLOCK_SCORES = 1 << 26
# Groups of passages for each that is kept, and the fewest passages of a group.
GROUPS, FEWEST = 4, 32
# Passages multiplied at once.
BLOCK_PASSAGES = 1 << 16


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
        kind: `dense`, mapped from the file, `sparse`, or `multi_vector` of queries:
            the scores of candidates.
        lines: how many texts there are.

    Raises:
        InputError: the file is missing, unreadable, or of other texts.
    """
    from scipy.sparse import load_npz

    path = Path(directory) / f"{name}.{kind}.{'npy' if kind == 'dense' else 'npz'}"
    try:
        rows = np.load(path, mmap_mode="r") if kind == "dense" else load_npz(path)
    except FileNotFoundError:
        reason = "no such file; encode_collection.py makes it"
        raise InputError(reason, file=path) from None
    except (ValueError, OSError, EOFError, zipfile.BadZipFile) as error:
        raise InputError(f"is not an array ({error})", file=path) from None
    if rows.shape[0] != lines:
        raise InputError(
            f"has {rows.shape[0]} rows for {lines} lines of the collection; encode "
            "it again",
            file=path,
        )
    return rows


def read_candidates(
    directory: str | Path, queries: int, passages: int
) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Of each query the rows of its candidates, ascending, and their late-interaction
    scores, as encode_collection.py wrote both.

    Raises:
        InputError: as of `read_encodings`; or they are of another corpus.
    """
    kind = "multi_vector"
    late = read_encodings(directory, "queries", kind, queries)
    if late.shape[1] != passages:
        raise InputError(
            f"is of a corpus of {late.shape[1]} passages, but there are {passages}; "
            "encode the queries again",
            file=Path(directory) / f"queries.{kind}.npz",
        )
    ends = late.indptr[1:-1]
    return np.split(late.indices, ends), np.split(late.data, ends)


def read_rankings(
    path: str | Path, queries: Sequence[Record], passages: Sequence[Record]
) -> list[Ranking]:
    """The ranking of each query in a run; one that the run lacks has none.

    Raises:
        InputError: the run names a passage that the corpus lacks.
    """
    row_of = {passage["id"]: row for row, passage in enumerate(passages)}
    found: dict[str, Ranking] = {}
    for query_id, scores in scores_of(path):
        for passage_id in scores:
            if passage_id not in row_of:
                reason = f"names the passage {passage_id}, which the corpus lacks"
                raise InputError(reason, file=path)
        rows = np.array([row_of[passage_id] for passage_id in scores], np.int64)
        found[query_id] = Ranking(rows, np.array(list(scores.values()), np.float32))
    none = Ranking(np.zeros(0, np.int64), np.zeros(0, np.float32))
    return [found.get(query["id"], none) for query in queries]


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
    least = _at_least(scores, depth)
    fit = scores > 0 if matching and not least > 0 else scores >= least
    rows = np.flatnonzero(fit)
    if len(rows) > depth:
        found = scores[rows]
        # All that tie with the score at the last rank stay in until ties are broken.
        last = np.partition(found, len(found) - depth)[len(found) - depth]
        rows = rows[found >= last]
    order = descending(scores[rows])[:depth]
    return Ranking(rows[order], scores[rows[order]].astype(np.float32))


def _at_least(scores: np.ndarray, depth: int) -> np.float32:
    """What the `depth` best scores reach, and not many others.

    The highest scores of so many groups of passages: as many passages reach the last of
    them. Far fewer than all then have to be looked at one by one.
    """
    size = len(scores) // (GROUPS * depth)
    if size < FEWEST:
        return np.float32(-np.inf)
    highest = scores[: len(scores) // size * size].reshape(-1, size).max(axis=1)
    return np.partition(highest, len(highest) - depth)[len(highest) - depth]


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
    queries: np.ndarray,
    passages: np.ndarray,
    depth: int,
    *,
    cosine: bool = True,
    rows: np.ndarray | None = None,
) -> Iterator[Ranking]:
    """Rank all passages for each query by the cosine of their vectors, in float32.

    Args:
        queries: (n_queries, dim) of any float type.
        passages: (n_passages, dim), may be mapped from a file.
        depth: passages per query.
        cosine: False: by the product of the vectors as they are.
        rows: as `best`.
    """
    scaled = unit if cosine else partial(np.asarray, dtype=np.float32)
    return search_by(scaled, queries, passages, depth, rows=rows)


def search_by(
    made: Callable[[np.ndarray], np.ndarray],
    queries: np.ndarray,
    passages: np.ndarray,
    depth: int,
    *,
    rows: np.ndarray | None = None,
) -> Iterator[Ranking]:
    """As `search_dense`, by the product of what is made of vectors, block by block.

    Args:
        made: from (n, dim) to (n, any) float32.
    """
    for block in _query_blocks(len(queries), len(passages)):
        vectors = made(queries[block])
        scores = np.empty((len(vectors), len(passages)), np.float32)
        for start in range(0, len(passages), BLOCK_PASSAGES):
            part = slice(start, start + BLOCK_PASSAGES)
            np.matmul(vectors, made(passages[part]).T, out=scores[:, part])
        for row in scores:
            yield best(row, depth, rows=rows)


def search_texts(
    queries: Sequence[str],
    passages: Sequence[str],
    depth: int,
    given: Namespace,
    kind: Kind | None = None,
    also: Sequence[str] = (),
) -> Iterator[Ranking]:
    """`search_dense` with the vectors of texts, which are kept by content.

    Args:
        queries: texts.
        passages: texts in the order of their ids, by which ties go.
        depth: passages per query.
        given: what `arkiv.encode.flags.add_embedder` adds, for M3 also what
            `add_reading` adds, and the `output`, after which the jobs are named.
        kind: of encoder, any that gives dense vectors; None: M3.
        also: what `Encoder.embed` keeps beside.

    Raises:
        InputError: the model's faults.
    """
    with encoder_of(given, kind) as encoder:
        found, asked = (
            encoder.embed(
                texts,
                side,
                max_length=length,
                cache=given.cache,
                job=f"{given.output} {name}",
                also=also,
            )
            for texts, side, length, name in (
                (passages, "passage", given.max_length, "passages"),
                (queries, "query", given.query_max_length, "queries"),
            )
        )
    return search_dense(asked, found, depth, cosine=encoder.kind.similarity == "cosine")


def search_sparse(
    queries: csr_matrix,
    by_token: csr_matrix,
    depth: int,
    *,
    rows: np.ndarray | None = None,
) -> Iterator[Ranking]:
    """Rank the passages that share a token with the query by the product of weights.

    Args:
        queries: (n_queries, vocabulary) float32 token weights.
        by_token: (vocabulary, n_passages) float32 token weights.
        depth: passages per query.
        rows: as `best`.
    """
    for block in _query_blocks(queries.shape[0], by_token.shape[1]):
        for row in (queries[block] @ by_token).toarray():
            yield best(row, depth, matching=True, rows=rows)


def union(searches: Sequence[Sequence[np.ndarray]]) -> list[np.ndarray]:
    """Of each query the rows that any of several searches found, ascending."""
    return [np.unique(np.concatenate(found)) for found in zip(*searches, strict=True)]


def reranked(
    first: Ranking, rows: np.ndarray, scores: np.ndarray, depth: int | None = None
) -> Ranking:
    """Some passages in the order of new scores, the others of a ranking below.

    The others keep their order; their scores are moved as a whole to lie below the
    lowest new one, for the two kinds of score have different ranges.

    Args:
        first: what the first stage found.
        rows: (m,) the passages to rank anew, in `first` or not.
        scores: (m,) float32, their new scores.
        depth: passages to keep; None: all.
    """
    order = np.lexsort((rows, -scores))
    head, new = rows[order], scores[order]
    others = ~np.isin(first.rows, head)
    rest, below = first.rows[others], first.scores[others]
    if len(rest) and len(new):
        below = below - below[0] + new[-1]
    return Ranking(
        np.concatenate([head, rest])[:depth], np.concatenate([new, below])[:depth]
    )
