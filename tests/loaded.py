"""A small index for the tests of loading, and what is expected to be found in it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from arkiv.index.schema import ABOUT_KEY, LAYOUT, READY, TABLE, schema

ROWS, DIMENSIONS, VOCABULARY, QUERIES = 60, 16, 200, 12
WORDS = "kvarnen kvarnar rätten böter tinget socknen vittnen dom karta präst".split()


def unit(rng, shape) -> np.ndarray:
    return unit_of(rng.normal(size=shape).astype(np.float32))


def unit_of(vectors: np.ndarray) -> np.ndarray:
    return vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)


def codes_of(vector: np.ndarray) -> np.ndarray:
    return np.rint(vector * 127 / np.abs(vector).max()).astype(np.int8)


def row(number: int, version: int = 1) -> dict:
    """A row of an index; another version has other text and vectors."""
    rng = np.random.default_rng([number, version])
    tokens = np.sort(rng.choice(VOCABULARY, 3 + number % 9, replace=False))
    known = number % 5
    box = [10, 20 * number, 300, 20 * number + 15] if known else None
    place = {"page": 1, "label": "1r", "line": f"l{number}", "image": "a.jpg"}
    return {
        "id": f"passage-{number}",
        "text": f"{' '.join(rng.choice(WORDS, 8))} nr {number}\nversion {version}",
        "dense": unit(rng, DIMENSIONS).astype(np.float16),
        "sparse_tokens": tokens.tolist(),
        "sparse_weights": rng.random(len(tokens)).astype(np.float32) + 0.01,
        "dataset": "court",
        "group": f"§ {number // 4}" if known else None,
        "volume": f"vol/{number // 20}",
        "type": "dombok" if known else None,
        "title": 'Häradets "dombok"' if known else None,
        "reference": None,
        "year": 1800 + number if known else None,
        "year_to": None,
        "about": json.dumps({"härad": "Bräkne", "nr": number}, ensure_ascii=False),
        "first_page": 1,
        "first_line": 3,
        "last_page": 2,
        "last_line": 9,
        "first_label": "1r",
        "last_label": None,
        "confidence": 0.5 + number / 1000 if known else None,
        "lines": [place | {"box": box, "width": 900, "height": 1200}] * (known > 1),
        "images": ["a.jpg"],
        "image_link": f"https://images.example/{number}",
        "manifest": None,
        "fingerprint": f"{version}-{number}",
    }


def rows() -> list[dict]:
    """Those of an index."""
    return [row(number) for number in range(ROWS)]


def changed_rows() -> list[dict]:
    """The same later: three are gone, one has another text and vector, one is new."""
    gone = (10, 11, 12)
    kept = [row(n, 2 if n == 20 else 1) for n in range(ROWS) if n not in gone]
    return [*kept, row(100)]


def queries(rows: list[dict]) -> list[dict]:
    """Queries with their first ten, by NumPy alone."""
    dense = np.stack([one["dense"] for one in rows])
    as_bytes, dense = dense.dtype == np.int8, dense.astype(np.float32)
    sparse = np.zeros((len(rows), VOCABULARY), np.float32)
    for place, one in enumerate(rows):
        sparse[place, one["sparse_tokens"]] = one["sparse_weights"]
    rng = np.random.default_rng(7)
    found = []
    for number in range(QUERIES):
        vector = unit(rng, DIMENSIONS)
        tokens = np.sort(rng.choice(VOCABULARY, 8, replace=False))
        weights = rng.random(8).astype(np.float32)
        asked = codes_of(vector).astype(np.float32) if as_bytes else vector
        scores = {"dense": unit_of(dense) @ asked}
        scores["sparse"] = sparse[:, tokens] @ weights
        hits = {}
        for mode, of in scores.items():
            best = np.argsort(-of, kind="stable")[:10]
            kept = [one for one in best if mode == "dense" or of[one] > 0]
            hits[mode] = [rows[one]["id"] for one in kept]
        # By another form of the word.
        milled = [one["id"] for one in rows if "kvarn" in one["text"]]
        hits["full_text"] = milled[:10]
        found.append(
            {
                "query": f"kvarnens fråga {number}",
                "dense": vector.tolist(),
                "sparse": {"tokens": tokens.tolist(), "weights": weights.tolist()},
                "hits": hits,
            }
        )
    return found


def in_bytes(one: dict) -> dict:
    """A row of an index of int8 vectors, which has one for each token too."""
    rng = np.random.default_rng(len(one["text"]))
    codes = codes_of(one["dense"].astype(np.float32))
    multi = unit(rng, (len(one["sparse_tokens"]), DIMENSIONS)).astype(np.float16)
    return one | {"dense": codes, "multi_vectors": list(multi)}


def build_index(
    folder: Path, rows: list[dict], language: str = "swedish", **more: bool
) -> Path:
    """An index of these rows, in the place of one that is there."""
    import lance
    import pyarrow as pa

    folder.mkdir(parents=True, exist_ok=True)
    multi = "multi_vectors" in rows[0]
    columns = schema(DIMENSIONS, "int8" if multi else "float16", multi=multi)
    table = pa.Table.from_pylist(rows, columns)
    # In several fragments, as parts write them.
    written = lance.write_dataset(
        table, str(folder / TABLE), mode="overwrite", max_rows_per_file=25
    )
    about = {"layout": LAYOUT, "language": language, "vocabulary": VOCABULARY} | more
    written.update_config({ABOUT_KEY: json.dumps(about)})
    if READY in written.tags.list():
        written.tags.update(READY, written.latest_version)
    else:
        written.tags.create(READY, written.latest_version)
    of = {"version": written.latest_version}
    lines = (json.dumps(of | one, ensure_ascii=False) + "\n" for one in queries(rows))
    (folder / "expected.jsonl").write_text("".join(lines), encoding="utf-8")
    return folder


def bulk(folder: str | Path, kind: str) -> dict[str, dict]:
    """Documents by id, as the reader of such files takes them, in any order."""
    found: dict[str, dict] = {}
    for path in Path(folder).glob("passages-*"):
        lines = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
        if kind == "vespa":
            prefix = "id:arkiv:passages::"
            pairs = [(one["put"].removeprefix(prefix), one["fields"]) for one in lines]
        else:
            actions, documents = lines[::2], lines[1::2]
            assert [*map(list, actions)] == [["index"]] * len(documents)
            ids = [one["index"]["_id"] for one in actions]
            pairs = [*zip(ids, documents, strict=True)]
        assert not {one for one, _ in pairs} & found.keys()
        found |= dict(pairs)
    return found
