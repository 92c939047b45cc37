"""About how much room a run takes, by its configuration and the size of its input.

Reckoned from what each stage writes (docs/results.md): a text is copied into each row
that it is a positive or a negative of, a vector has two bytes a dimension, a model as
many as its files. What texts there will be is only known once pages are read, so that
half or twice as much may come of it.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from arkiv.base.files import read_object
from arkiv.encode.body import CONFIG, DIMENSIONS
from arkiv.mining.settings import search_depth
from arkiv.settings.datasets import kind_of
from arkiv.settings.layout import rounds_of, trainings_of

# Of a case of the example archive, its pages in JSON.
CASE_BYTES = 9_000
# A word and the blank behind it; what a row has beside its texts.
WORD_BYTES, ROW_BYTES = 7, 350
# What of a file is text, by its ending: forms with places are text to a tenth at most;
# pictures have none. Packed files hold some five times their size of such.
PLACED = 0.1
TEXT_SHARES = {
    **dict.fromkeys((".json", ".xml", ".html", ".htm", ".hocr"), PLACED),
    **dict.fromkeys((".txt", ".csv", ".tsv", ".jsonl"), 1.0),
    **dict.fromkeys((".zip", ".gz", ".tgz", ".tar", ".bz2", ".xz"), 5 * PLACED),
}
# Where no model is there yet to say so: BGE-M3's.
DIMS = 1024
# Token weights beside a vector, by its size; a line of a run; a neighbour's row and
# score.
WEIGHTS_SHARE, RUN_LINE, NEIGHBOUR = 0.5, 66, 12
# Of training in float32: weights, and two moments of each.
CHECKPOINT = 3
# Seconds for looking at the sizes of files.
PATIENCE = 15


@dataclass(frozen=True)
class Input:
    """What a run starts from, in bytes."""

    whole: float = 0
    text: float = 0
    pages: float = 0
    """Of the whole, those of pages and of what lies beside them."""


def sizes_below(path: str | Path, end: float) -> Iterator[tuple[str, int]]:
    """The name and bytes of each file below a path, until a time."""
    if not os.path.isdir(path):
        yield str(path), os.stat(path).st_size
        return
    for folder, _, names in os.walk(path):
        for name in names:
            if time.monotonic() > end:
                return
            try:
                yield name, os.lstat(os.path.join(folder, name)).st_size
            except OSError:
                continue


def bytes_below(path: str | Path) -> int:
    """Bytes of the files below a path."""
    end = time.monotonic() + PATIENCE
    return sum(size for _, size in sizes_below(path, end))


def text_below(path: str | Path) -> float:
    """About how many bytes of text the files below a path have."""
    end = time.monotonic() + PATIENCE
    return sum(
        size * TEXT_SHARES.get(os.path.splitext(name)[1].lower(), 0)
        for name, size in sizes_below(path, end)
    )


def input_of(datasets: Mapping[str, Mapping[str, Any]]) -> Input:
    """The size of what datasets start from."""
    whole = text = pages = 0.0
    for dataset in datasets.values():
        kind = kind_of(dataset)
        if kind == "example":
            of_pages = dataset["example"]["cases"] * CASE_BYTES
            whole, pages = whole + of_pages, pages + of_pages
            text += of_pages * PLACED
            continue
        given = [dataset[kind], *filter(None, [dataset.get("pool")])]
        for path in given:
            size = bytes_below(path)
            whole += size
            pages += size if kind == "pages" else 0
            text += text_below(path)
    return Input(whole, text, pages)


def words_of_passage(documents: Mapping[str, Any]) -> float:
    """The mean words of a document, as it is cut."""
    if documents["method"] != "sampled":
        return documents["window_words"]
    shares: Sequence[Sequence[float]] = documents["length_shares"]
    whole = sum(share for _, _, share in shares)
    return sum((low + high) / 2 * share for low, high, share in shares) / whole


def dimensions(directory: str | Path) -> int:
    """Of a model's vectors."""
    file = Path(directory) / CONFIG
    config = read_object(file, "configuration of a model") if file.is_file() else {}
    return next((config[key] for key in DIMENSIONS if key in config), DIMS)


def passages_of(config: Mapping[str, Any], given: Input) -> tuple[float, float]:
    """About how many passages there will be, and the bytes of one."""
    of_one = words_of_passage(config["documents"]) * WORD_BYTES
    return given.text / of_one, of_one


def needed(
    config: Mapping[str, Any], given: Input, dims: int, model_bytes: float
) -> dict[str, float]:
    """Bytes of what a run writes, by what it is.

    Args:
        config: the configuration.
        given: the size of its input.
        dims: of the vectors of its model.
        model_bytes: of the model to tune.
    """
    passages, of_one = passages_of(config, given)
    row = of_one + ROW_BYTES
    made = passages * config["queries"]["per_document"]
    train = made * config["pairs"]["shares"]["train"]
    tested = made * config["pairs"]["shares"]["test"]
    rounds, trainings = len(rounds_of(config)), len(trainings_of(config))
    mining, evaluate = config["mining"], config["evaluate"]
    negatives = (1 + mining["negatives_per_query"]) * of_one + ROW_BYTES
    neighbours = train * search_depth(mining) * config["parts"]["corpus"] * NEIGHBOUR
    vectors = (passages + made) * dims * 2
    ranked = (tested + 2 * evaluate["spelling"]["queries"]) * len(evaluate["systems"])
    depth = min(evaluate["depth"], passages)
    args = config["train"]["args"]
    kept = 0 if args.get("save_strategy") == "no" else args.get("save_total_limit", 1)
    return {
        # Documents by parts and whole with where lines stand, pairs by parts, whole
        # and divided, passages of mining and of the collection.
        "texts": given.pages + (5 * passages + 4 * made) * row,
        # Negatives, scores by parts, shards.
        "negatives": 3 * rounds * train * negatives,
        # Of mining, and of base and tuned model once in the cache and once encoded.
        "vectors": vectors * (rounds + 4 * (1 + WEIGHTS_SHARE)) + rounds * neighbours,
        "rankings": ranked * depth * RUN_LINE,
        # Each training's, exported, perhaps merged; and checkpoints.
        "models": model_bytes
        * (1 + trainings + bool(config["merge"]["with"]) + CHECKPOINT * kept),
    }
