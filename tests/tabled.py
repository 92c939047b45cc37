"""A table of an index, written without the program that makes one."""

import json
from pathlib import Path

import lance
import numpy as np
import pyarrow as pa
from scipy.sparse import load_npz

from arkiv.base.hashing import digest_of_files
from arkiv.encode.description import Description
from arkiv.index.by_row import write_by_row
from arkiv.index.by_token import write_by_token
from arkiv.index.schema import (
    ABOUT,
    ABOUT_KEY,
    BY_ROW,
    BY_TOKEN,
    LAYOUT,
    READY,
    TABLE,
    schema,
)
from arkiv.retrieve.collection import read_ordered


def write_table(run: Path, model: str, path: Path, lines) -> Path:
    """The passages of a run's collection and their encodings as rows of a table.

    Args:
        run: its directory.
        model: of the run, whose encodings.
        path: of it.
        lines: of a passage, as a row has them.
    """
    folder = run / "index"
    passages = read_ordered(run / "collection/corpus.jsonl")
    dense = np.load(run / f"encodings/{model}/corpus.dense.npy")
    dense = dense / np.linalg.norm(dense.astype(np.float32), axis=1, keepdims=True)
    weights = load_npz(run / f"encodings/{model}/corpus.sparse.npz").tocsr()
    weights.sort_indices()
    kind = schema(dense.shape[1])
    given = {
        "dense": list(dense.astype(np.float16)),
        "sparse_tokens": np.split(weights.indices, weights.indptr[1:-1]),
        "sparse_weights": np.split(weights.data, weights.indptr[1:-1]),
        "about": ["{}"] * len(passages),
        "lines": list(map(lines, passages)),
        "images": [
            [row["first_image"]] if row.get("first_image") else [] for row in passages
        ],
    }
    columns = [
        pa.array(
            given.get(name) or [row.get(name) for row in passages],
            kind.field(name).type,
        )
        for name in kind.names
    ]
    rows = pa.table(columns, schema=kind)
    dataset = lance.write_dataset(rows, str(folder / TABLE))
    dataset.create_scalar_index("text", "INVERTED", with_position=False)
    addresses = dataset.to_table(columns=["id"], with_row_id=True)["_rowid"].to_numpy()
    ids = [row["id"] for row in passages]
    vectors = dense.astype(np.float16)
    write_by_row(
        folder / BY_ROW, [(addresses, ids, vectors)], vectors.shape, vectors.dtype
    )
    batch = np.diff(weights.indptr), weights.indices, weights.data
    write_by_token(folder / BY_TOKEN, lambda: [batch], weights.shape[1])
    known = {
        "layout": LAYOUT,
        "model": {
            "name": model,
            "hash": digest_of_files(path),
            **vars(Description.of(path)),
            "query_max_length": 512,
        },
        "weights": {"dense": 1, "sparse": 0.3},
        BY_ROW: BY_ROW,
        BY_TOKEN: BY_TOKEN,
    }
    dataset.update_config({ABOUT_KEY: json.dumps(known)})
    dataset.tags.create(READY, dataset.latest_version)
    (folder / ABOUT).write_text(json.dumps(known))
    return folder
