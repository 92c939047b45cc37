"""What training learns from the teacher: its raw scores filtered, normalised, softened.

FlagEmbedding puts the scores that stand in a shard through a softmax with no
temperature, so dividing them by one beforehand is the same as having one. The order is
fixed: filter on the raw logits, then normalise, then divide by the temperature. Raw
scores stay in the files that shards are made from.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from arkiv.base.errors import InputError
from arkiv.base.files import Record
from arkiv.train.rows import with_some


def without_near(row: Record, margin: float) -> Record:
    """A shard's scored row without the negatives that the teacher takes for relevant.

    One is kept if its score is at most the lowest positive's minus the margin, in
    logits.
    """
    most = min(row["pos_scores"]) - margin
    keep = [place for place, score in enumerate(row["neg_scores"]) if score <= most]
    return with_some(row, "neg", keep)


def normalized(scores: Sequence[float], method: str) -> list[float]:
    """The logits of all passages of one row on another scale.

    Args:
        scores: the logits.
        method: one of `NORMALIZATIONS`. `sigmoid`: 1 / (1 + e^-s); `minmax`: the lowest
            becomes 0 and the highest 1; `zscore`: mean 0 and (population) standard
            deviation 1. Equal scores all become 0 by the latter two.
    """
    if method == "none":
        return list(scores)
    if method == "sigmoid":
        # tanh does not overflow.
        return [0.5 + 0.5 * math.tanh(score / 2) for score in scores]
    if method == "minmax":
        zero, unit = min(scores), max(scores) - min(scores)
    else:
        zero = math.fsum(scores) / len(scores)
        unit = math.sqrt(math.fsum((s - zero) ** 2 for s in scores) / len(scores))
    return [(score - zero) / unit if unit else 0.0 for score in scores]


def softened(row: Record, method: str, temperature: float) -> Record:
    """The row with its raw logits, positives and negatives together, made targets.

    A temperature is above 0; a higher one makes the targets more even.

    Raises:
        InputError: a temperature by which a score is no finite number.
    """
    count = len(row["pos_scores"])
    scores = [
        score / temperature
        for score in normalized(row["pos_scores"] + row["neg_scores"], method)
    ]
    if not all(map(math.isfinite, scores)):
        raise InputError(
            f"is {temperature}, too near 0 for the scores of row {row['id']}",
            key="teacher.temperature",
        )
    return row | {"pos_scores": scores[:count], "neg_scores": scores[count:]}
