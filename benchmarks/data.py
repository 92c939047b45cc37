"""What the benchmarks work on: made-up archives, random vectors, models without a hub.

Everything follows from the seed. Run as a program of its own, so that the runner, whose
memory a measured command would otherwise start from, stays small.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

from arkiv.base.files import (
    Part,
    write_array,
    write_json,
    write_records,
)
from arkiv.base.hashing import content_id, rng
from arkiv.example.archive import Case, broken_lines, case
from benchmarks import ROOT

SEED = 7
# Lengths in words are log-normal, so most passages are short and a few are long.
MEDIAN_WORDS, SPREAD = 90, 0.9
FEWEST_WORDS, MOST_WORDS = 20, 1200
NEGATIVES = 7
COPIED = 20
VECTOR_BLOCK = 8192


def passage(number: int) -> tuple[str, Case]:
    """The text of a passage, cut from running minutes, and the case it begins with."""
    words: list[str] = []
    length = words_of(rng(SEED, "length", number))
    first = case(number << 8, SEED)
    text, following = first.text, number << 8
    while True:
        words += text.split()
        if len(words) >= length:
            return " ".join(words[:length]), first
        following += 1
        text = case(following, SEED).text


def words_of(draw: random.Random) -> int:
    """How many words a passage has."""
    length = MEDIAN_WORDS * draw.lognormvariate(0, SPREAD)
    return round(min(max(length, FEWEST_WORDS), MOST_WORDS))


def archive(passages: int, queries: int) -> tuple[list[dict], list[dict]]:
    """A corpus of `{"id", "text"}`, and pairs that ask for the first of its passages.

    No two passages and no two queries are equal.
    """
    corpus, pairs, asked = [], [], set()
    for number in range(passages):
        text, first = passage(number)
        corpus.append({"id": content_id(text), "text": text})
        if number >= queries:
            continue
        query = first.question
        if query in asked:
            query = f"{query} Mål {number}."
        asked.add(query)
        pairs.append(
            {
                "id": content_id(query),
                "query": query,
                "pos": [text],
                "pos_ids": [content_id(text)],
            }
        )
    return corpus, pairs


def with_negatives(corpus: list[dict], pairs: list[dict]) -> Iterator[dict]:
    """The pairs with seven negatives each from anywhere in the corpus, as if mined."""
    for pair in pairs:
        draw = rng(SEED, "negatives", pair["id"])
        chosen = draw.sample(corpus, NEGATIVES + 1)
        negatives = [row for row in chosen if row["id"] not in pair["pos_ids"]]
        yield pair | {
            "neg": [row["text"] for row in negatives[:NEGATIVES]],
            "neg_ids": [row["id"] for row in negatives[:NEGATIVES]],
        }


def write_archive(folder: Path, passages: int, queries: int) -> None:
    """Write `corpus.jsonl`, `pairs.jsonl` and `negatives.jsonl`."""
    corpus, pairs = archive(passages, queries)
    write_records(folder / "corpus.jsonl", corpus)
    write_records(folder / "pairs.jsonl", pairs)
    write_records(folder / "negatives.jsonl", with_negatives(corpus, pairs))


def write_collection(folder: Path, passages: int, queries: int) -> None:
    """Write `corpus.jsonl` and `queries.jsonl` of an archive, in order of the ids."""
    corpus, pairs = archive(passages, queries)
    for name, rows in (("corpus", corpus), ("queries", pairs)):
        ordered = sorted(rows, key=lambda row: row["id"])
        write_records(folder / f"{name}.jsonl", ordered)


def write_vectors(
    folder: Path, passages: int, queries: int, dim: int, parts: int
) -> None:
    """Write random L2-normalised float16 vectors, and a text of one word for each.

    `queries.npy` is (queries, dim); `part-I-of-N.npy` are the contiguous parts of
    (passages, dim). `corpus.jsonl` and `pairs.jsonl` have a line for each row.
    """
    import numpy as np

    draw = np.random.default_rng(SEED)

    def vectors(count: int) -> np.ndarray:
        rows = np.empty((count, dim), np.float16)
        for start in range(0, count, VECTOR_BLOCK):
            shape = min(VECTOR_BLOCK, count - start), dim
            block = draw.standard_normal(shape, np.float32)
            block /= np.linalg.norm(block, axis=1, keepdims=True)
            rows[start : start + VECTOR_BLOCK] = block
        return rows

    write_array(folder / "queries.npy", vectors(queries))
    for index in range(1, parts + 1):
        rows = len(Part(index, parts).bounds(passages))
        write_array(folder / f"part-{index}-of-{parts}.npy", vectors(rows))
    write_records(
        folder / "corpus.jsonl",
        ({"id": f"{row:08d}", "text": f"passage-{row}"} for row in range(passages)),
    )
    write_records(
        folder / "pairs.jsonl",
        (
            {"query": f"query-{row}", "pos": [f"passage-{row}"]}
            for row in range(queries)
        ),
    )


def write_demo(folder: Path, cases: int) -> None:
    """Run the demo up to its scored pairs: `scores/court/*.jsonl` in its results.

    In a folder of its own, with an archive of so many cases.
    """
    folder.mkdir(parents=True)
    for name in ("scripts", "config"):
        (folder / name).symlink_to(ROOT / name)
    overlay = {"datasets": {"court": {"example": {"cases": cases, "volumes": 15}}}}
    write_json(folder / "cases.json", overlay)
    binaries = str(Path(sys.executable).parent)
    subprocess.run(
        [
            *(sys.executable, "-m", "snakemake", "score", "--cores", "2"),
            *("--snakefile", str(ROOT / "Snakefile"), "--directory", str(folder)),
            *("--configfile", str(ROOT / "config" / "demo.yaml"), "cases.json"),
        ],
        check=True,
        cwd=folder,
        env=os.environ | {"PATH": f"{binaries}{os.pathsep}{os.environ['PATH']}"},
    )


def page(number: int) -> bytes:
    """A page of HTRflow JSON; one in twenty is another transcription of an earlier."""
    copied = number % COPIED == COPIED - 1
    earlier = number // (2 * COPIED) * COPIED
    words = case(earlier if copied else number, SEED).text.split()
    if copied:
        words[len(words) // 2] = "otydligt"
    lines = [
        {"text_result": {"texts": [text], "scores": [0.9]}, "label": f"line{place}"}
        for place, text in enumerate(broken_lines(words, rng(SEED, "page", number)))
    ]
    content = {"file_name": f"{number:07d}.jpg", "contains": [{"contains": lines}]}
    return json.dumps(content, ensure_ascii=False).encode()


def write_pages(folder: Path, pages: int, volumes: int) -> None:
    """Write zip files of pages, numbered through."""
    folder.mkdir(parents=True, exist_ok=True)
    for index in range(1, volumes + 1):
        with zipfile.ZipFile(folder / f"{index:05d}.zip", "w") as volume:
            for number in Part(index, volumes).bounds(pages):
                volume.writestr(f"{number:07d}.json", page(number))


def write_models(folder: Path, *, large: bool) -> None:
    """Write `embedder` and `reranker`: tiny, or in BGE-M3's shape."""
    if large:
        from benchmarks.large import build_embedder, build_reranker
    else:
        from arkiv.example.tiny import build_embedder, build_reranker
    build_embedder(folder / "embedder")
    build_reranker(folder / "reranker")


def finished_run(
    folder: Path, base: Path, tuned: Path, passages: list[dict], queries: list[dict]
) -> Path:
    """Write what the search page needs of a run, encodings made by arkiv's own script.

    Args:
        folder: from which the page is served.
        base: the model directory.
        tuned: likewise; copied to its place.
        passages: records with `id`, `text` and provenance.
        queries: records with `id` and `query`.

    Returns:
        The configuration to serve it by.
    """
    from encode_collection import main as encode

    run = folder / "results" / "served"
    for name, rows in (("corpus", passages), ("queries", queries)):
        ordered = sorted(rows, key=lambda row: row["id"])
        write_records(run / "collection" / f"{name}.jsonl", ordered)
    shutil.copytree(tuned, run / "model")
    words = [
        *("--corpus", run / "collection/corpus.jsonl"),
        *("--queries", run / "collection/queries.jsonl"),
    ]
    for name, model in (("base", base), ("tuned", tuned)):
        output = run / "encodings" / name
        given = (*words, "--model", model, "--sparse", "--output", output)
        encode([str(word) for word in given])
    config = {
        "run": "served",
        "datasets": {"made": {"example": {"cases": 1, "volumes": 1}}},
        "models": {"embedder": {"source": str(base.resolve()), "revision": None}},
    }
    path = folder / "served.yaml"
    write_json(path, config)  # which is YAML too
    return path


def write_served(folder: Path, passages: int, queries: int) -> None:
    """Write a finished run with tiny models, in 15 volumes, and `queries.jsonl`."""
    from arkiv.example.tiny import build_embedder

    build_embedder(folder / "base")
    build_embedder(folder / "tuned", seed=1)
    corpus, pairs = archive(passages, queries)
    for number, row in enumerate(corpus):
        row |= {"volume": f"{30000000 + number % 15}", "first_page": number // 15 + 1}
    asked = [{"id": pair["id"], "query": pair["query"]} for pair in pairs]
    finished_run(folder, folder / "base", folder / "tuned", corpus, asked)
    write_records(folder / "queries.jsonl", asked)


def write_page(folder: Path) -> None:
    """Write a run to whose index the search page can be led, and `queries.jsonl`."""
    from benchmarks.table import write_run

    write_run(folder)


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", required=True, type=Path)
    kinds = parser.add_subparsers(dest="kind", required=True)
    for kind in ("archive", "collection"):
        made = kinds.add_parser(kind)
        made.add_argument("passages", type=int)
        made.add_argument("queries", type=int)
    made = kinds.add_parser("vectors")
    made.add_argument("passages", type=int)
    made.add_argument("queries", type=int)
    made.add_argument("dim", type=int)
    made.add_argument("parts", type=int)
    made = kinds.add_parser("demo")
    made.add_argument("cases", type=int)
    made = kinds.add_parser("pages")
    made.add_argument("pages", type=int)
    made.add_argument("volumes", type=int)
    made = kinds.add_parser("served")
    made.add_argument("passages", type=int)
    made.add_argument("queries", type=int)
    kinds.add_parser("page")
    made = kinds.add_parser("models")
    made.add_argument("--large", action="store_true")
    options = vars(parser.parse_args(argv))
    makers = {
        "archive": write_archive,
        "collection": write_collection,
        "vectors": write_vectors,
        "demo": write_demo,
        "pages": write_pages,
        "models": write_models,
        "served": write_served,
        "page": write_page,
    }
    makers[options.pop("kind")](**options)


if __name__ == "__main__":
    main()
