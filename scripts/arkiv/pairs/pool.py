"""A pool of candidates: passages that are searched without a query of their own."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from arkiv.base.errors import InputError
from arkiv.base.files import Record, check_text, read_records
from arkiv.base.hashing import content_id
from arkiv.pairs.provenance import origin_of, settle_provenance

# What the text of a passage is called.
TEXT_KEYS = ("text", "passage")


def check_candidate(record: Record) -> None:
    """Refuse, by an InputError with the key, what is no passage of a pool.

    Provenance is settled, see `settle_provenance`.
    """
    key = next((key for key in TEXT_KEYS if record.get(key) is not None), TEXT_KEYS[0])
    check_text(record, key)
    name = record.get("id")
    if isinstance(name, bool) or not isinstance(name, str | int | None):
        kind = type(name).__name__
        raise InputError(f"is of type {kind}, expected a text or a number", key="id")
    settle_provenance(record)


def read_pool(
    paths: Iterable[str], rejected: list[Record] | None = None
) -> Iterator[Record]:
    """The passages of all files of a pool, as a corpus has them.

    Each has `id`, as every passage of its text, `text`, its provenance, and as
    `pool_id` what the pool calls it.

    Args:
        paths: JSONL of `{"text"}`, or `{"passage"}`.
        rejected: see `read_records`.

    Raises:
        InputError: as `read_records` and `check_candidate`.
    """
    for path in paths:
        for _, record in read_records(path, check_candidate, rejected=rejected):
            yield _passage(record)


def _passage(record: Record) -> Record:
    (text, *_) = (record[key] for key in TEXT_KEYS if record.get(key) is not None)
    passage = {"id": content_id(text), "text": text}
    if record.get("id") is not None:
        passage["pool_id"] = str(record["id"])
    # Of a passage the type is its own, unlike that of a row with a query.
    own = {"type": record["type"]} if "type" in record else {}
    return passage | origin_of(record) | own
