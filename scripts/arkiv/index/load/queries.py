"""The test queries of an index, by which others are checked."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from arkiv.base.errors import InputError, expecting
from arkiv.index.expected import read
from arkiv.index.load.source import Source
from arkiv.index.schema import EXPECTED
from arkiv.retrieve.compressed import int8_codes

DENSE, SPARSE, FULL_TEXT = "dense", "sparse", "full_text"


@dataclass(frozen=True)
class Query:
    """A test query, and what the index finds for it."""

    text: str
    dense: np.ndarray  # (d,) float32, rounded as the table's vectors are
    sparse: tuple[np.ndarray, np.ndarray]  # tokens, weights
    hits: dict[str, list[str]]  # by mode: ids of passages, best first


def read_queries(source: Source) -> list[Query]:
    """The test queries of an index.

    Raises:
        InputError: there are none, or lines of another form or version.
    """
    path = source.folder / EXPECTED
    queries = []
    for record in read(source.folder, source.version):
        with expecting("`snakemake index`", path):
            sparse = record["sparse"]
            queries.append(
                Query(
                    record["query"],
                    _rounded(np.array(record["dense"]), source.is_int8),
                    (
                        np.array(sparse["tokens"], np.int32),
                        np.array(sparse["weights"], np.float32),
                    ),
                    {mode: list(ids) for mode, ids in record["hits"].items()},
                )
            )
    if not queries:
        raise InputError("has no queries to check by", file=path)
    return queries


def _rounded(vector: np.ndarray, as_int8: bool) -> np.ndarray:
    """A query's vector as a search of the table takes it."""
    if as_int8:
        return int8_codes(vector[None])[0].astype(np.float32)
    return vector.astype(np.float16).astype(np.float32)
