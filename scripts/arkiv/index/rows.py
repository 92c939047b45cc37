"""From passages to rows of the table: where they stand, what is known, fingerprints."""

from __future__ import annotations

import json
from array import array
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from arkiv.base.files import Part, Record, open_input, parse_record, read_records
from arkiv.base.hashing import content_id
from arkiv.documents.places import Places
from arkiv.index.schema import (
    DENSE,
    LABELS,
    MULTI,
    PLACE,
    TEXTS,
    TOKENS,
    WEIGHTS,
    Vectors,
)
from arkiv.retrieve.collection import check_passage
from arkiv.retrieve.compressed import int8_codes

if TYPE_CHECKING:
    import pyarrow as pa

    from arkiv.encode.encoder import Encoded

# From a passage to an address, or to None.
Link = Callable[[Record], str | None]


@dataclass(frozen=True)
class Origin:
    """What rows are made of beside the passages.

    Attributes:
        places: by dataset where its lines stand.
        image_link, manifest: addresses for a passage.
        recipe: a hash of all that encodings depend on.
    """

    places: Mapping[str, Places]
    image_link: Link
    manifest: Link
    recipe: str


def ordered_part(corpus: str | Path, part: Part) -> Iterator[Record]:
    """The passages of a part of a collection, in the order of the table.

    That is by dataset, volume, page and id, so that a part has whole volumes but for
    its ends. In memory are the keys alone.

    Raises:
        InputError: a line that is no passage.
    """
    keys, starts = [], array("q")
    with open_input(corpus) as file:
        starts.append(0)
        for raw in file:
            starts.append(starts[-1] + len(raw))
    for _, record in read_records(corpus, check_passage):
        keys.append(
            (
                record.get("dataset") or "",
                str(record.get("volume") or ""),
                record.get("first_page") or 0,
                record["id"],
            )
        )
    order = sorted(range(len(keys)), key=keys.__getitem__)
    chosen = [order[row] for row in part.bounds(len(order))]
    del keys, order
    with open_input(corpus) as file:
        for row in chosen:
            file.seek(starts[row])
            yield parse_record(file.readline())


def described(passage: Record, origin: Origin) -> Record:
    """The row of a passage without its encodings, with its fingerprint."""
    row: Record = {"id": passage["id"], "text": passage["text"]}
    for name in TEXTS:
        row[name] = None if passage.get(name) is None else str(passage[name])
    first, last = passage.get("year"), passage.get("year_to")
    row["year"] = last if first is None else first
    row["year_to"] = first if last is None else last
    others = {one["name"]: one["value"] for one in passage.get("about") or ()}
    row["about"] = json.dumps(others, ensure_ascii=False, sort_keys=True)
    row |= {name: passage.get(name) for name in (*PLACE, *LABELS, "confidence")}
    row["lines"] = _lines(passage, origin)
    # Of a page without boxes there are no lines.
    first, last = passage.get("first_image"), passage.get("last_image")
    images = (first, *(one["image"] for one in row["lines"]), last)
    row["images"] = list(dict.fromkeys(one for one in images if one))
    row["image_link"] = origin.image_link(passage)
    row["manifest"] = origin.manifest(passage)
    row["fingerprint"] = content_id(
        origin.recipe, json.dumps(row, ensure_ascii=False, sort_keys=True)
    )
    return row


def _lines(passage: Record, origin: Origin) -> list[Record]:
    places = origin.places.get(passage.get("dataset") or "")
    return [
        {
            "page": line["page"],
            "label": line["label"] or None,
            "line": line["id"],
            "image": line["image"] or None,
            "box": line["box"],
            "width": line["width"],
            "height": line["height"],
        }
        for line in (places.of(passage) if places else ())
    ]


def batch_of(
    rows: Sequence[Record], encoded: Encoded, columns: pa.Schema, vectors: Vectors
) -> pa.RecordBatch:
    """Rows and their encodings, in the same order, as a batch of the table."""
    import pyarrow as pa

    # As they are: brought to length 1 again they would be rounded again.
    dense = np.asarray(encoded.dense, np.float16)
    if vectors == "int8":
        dense = int8_codes(dense)
    held = {DENSE: _vectors(dense, columns.field(DENSE).type)}
    held |= _weights(encoded, len(rows))
    if MULTI in columns.names:
        held[MULTI] = _token_vectors(encoded.multi_vector, columns.field(MULTI).type)
    arrays = [
        held[field.name]
        if field.name in held
        else pa.array([row[field.name] for row in rows], field.type)
        for field in columns
    ]
    return pa.RecordBatch.from_arrays(arrays, schema=columns)


def _vectors(values: np.ndarray, of: Any) -> pa.Array:
    import pyarrow as pa

    flat = pa.array(np.ascontiguousarray(values).ravel(), of.value_type)
    return pa.FixedSizeListArray.from_arrays(flat, type=of)


def _weights(encoded: Encoded, count: int) -> dict[str, pa.Array]:
    """Tokens ascending, with their weights; empty lists where there are none."""
    import pyarrow as pa

    if encoded.sparse is None:
        ends, tokens, weights = np.zeros(count + 1), np.zeros(0), np.zeros(0)
    else:
        found = encoded.sparse.copy()
        found.eliminate_zeros()
        found.sort_indices()
        ends, tokens, weights = found.indptr, found.indices, found.data
    ends = pa.array(ends.astype(np.int32))
    return {
        TOKENS: pa.ListArray.from_arrays(ends, pa.array(tokens.astype(np.int32))),
        WEIGHTS: pa.ListArray.from_arrays(ends, pa.array(weights.astype(np.float32))),
    }


def _token_vectors(found: Iterable[np.ndarray], of: Any) -> pa.Array:
    import pyarrow as pa

    found = list(found)
    ends = np.cumsum([0, *map(len, found)]).astype(np.int32)
    values = np.concatenate(found).astype(np.float16)
    return pa.ListArray.from_arrays(pa.array(ends), _vectors(values, of.value_type))
