"""The pairs that a model is tuned and tested on, in one file with their sides."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from arkiv.base.files import Record, read_records
from arkiv.base.hashing import content_id, text_key
from arkiv.base.row_files import row_files
from arkiv.pairs.division import check_pair
from arkiv.pairs.given import SPLIT
from arkiv.queries.extractive import asker
from arkiv.queries.offline import queries_in


def rows_of(path: str | Path) -> Iterator[Record]:
    """The rows of a file or of a directory of them.

    Raises:
        InputError: there is none, or one is no pair.
    """
    for file in row_files(path):
        yield from (row for _, row in read_records(file, check_pair))


def with_test(pairs: str | Path, test: str | Path) -> list[Record]:
    """The rows of two files: those of the second are test's, the others train's.

    What asks as a test row does is test's too, for it says what else is relevant. Rows
    that share a passage with one the pipeline sets aside: they are not trained on.
    """
    held_out = list(rows_of(test))
    asked = {text_key(row["query"]) for row in held_out}
    others = [
        row | {SPLIT: "test" if text_key(row["query"]) in asked else "train"}
        for row in rows_of(pairs)
    ]
    return [row | {SPLIT: "test"} for row in held_out] + others


def in_own_words(rows: list[Record], count: int, seed: int) -> list[Record]:
    """The test rows, and in place of the others so many queries for each passage that
    is not tested, as `queries.backend: extractive` makes them of its own words.

    Args:
        rows: with their sides.
        count: for each passage; fewer where it has no more telling words.
        seed: of the choice of words.
    """
    tested = [row for row in rows if row[SPLIT] == "test"]
    known = {text_key(text) for row in tested for text in row["pos"]}
    made = []
    for row in rows:
        for text in row["pos"]:
            if (key := text_key(text)) in known:
                continue
            known.add(key)
            document = {"id": content_id(text), "text": text}
            made += [
                {"query": query, "pos": [text], SPLIT: "train"}
                for query in queries_in(document, asker, count, seed)
            ]
    return tested + made
