"""A small index made of rows that tests give, without a model."""

from __future__ import annotations

import sys
import time
from functools import partial
from pathlib import Path

import numpy as np
from loaded import DIMENSIONS, VOCABULARY, queries, row
from scipy.sparse import csr_matrix

from arkiv.base.files import Part as Share
from arkiv.encode.encoder import Encoded
from arkiv.index.committing import commit
from arkiv.index.expected import fitted
from arkiv.index.parts import Part, write_part
from arkiv.index.reading import Query
from arkiv.index.rows import batch_of
from arkiv.index.schema import LAYOUT, schema

COLUMNS = schema(DIMENSIONS)
PARTS = 2


def rows_of(volumes, version=1):
    """Twenty rows of each volume, in the table's order; with years on both ends."""
    rows = [row(20 * volume + n, version) for volume in volumes for n in range(20)]
    for one in rows:
        one["year_to"] = one["year"]
    return sorted(rows, key=lambda one: (one["volume"], one["first_page"], one["id"]))


def encoded(rows):
    """Their encodings."""
    weights = np.zeros((len(rows), VOCABULARY), np.float32)
    for place, one in enumerate(rows):
        weights[place, one["sparse_tokens"]] = one["sparse_weights"]
    dense = np.stack([one["dense"] for one in rows])
    return Encoded(dense=dense, sparse=csr_matrix(weights))


def write(folder: Path, rows, parts=PARTS, slowly=0.0):
    """Write the parts; give them as their files tell them."""
    found = []
    for number in range(1, parts + 1):

        def filled(chunk):
            for start in range(0, len(chunk), 5):
                some = chunk[start : start + 5]
                time.sleep(slowly)
                yield batch_of(some, encoded(some), COLUMNS, "float16")

        bounds = Share(number, parts).bounds(len(rows))
        given = iter(rows[bounds.start : bounds.stop])
        path = folder / "parts" / f"{number}.json"
        write_part(folder, given, COLUMNS, filled).write(path)
        found.append(Part.read(path))
    return found


def join(folder: Path, parts, ann_from=None):
    """Commit parts; say whether there is a new version."""
    names = ("language", "ann_from", "layout", "vocabulary")
    about = dict(zip(names, ("swedish", ann_from, LAYOUT, VOCABULARY), strict=True))
    asked = [
        Query(dense=np.array(one["dense"], np.float16)) for one in queries(rows_of([0]))
    ]
    measured = partial(fitted, folder, queries=asked)
    return commit(folder, parts, COLUMNS, lambda _: dict(about), measured)


def make(folder: Path, rows, parts=PARTS, ann_from=None):
    """An index of these rows, or one that is there brought up to them."""
    return join(folder, write(folder, rows, parts), ann_from)


if __name__ == "__main__":
    # For tests that kill it.
    where, volumes, version = sys.argv[1:]
    wanted = rows_of(map(int, volumes.split(",")), int(version))
    print("begun", flush=True)
    join(Path(where), write(Path(where), wanted, slowly=0.02))
