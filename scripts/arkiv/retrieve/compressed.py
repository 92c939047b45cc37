"""Search by smaller forms of dense vectors, as engines keep them.

- **Fewer dimensions**: the first ones, brought to length 1 again. So models are cut
  that were taught to be (Kusupati et al., Matryoshka representation learning, 2022); of
  one that was not, the measures show what that costs.
- **int8**: each vector by a scale of its own, its largest component becoming ±127, and
  so the query. The cosine does not see lengths, so no scale is kept, any engine of int8
  vectors ranks alike, and what is added to an archive changes no other vector. Scales
  by dimension (`quantize_embeddings` of sentence-transformers) need a sample of the
  corpus to begin with, and have offsets, with which products are other ones.
- **binary**: signs, eight to a byte (its `ubinary`), ranked by Hamming distance. The
  first of them may be ranked anew by the whole query's product with int8 vectors, which
  then are kept too, but not searched (Yamada et al., Efficient passage retrieval with
  hashing for open-domain question answering, 2021).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import partial

import numpy as np

from arkiv.retrieve.forms import Form
from arkiv.retrieve.rankings import Ranking, reranked, search_by, unit

# Passages that a search by signs finds and int8 vectors rank anew: as many as four
# times 100, as sentence-transformers' `semantic_search_faiss` takes four times what is
# asked for.
RESCORED = 400


def int8_codes(vectors: np.ndarray) -> np.ndarray:
    """(n, dim) int8 of any floats, each row scaled to ±127 by its largest component."""
    vectors = np.asarray(vectors, np.float32)
    largest = np.abs(vectors).max(axis=1, keepdims=True)
    return np.rint(vectors * (127 / np.maximum(largest, 1e-30))).astype(np.int8)


def signs(vectors: np.ndarray) -> np.ndarray:
    """(n, dim) float32, 1 where positive, else −1.

    The product of two is dim − 2 × their Hamming distance, exactly.
    """
    return np.where(np.asarray(vectors) > 0, np.float32(1), np.float32(-1))


def made(form: Form, vectors: np.ndarray) -> np.ndarray:
    """Vectors in a form, (n, dim) float32, by whose products it ranks."""
    vectors = vectors[:, : form.dimensions]
    if form.code == "binary":
        return signs(vectors)
    return unit(int8_codes(vectors) if form.code == "int8" else vectors)


def search(
    form: Form, queries: np.ndarray, passages: np.ndarray, depth: int
) -> Iterator[Ranking]:
    """Rank all passages for each query by the form of both, ties by row.

    Args:
        queries: (n_queries, dim) of any float type.
        passages: (n_passages, dim), may be mapped from a file.
        depth: passages per query.
    """
    return search_by(partial(made, form), queries, passages, depth)


def rescored(
    form: Form,
    first: Iterable[Ranking],
    queries: np.ndarray,
    passages: np.ndarray,
) -> Iterator[Ranking]:
    """The first passages of each ranking in the order of their int8 vectors' products
    with the query, the others below."""
    asked = unit(queries[:, : form.dimensions])
    for vector, ranking in zip(asked, first, strict=True):
        rows = ranking.rows[:RESCORED]
        codes = unit(int8_codes(passages[rows, : form.dimensions]))
        yield reranked(ranking, rows, codes @ vector)
