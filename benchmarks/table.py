"""An index of made-up passages: its parts, their commit, searches, and a run around it.

Texts are words drawn as those of a language are, and so are tokens; no model encodes
them. Vectors are made as those of models lie, in directions of falling variance and in
topics within topics: of 4,000 the nearest 20 of each lie as in 28 dimensions (median of
Levina and Bickel's estimates). So do as many descriptions of Debian's packages in those
of multilingual-e5-small, as in 27, and of MiniLM, as in 21. Of vectors without such
structure none is near another, and only an exact search finds the nearest.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable, Iterator
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np
from scipy.sparse import csr_matrix

from arkiv.base.files import Part as Share
from arkiv.base.files import Record, write_json, write_records
from arkiv.base.hashing import content_id, digest_of_files
from arkiv.encode.encoder import Encoded
from arkiv.index.committing import commit
from arkiv.index.expected import fitted
from arkiv.index.filters import Filters
from arkiv.index.parts import BATCH, Part, write_part
from arkiv.index.reading import MODES, Query, Table
from arkiv.index.rows import batch_of
from arkiv.index.schema import ABOUT, LAYOUT, schema
from arkiv.index.settings import Index

DIMENSIONS, VOCABULARY, WORDS = 1024, 250_002, 50_000
WORDS_OF_TEXT, TOKENS_OF_TEXT, WORDS_OF_QUERY, TOKENS_OF_QUERY = 40, 60, 4, 12
# Directions in which vectors differ, and how fast their variance falls.
FACTORS, FALL = 256, 0.5
# What all vectors have in common; topics, each with its share of the variance.
COMMON, TOPICS = 0.3, ((300, 0.3), (10_000, 0.2))
PER_VOLUME, QUERIES = 1000, 50
COLUMNS = schema(DIMENSIONS)
LINE = {"page": 1, "label": None, "line": "l", "image": "i.jpg"}
LINE |= {"box": [0, 0, 900, 40], "width": 900, "height": 1200}
SOME = Filters(years=(1750, 1760), types=("type1", "type2", "type3"))


def words(draw: np.random.Generator, count: int, most: int) -> np.ndarray:
    """Numbers of words, some of which are very common (Zipf's law)."""
    return np.minimum(draw.zipf(1.3, count), most) - 1


def said(numbers: np.ndarray) -> str:
    """Words as a text, of which none begins as another."""
    return " ".join(f"ord{word:05}" for word in numbers.tolist())


def rows(bounds: range) -> Iterator[Record]:
    """Rows without their encodings."""
    empty = dict.fromkeys(COLUMNS.names)
    draw = np.random.default_rng(bounds.start)
    for number in bounds:
        place = (number - bounds.start) % BATCH
        if not place:
            texts = words(draw, BATCH * WORDS_OF_TEXT, WORDS).reshape(BATCH, -1)
        volume = number // PER_VOLUME
        year = 1700 + volume % 200
        yield empty | {
            "id": f"{number:016x}",
            "text": said(texts[place]),
            "dataset": "court",
            "volume": f"v{volume:06}",
            "type": f"type{volume % 7}",
            "year": year,
            "year_to": year + 2,
            "about": "{}",
            "first_page": number % PER_VOLUME,
            "first_line": 1,
            "lines": [LINE] * 4,
            "images": ["i.jpg"],
            "confidence": 0.9,
            "fingerprint": f"{number:016x}",
        }


@cache
def directions() -> tuple[np.ndarray, np.ndarray, list[np.ndarray]]:
    """(factors, d) directions, (d,) what is common, centres of topics by factors."""
    draw = np.random.default_rng(0)
    basis, _ = np.linalg.qr(draw.standard_normal((DIMENSIONS, FACTORS)))
    sizes = (np.arange(FACTORS) + 6.0) ** -FALL
    sizes /= np.linalg.norm(sizes)
    common = draw.standard_normal(DIMENSIONS)
    common *= COMMON / np.linalg.norm(common)
    topics = [
        np.sqrt(share) * draw.standard_normal((count, FACTORS)).astype(np.float32)
        for count, share in TOPICS
    ]
    return (basis * sizes).T.astype(np.float32), common.astype(np.float32), topics


def dense(draw: np.random.Generator, count: int) -> np.ndarray:
    """(count, d) float16 of length 1."""
    basis, common, topics = directions()
    own = np.sqrt(1 - sum(share for _, share in TOPICS))
    found = np.float32(own) * draw.standard_normal((count, FACTORS), np.float32)
    # A topic of the many lies within one of the few.
    topic = draw.integers(0, TOPICS[-1][0], count)
    for centres in topics:
        found += centres[topic % len(centres)]
    found = found @ basis + common
    return (found / np.linalg.norm(found, axis=1, keepdims=True)).astype(np.float16)


def sparse(draw: np.random.Generator, count: int, each: int) -> csr_matrix:
    """(count, vocabulary) token weights."""
    tokens = words(draw, count * each, VOCABULARY)
    weights = draw.random(len(tokens), np.float32)
    ends = np.arange(count + 1) * each
    found = csr_matrix((weights, tokens, ends), (count, VOCABULARY))
    found.sum_duplicates()
    return found


def filled(chunk: list[Record]) -> Iterator[Any]:
    """Batches of rows with encodings."""
    for start in range(0, len(chunk), BATCH):
        some = chunk[start : start + BATCH]
        draw = np.random.default_rng(int(some[0]["id"], 16))
        encoded = Encoded(
            dense(draw, len(some)), sparse(draw, len(some), TOKENS_OF_TEXT)
        )
        yield batch_of(some, encoded, COLUMNS, "float16")


def queries() -> list[Query]:
    """Of words, tokens and vectors that are drawn as those of passages are."""
    draw = np.random.default_rng(1)
    vectors, weights = dense(draw, QUERIES), sparse(draw, QUERIES, TOKENS_OF_QUERY)
    return [
        Query(
            said(words(draw, WORDS_OF_QUERY, WORDS)),
            vectors[number],
            (weights[number, :].indices, weights[number, :].data),
        )
        for number in range(QUERIES)
    ]


def write(folder: Path, share: Share, passages: int) -> None:
    """Write a part, as index_passages.py does."""
    part = write_part(folder, rows(share.bounds(passages)), COLUMNS, filled)
    part.write(folder / "parts" / f"{share.index}.json")


def join(folder: Path, model: Path) -> None:
    """Commit the parts, as commit_index.py does."""
    about = {
        "layout": LAYOUT,
        "language": "swedish",
        "ann_from": Index.ann_from,
        "vocabulary": VOCABULARY,
        "weights": {"dense": 1.0, "sparse": 0.3},
        "model": {
            "name": "tuned",
            "hash": digest_of_files(model),
            "pooling": "cls",
            "query_prompt": "",
            "passage_prompt": "",
            "query_max_length": 512,
        },
    }
    parts = [Part.read(path) for path in sorted((folder / "parts").iterdir())]
    measured = partial(fitted, folder, queries=queries())
    commit(folder, parts, COLUMNS, lambda _: dict(about), measured)
    write_json(folder / ABOUT, Table(folder).about)


def search(folder: Path, output: Path) -> None:
    """Write milliseconds at the median of each mode, filtered and not."""
    table, asked = Table(folder), queries()
    found: dict[str, Any] = {"about": table.about}
    for mode in MODES:
        found[mode] = {}
        for name, filters in (("all", Filters()), ("some", SOME)):
            table.search(mode, asked[0], filters)
            found[mode][name] = 1000 * statistics.median(
                seconds(partial(table.search, mode, query, filters)) for query in asked
            )
    write_json(output, found)


def seconds(call: Callable[[], object]) -> float:
    """That a call takes."""
    began = time.perf_counter()
    call()
    return time.perf_counter() - began


def write_run(folder: Path) -> None:
    """Write what the search page needs of a run beside an index, and `queries.jsonl`.

    The model has the vectors' dimensions and next to no layers, so that what is waited
    for is the index.
    """
    from arkiv.example.tiny import build_embedder

    run = folder / "results/served"
    build_embedder(run / "model", hidden=DIMENSIONS)
    asked = [{"id": content_id(one.text), "query": one.text} for one in queries()]
    asked.sort(key=lambda one: one["id"])
    for path in (folder / "queries.jsonl", run / "collection/queries.jsonl"):
        write_records(path, asked)
    config = {
        "run": "served",
        "datasets": {"made": {"example": {"cases": 1, "volumes": 1}}},
        "models": {"embedder": {"source": str(run / "model"), "revision": None}},
    }
    write_json(folder / "served.yaml", config)  # which is YAML too


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", required=True, type=Path, help="of the index")
    kinds = parser.add_subparsers(dest="kind", required=True)
    made = kinds.add_parser("part")
    made.add_argument("part", type=Share.parse)
    made.add_argument("passages", type=int)
    kinds.add_parser("commit").add_argument("model", type=Path)
    kinds.add_parser("search").add_argument("output", type=Path)
    given = parser.parse_args(argv)
    if given.kind == "part":
        write(given.folder, given.part, given.passages)
    elif given.kind == "commit":
        join(given.folder, given.model)
    else:
        search(given.folder, given.output)


if __name__ == "__main__":
    main()
