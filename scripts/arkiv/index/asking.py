"""Queries encoded by the model that an index was made by."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from arkiv.base.errors import InputError
from arkiv.base.files import Record
from arkiv.base.hashing import digest_of_files
from arkiv.encode.models import check_model
from arkiv.index.reading import Query

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

    from arkiv.encode.encoder import Encoder


def encoded(
    encoder: Encoder,
    texts: Sequence[str],
    max_length: int | str,
    *,
    cache: str | None = None,
    job: str = "",
    multi: bool = False,
) -> list[Query]:
    """Queries as far as the model gives their encodings, in the order of the texts.

    Args:
        encoder: of the index's model.
        texts: of the queries.
        max_length: tokens of a query.
        cache, job: as of `Encoder.embed`.
        multi: a vector for each token too.
    """
    asked = {"max_length": max_length, "cache": cache, "job": job}
    sparse = [None] * len(texts)
    if "sparse" in encoder.kind.gives:
        found = encoder.embed_with_weights(texts, "query", **asked)
        dense, sparse = found.dense, rows_of(found.sparse)
    else:
        dense = encoder.embed(texts, "query", **asked)
    tokens: Sequence[np.ndarray | None] = [None] * len(texts)
    if multi:
        tokens = encoder.encode(
            texts, "query", max_length=max_length, dense=False, multi_vector=True
        ).multi_vector
    return [Query(*one) for one in zip(texts, dense, sparse, tokens, strict=True)]


def rows_of(matrix: csr_matrix) -> list[tuple[np.ndarray, np.ndarray]]:
    """Tokens, ascending, and their weights of each row."""
    matrix.sort_indices()
    parts = map(slice, matrix.indptr[:-1], matrix.indptr[1:])
    return [(matrix.indices[part], matrix.data[part]) for part in parts]


def model_of(folder: Path, about: Record, given: str | None = None) -> Path:
    """Where the model of an index lies.

    Args:
        folder: of the index.
        about: what is said of it.
        given: the directory, if it is elsewhere than where it was.

    Raises:
        InputError: it is not there.
    """
    path = Path(given) if given else folder / about["model"]["path"]
    if not path.is_dir():
        raise InputError(
            "is not there, the model that the index was made by; give its directory "
            "with --model",
            file=path,
        )
    return path


def check_same(path: Path, about: Record) -> None:
    """Refuse a model of other files than that of the index.

    Raises:
        InputError: it is another one, or none.
    """
    # What is none may be any directory, of files without end.
    check_model(path, "m3")
    if digest_of_files(path) != about["model"]["hash"]:
        raise InputError(
            "has other files than the model that the index was made by, so their "
            "vectors do not belong together; give that one with --model, or make the "
            "index again",
            file=path,
        )


@contextmanager
def asker(path: Path, about: Record) -> Iterator[Encoder]:
    """The encoder of a model, as the index had it.

    Raises:
        InputError: the directory will not do.
    """
    from arkiv.encode.description import Description
    from arkiv.encode.encoder import Encoder
    from arkiv.encode.m3 import M3

    model = about["model"]
    names = ("pooling", "query_prompt", "passage_prompt")
    kind = M3(path, description=Description(*(model[name] for name in names)))
    with Encoder(kind, longest=model["query_max_length"]) as encoder:
        yield encoder
