"""Rows that ask the same made one pair."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
from typing import NamedTuple

from arkiv.base.files import Record
from arkiv.base.hashing import content_id, nfc, text_key
from arkiv.pairs.division import merged, with_ids
from arkiv.pairs.provenance import origin_of

# Rows of one key become one pair.
KeyOf = Callable[[Mapping], Hashable]


class United(NamedTuple):
    """A pair of all rows that ask the same.

    Attributes:
        pair: with ids.
        rows: what it was made of, with ids.
        origins: where each positive stands, by its id.
        dropped: how many given negatives are positives of it.
    """

    pair: Record
    rows: list[Record]
    origins: dict[str, Record]
    dropped: int


def united(
    rows: Iterable[Record], key_of: KeyOf, repeats: Counter[Hashable]
) -> Iterator[United]:
    """One pair for each key, see `merged`, where the last of its rows stands.

    Args:
        rows: without ids.
        key_of: of a row with ids, the same for those that ask the same.
        repeats: how many rows each key has.
    """
    waiting: dict[Hashable, list[tuple[Record, Record]]] = {}
    for row in rows:
        with_own_ids = with_ids(row)
        key = key_of(with_own_ids)
        same = waiting.setdefault(key, [])
        same.append((row, with_own_ids))
        if len(same) < repeats[key]:
            continue
        del waiting[key]
        yield _united([one for one, _ in same], [one for _, one in same])


def _united(same: list[Record], with_own_ids: list[Record]) -> United:
    pair = merged(same) if len(same) > 1 else with_own_ids[0]
    given = [text for one in same for text in one.get("neg", ())]
    dropped = 0
    if len(pair.get("neg", ())) < len(given):
        positives = set(map(text_key, pair["pos"]))
        dropped = sum(text_key(text) in positives for text in given)
    origins = {
        content_id(text): origin_of(row)
        for row in reversed(same)
        for text in map(nfc, row["pos"])
    }
    return United(pair, with_own_ids, origins, dropped)
