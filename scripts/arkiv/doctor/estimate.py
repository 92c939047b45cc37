"""About how much room a run takes, by its configuration and the size of its input.

Reckoned from what each stage writes (docs/results.md): a text is copied into each row
that it is a positive or a negative of, a vector has two bytes a dimension, a model as
many as its files. How much text there is, arkiv.settings.amounts says.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from arkiv.base.files import read_object
from arkiv.encode.body import CONFIG, DIMENSIONS
from arkiv.mining.settings import search_depth
from arkiv.settings.amounts import Input, input_of, sizes_below
from arkiv.settings.layout import rounds_of, trainings_of

# A word and the blank behind it; what a row has beside its texts.
WORD_BYTES, ROW_BYTES = 7, 350
# Where no model is there yet to say so: BGE-M3's.
DIMS = 1024
# Token weights beside a vector, by its size; a line of a run; a neighbour's row and
# score.
WEIGHTS_SHARE, RUN_LINE, NEIGHBOUR = 0.5, 66, 12
# Of training in float32: weights, and two moments of each.
CHECKPOINT = 3
# Seconds for looking at the sizes of files.
PATIENCE = 15


def bytes_below(path: str | Path) -> int:
    """Bytes of the files below a path, but not of those that links lead to."""
    return sum(size for _, size in sizes_below(path, PATIENCE, linked=False))


def whole_input(datasets: Mapping[str, Mapping[str, Any]]) -> Input:
    """The size of what datasets start from."""
    return sum((input_of(one, PATIENCE) for one in datasets.values()), Input())


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
