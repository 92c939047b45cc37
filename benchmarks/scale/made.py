"""What a model would give a stage: made up, in the form that the stage after reads.

Called with the words of a command of the pipeline, as a program of its own:

    python -m benchmarks.scale.made score_pairs --pairs … --part 1-of-4 --output …
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from pathlib import Path

import numpy as np

from arkiv.base.files import (
    Part,
    Record,
    count_lines,
    read_records,
    write_array,
    write_json,
    write_records,
)
from arkiv.base.hashing import content_id, rng
from arkiv.mining.nearest import NEIGHBOUR
from arkiv.pairs.provenance import ORIGIN
from arkiv.retrieve.trec import write_run
from benchmarks.scale.archive import SEED, drawn

DIMENSIONS = 1024
BLOCK = 1 << 14
# One document in so many has a query, of so many words of its own and so many others.
ASKED, OWN, OTHERS = 5, 4, 2
# So many queries are compared with so many passages, the same for all of them.
TOGETHER, COMPARED = 256, 2000
# A relevant passage is found in this share of the cases, at a rank of this mean.
FOUND, MEAN_RANK = 0.8, 10

Flags = dict[str, list[str]]


def flags_of(words: Sequence[str]) -> Flags:
    """The words behind each flag."""
    flags: Flags = {}
    for word in words:
        if word.startswith("--"):
            own = flags.setdefault(word, [])
        elif flags:
            own.append(word)
    return flags


def part_of(flags: Flags) -> Part:
    """The part that is asked for; without one the whole."""
    (word,) = flags.get("--part", ["1-of-1"])
    return Part(*map(int, word.split("-of-")))


def generator(flags: Flags) -> np.random.Generator:
    """Random numbers that depend on what is written, wherever that is."""
    (output,) = flags["--output"]
    return np.random.default_rng(rng(SEED, *Path(output).parts[-3:]).getrandbits(64))


def queries(flags: Flags) -> None:
    """Queries of one document in five, as a language model would make them."""
    (documents,), (output,) = flags["--documents"], flags["--output"]
    part, draw = part_of(flags), generator(flags)

    def pairs() -> Iterator[Record]:
        rows = (row for _, row in read_records(documents, part=part))
        for row in islice(rows, 0, None, ASKED):
            text = row["text"].split()
            own = draw.choice(len(text), OWN, replace=False)
            query = " ".join([*(text[place] for place in own), *drawn(draw, OTHERS)])
            origin = {key: row[key] for key in ORIGIN if key in row}
            yield {
                "id": content_id(query),
                "query": f"{query}?",
                "pos": [row["text"]],
                "pos_ids": [row["id"]],
                **origin,
            }

    count = write_records(output, pairs())
    write_records(flags["--rejected"][0], [])
    write_json(flags["--stats"][0], {"queries": count, "rejected": {}})


def vectors(flags: Flags) -> None:
    """Random vectors of length 1, (n, 1024) float16."""
    (texts,) = flags.get("--corpus") or flags["--pairs"]
    count, draw = len(part_of(flags).bounds(count_lines(texts))), generator(flags)
    rows = np.empty((count, DIMENSIONS), np.float16)
    for start in range(0, count, BLOCK):
        shape = min(BLOCK, count - start), DIMENSIONS
        block = draw.standard_normal(shape, np.float32)
        rows[start : start + BLOCK] = block / np.linalg.norm(block, axis=1)[:, None]
    write_array(flags["--output"][0], rows)


def neighbours(flags: Flags) -> None:
    """The nearest of some passages of the part, which are drawn for many queries."""
    (asked,), (embeddings,) = flags["--queries"], flags["--embeddings"]
    asked, passages = (np.load(path, mmap_mode="r") for path in (asked, embeddings))
    bounds = part_of(flags).bounds(count_lines(flags["--corpus"][0]))
    depth, draw = int(flags["--depth"][0]), generator(flags)
    found = np.full((len(asked), depth), np.array((-1, -np.inf), NEIGHBOUR))
    for start in range(0, len(asked), TOGETHER):
        some = slice(start, start + TOGETHER)
        size = min(COMPARED, len(bounds))
        rows = np.sort(draw.choice(len(bounds), size, replace=False))
        block = np.asarray(asked[some], np.float32)
        scores = block @ np.asarray(passages[rows], np.float32).T
        kept = min(depth, size)
        first = np.argsort(-scores, axis=1, kind="stable")[:, :kept]
        found["row"][some, :kept] = bounds.start + rows[first]
        found["score"][some, :kept] = np.take_along_axis(scores, first, axis=1)
    write_array(flags["--output"][0], found)


def scores(flags: Flags) -> None:
    """A teacher's scores."""
    (pairs,), draw = flags["--pairs"], generator(flags)

    def rows() -> Iterator[Record]:
        for _, row in read_records(pairs, part=part_of(flags)):
            for side, mean in (("pos", 3), ("neg", -2)):
                row[f"{side}_scores"] = draw.normal(mean, 2, len(row[side])).tolist()
            yield row

    write_records(flags["--output"][0], rows())


def directory(flags: Flags) -> None:
    """A model or encodings, for nothing reads what would be in it."""
    Path(flags["--output"][0]).mkdir(parents=True)


def ranking(flags: Flags) -> None:
    """A run: what is relevant at some rank, and random passages."""
    (output,), (depth,), draw = flags["--output"], flags["--depth"], generator(flags)
    ids = np.array([row["id"] for _, row in read_records(flags["--corpus"][0])])
    known = Path(output).parents[1] / "gold/known_item.txt"
    relevant = dict(line.split()[::2] for line in known.read_text().splitlines())
    count = min(int(depth), len(ids))
    falling = -np.arange(count, dtype=np.float32)

    def rankings() -> Iterator[tuple[str, list[str], np.ndarray]]:
        for _, row in read_records(flags["--queries"][0]):
            found = ids[draw.choice(len(ids), count, replace=False)].tolist()
            wanted = relevant[row["id"]]
            if draw.random() < FOUND and wanted not in found:
                found[min(draw.geometric(1 / MEAN_RANK), count) - 1] = wanted
            yield row["id"], found, falling

    write_run(output, rankings(), Path(output).stem)


# By script, and the first word after it where that has a say.
MADE: dict[str, Callable[[Flags], None]] = {
    "prepare_model": directory,
    "generate_queries": queries,
    "embed_corpus": vectors,
    "embed_queries": vectors,
    "search_corpus": neighbours,
    "score_pairs": scores,
    "encode_collection": directory,
    "retrieve m3": ranking,
}


def main(words: Sequence[str]) -> None:
    name, *rest = words
    MADE[name](flags_of(rest))


if __name__ == "__main__":
    main(sys.argv[1:])
