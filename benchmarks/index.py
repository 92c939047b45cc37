"""Write an index of many passages in parts, and search it: time, memory, recall.

Vectors are random ones of 1,024 dimensions, texts words drawn as those of a language
are; no model runs. Prints what it measured, and writes it to results/index.json
(--quick: nothing is kept). It is not among the others, for it takes long.
"""

from __future__ import annotations

import argparse
import multiprocessing
import resource
import shutil
import statistics
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from scipy.sparse import csr_matrix

from arkiv.base.files import Part as Share
from arkiv.base.files import Record, write_json
from arkiv.encode.encoder import Encoded
from arkiv.index.committing import RECALL, commit
from arkiv.index.expected import recall
from arkiv.index.filters import Filters
from arkiv.index.parts import BATCH, Part, write_part
from arkiv.index.reading import Query, Table
from arkiv.index.rows import batch_of
from arkiv.index.schema import LAYOUT, schema
from benchmarks import HERE

DIMENSIONS, VOCABULARY, WORDS, TOKENS = 1024, 250_002, 50_000, 60
PASSAGES, QUICK, PARTS, PROCESSES = 1_000_000, 20_000, 10, 2
PER_VOLUME, ASKED = 1000, 50
COLUMNS = schema(DIMENSIONS)


def words(draw: np.random.Generator, count: int, most: int) -> np.ndarray:
    """Numbers of words, some of which are very common (Zipf's law)."""
    return np.minimum(draw.zipf(1.3, count), most) - 1


def rows(bounds: range) -> Iterator[Record]:
    """Rows without their encodings."""
    line = {"page": 1, "label": None, "line": "l", "image": "i.jpg"}
    line |= {"box": [0, 0, 900, 40], "width": 900, "height": 1200}
    empty = dict.fromkeys(COLUMNS.names)
    draw = np.random.default_rng(bounds.start)
    for number in bounds:
        if (number - bounds.start) % BATCH == 0:
            texts = words(draw, BATCH * 40, WORDS).reshape(BATCH, 40).tolist()
        text = texts[(number - bounds.start) % BATCH]
        volume = number // PER_VOLUME
        year = 1700 + volume % 200
        yield empty | {
            "id": f"{number:016x}",
            "text": " ".join(f"ord{word}" for word in text),
            "dataset": "court",
            "volume": f"v{volume:06}",
            "type": f"type{volume % 7}",
            "year": year,
            "year_to": year + 2,
            "about": "{}",
            "first_page": number % PER_VOLUME,
            "first_line": 1,
            "lines": [line] * 4,
            "images": ["i.jpg"],
            "confidence": 0.9,
            "fingerprint": f"{number:016x}",
        }


def drawn(seed: int, count: int) -> tuple[np.ndarray, csr_matrix]:
    """Dense vectors and token weights."""
    draw = np.random.default_rng(seed)
    dense = draw.standard_normal((count, DIMENSIONS), np.float32)
    dense /= np.linalg.norm(dense, axis=1, keepdims=True)
    tokens = words(draw, count * TOKENS, VOCABULARY)
    ends = np.arange(count + 1) * TOKENS
    weights = draw.random(len(tokens), np.float32)
    sparse = csr_matrix((weights, tokens, ends), (count, VOCABULARY))
    sparse.sum_duplicates()
    return dense.astype(np.float16), sparse


def filled(chunk: list[Record]) -> Iterator[Any]:
    """Batches of rows with encodings."""
    for start in range(0, len(chunk), BATCH):
        some = chunk[start : start + BATCH]
        dense, sparse = drawn(int(some[0]["id"], 16), len(some))
        yield batch_of(some, Encoded(dense, sparse), COLUMNS, "float16")


def one_part(given: tuple[Path, int, int]) -> tuple[float, int]:
    """Write a part; seconds, and the most memory that the process has had, in MiB."""
    folder, number, passages = given
    began = time.monotonic()
    bounds = Share(number, PARTS).bounds(passages)
    part = write_part(folder, rows(bounds), COLUMNS, filled)
    part.write(folder / "parts" / f"{number}.json")
    return time.monotonic() - began, peak()


def peak() -> int:
    """The most memory that this process has had, in MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10


def queries() -> list[Query]:
    """Of random words, tokens and vectors."""
    dense, sparse = drawn(1, ASKED)
    found = []
    for number in range(ASKED):
        text = words(np.random.default_rng(number), 4, WORDS)
        row = sparse[number, :]
        some = slice(0, 12)
        weights = row.indices[some], row.data[some]
        said = " ".join(f"ord{word}" for word in text)
        found.append(Query(said, dense[number], weights))
    return found


def joined(given: tuple[Path, list[Query], int | None]) -> dict[str, float]:
    """Commit the parts: seconds, memory, recall."""
    folder, asked, ann_from = given
    began = time.monotonic()
    parts = [Part.read(path) for path in sorted((folder / "parts").iterdir())]
    about = {"layout": LAYOUT, "language": "swedish", "ann_from": ann_from}
    about |= {"vocabulary": VOCABULARY}

    def measured(dataset: Any, told: Record) -> Record:
        table = Table(folder, dataset, told)
        exact = Table(folder, dataset, told, exact=True)
        return {RECALL: recall(table, exact, asked)}

    commit(folder, parts, COLUMNS, lambda _: dict(about), measured)
    return {"seconds": time.monotonic() - began, "mib": peak()}


def searched(given: tuple[Path, list[Query]]) -> dict[str, Any]:
    """Milliseconds at the median of each mode, filtered by volumes' years; memory."""
    folder, asked = given
    table = Table(folder)
    some = Filters(years=(1750, 1760), types=("type1", "type2", "type3"))
    found: dict[str, Any] = {}
    for mode in ("dense", "sparse", "full_text", "hybrid"):
        table.search(mode, asked[0], some)
        seconds = []
        for query in asked:
            began = time.perf_counter()
            table.search(mode, query, some)
            seconds.append(time.perf_counter() - began)
        found[f"{mode}_ms"] = 1000 * statistics.median(seconds)
    return found | {"mib": peak(), RECALL: table.about.get(RECALL)}


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks index", description=__doc__
    )
    parser.add_argument("--passages", type=int, default=PASSAGES)
    parser.add_argument("--quick", action="store_true", help=f"{QUICK} passages")
    parser.add_argument("--ann-from", type=int, default=200_000)
    given = parser.parse_args(argv)
    passages = QUICK if given.quick else given.passages
    folder = HERE / ".cache/index"
    shutil.rmtree(folder, ignore_errors=True)
    asked = queries()
    # Lance's threads outlive no fork: each process is a new one.
    context = multiprocessing.get_context("spawn")
    began = time.monotonic()
    with context.Pool(PROCESSES, maxtasksperchild=1) as pool:
        work = [(folder, number, passages) for number in range(1, PARTS + 1)]
        parts = pool.map(one_part, work, chunksize=1)
        written = time.monotonic() - began
        (commit_told,) = pool.map(joined, [(folder, asked, given.ann_from)])
        (search_told,) = pool.map(searched, [(folder, asked)])
    size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    found = {
        "passages": passages,
        "parts_seconds": written,
        "part_mib": max(mib for _, mib in parts),
        "commit": commit_told,
        "search": search_told,
        "bytes_per_passage": size / passages,
    }
    print(*(f"{name}: {value}" for name, value in found.items()), sep="\n")
    if not given.quick:
        write_json(HERE / "results/index.json", found)
    shutil.rmtree(folder)
    return 0
