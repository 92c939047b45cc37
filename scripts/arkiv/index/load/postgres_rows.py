"""Rows as PostgreSQL's binary COPY takes them.

The forms of pgvector's types are those of its `vector_recv`, `halfvec_recv` and
`sparsevec_recv` (src/vector.c, halfvec.c, sparsevec.c): big-endian, dimensions first.
"""

from __future__ import annotations

import json
import logging
import struct
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import numpy as np

from arkiv.index.load.source import Row
from arkiv.index.schema import TEXTS

log = logging.getLogger(__name__)

# PostgreSQL's texts hold any character but this one.
NUL, REPLACEMENT = "\0", "\N{REPLACEMENT CHARACTER}"
FLOATS = {"vector": ">f4", "halfvec": ">f2"}


class Column(NamedTuple):
    """A column: how it is declared, and the type its values are sent as."""

    name: str
    declared: str
    sent: str


COLUMNS = (
    Column("id", "text PRIMARY KEY", "text"),
    Column("text", "text NOT NULL", "text"),
    Column("dense", "{vectors}({dimensions}) NOT NULL", "bytea"),
    Column("sparse", "sparsevec({vocabulary}) NOT NULL", "bytea"),
    *(Column(name, "text", "text") for name in TEXTS),
    Column("year", "integer", "int4"),
    Column("year_to", "integer", "int4"),
    Column("about", "jsonb", "jsonb"),
    Column("first_page", "integer", "int4"),
    Column("first_line", "integer", "int4"),
    Column("last_page", "integer", "int4"),
    Column("last_line", "integer", "int4"),
    Column("first_label", "text", "text"),
    Column("last_label", "text", "text"),
    Column("confidence", "real", "float4"),
    Column("lines", "jsonb NOT NULL", "jsonb"),
    Column("images", "text[] NOT NULL", "text[]"),
    Column("image_link", "text", "text"),
    Column("manifest", "text", "text"),
    Column("fingerprint", "text NOT NULL", "text"),
)


def values(
    row: Row, columns: Iterable[Column], vectors: str, vocabulary: int
) -> list[Any]:
    """The values of a row's columns, for `Copy.write_row`.

    Args:
        row: of the index.
        columns: in their order.
        vectors: the type of dense vectors.
        vocabulary: dimensions of the sparse ones.
    """
    if NUL in row["text"]:
        log.warning("passage %s: U+0000 in its text is replaced", row["id"])
    return [_value(one, row, vectors, vocabulary) for one in columns]


def _value(column: Column, row: Row, vectors: str, vocabulary: int) -> Any:
    from psycopg.types.json import Jsonb

    if column.name == "dense":
        return _dense(row["dense"], FLOATS[vectors])
    if column.name == "sparse":
        return _sparse(*row["sparse"], vocabulary)
    value = row[column.name]
    if column.sent == "jsonb":
        # The columns of the volumes' table come as one text.
        plain = json.loads(value) if isinstance(value, str) else value
        return None if plain is None else Jsonb(_without_nul(plain))
    return _without_nul(value)


def _dense(vector: np.ndarray, form: str) -> bytes:
    return struct.pack(">hh", len(vector), 0) + vector.astype(form).tobytes()


def _sparse(tokens: np.ndarray, weights: np.ndarray, vocabulary: int) -> bytes:
    head = struct.pack(">iii", vocabulary, len(tokens), 0)
    return head + tokens.astype(">i4").tobytes() + weights.astype(">f4").tobytes()


def _without_nul(value: Any) -> Any:
    """A value whose texts PostgreSQL takes."""
    if isinstance(value, str):
        return value.replace(NUL, REPLACEMENT)
    if isinstance(value, list):
        return [_without_nul(one) for one in value]
    if isinstance(value, Mapping):
        return {_without_nul(key): _without_nul(one) for key, one in value.items()}
    return value
