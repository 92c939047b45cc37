"""Rows as documents of a search engine that is fed JSON, a line each."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from arkiv.base.files import ENCODER
from arkiv.index.exact import Vectors
from arkiv.index.load.source import Row
from arkiv.index.schema import MULTI

# Digits that bring a float16 back, and a float32.
HALF, SINGLE = "{:.5g}", "{:.9g}"
# What Vespa takes in no text (com.yahoo.text.Text): controls and what is no character.
CONTROLS = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ufdd0-\ufddf\ufffe\uffff]")
REPLACEMENT = "\N{REPLACEMENT CHARACTER}"
# Documents that are read at a time.
BLOCK = 256
Document = dict[str, Any]
NOT_PLAIN = {"dense", "sparse", MULTI}


def numbers(values: np.ndarray, form: str) -> str:
    """Numbers as a JSON array has them between its brackets."""
    return ",".join(map(form.format, values.tolist()))


def weights(row: Row) -> str:
    """Token weights as a JSON object: a token's name is its number in the tokenizer.

    Its text will not do: names of features may have no dots in some versions.
    """
    tokens, values = row["sparse"]
    pairs = zip(tokens.tolist(), map(SINGLE.format, values.tolist()), strict=True)
    return "{" + ",".join(f'"{token}":{value}' for token, value in pairs) + "}"


def plain(row: Row) -> Document:
    """What a row has beside its vectors, without what is null."""
    return {
        name: value
        for name, value in row.items()
        if name not in NOT_PLAIN and value is not None
    }


def joined(document: Document, **written: str) -> str:
    """A JSON object of a document and of members that are JSON already."""
    more = [f'"{name}":{value}' for name, value in written.items()]
    return ENCODER.encode(document)[:-1] + "".join(f",{one}" for one in more) + "}"


def clean(value: Any) -> Any:
    """A value whose texts have no controls, and whose objects have nothing null."""
    if isinstance(value, str):
        return CONTROLS.sub(REPLACEMENT, value)
    if isinstance(value, list):
        return [clean(one) for one in value]
    if isinstance(value, dict):
        return {key: clean(one) for key, one in value.items() if one is not None}
    return value


def lines_of(path: Path) -> Iterator[Document]:
    """The JSON objects of a file, a line each."""
    with open(path, encoding="utf-8") as file:
        yield from map(json.loads, file)


def in_blocks(
    documents: Iterable[tuple[str, Document]], dimensions: int
) -> Iterator[Vectors]:
    """Ids and documents with `dense` and `sparse` as vectors, some at a time."""
    block: list[tuple[str, Document]] = []
    for one in documents:
        block.append(one)
        if len(block) == BLOCK:
            yield _vectors(block, dimensions)
            block = []
    if block:
        yield _vectors(block, dimensions)


def _vectors(block: list[tuple[str, Document]], dimensions: int) -> Vectors:
    dense = np.array([document["dense"] for _, document in block], np.float32)
    sparse = [
        (
            np.fromiter(map(int, document["sparse"]), np.int32),
            np.fromiter(document["sparse"].values(), np.float32),
        )
        for _, document in block
    ]
    return Vectors([one for one, _ in block], dense.reshape(-1, dimensions), sparse)
