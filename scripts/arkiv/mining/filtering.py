"""Filters applied: which of them drops a candidate, and whether it can."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from arkiv.base.errors import InputError
from arkiv.mining.corpus import Candidates, Corpus, Query
from arkiv.mining.filters import Filter


def check_positives(query: Query, filters: Iterable[Filter]) -> None:
    """Refuse, by an InputError with its id, a positive outside the corpus.

    Only where a filter measures from the positives' embeddings.
    """
    names = zip(query.pair["pos_ids"], query.own_similarities, strict=True)
    outside = [name for name, score in names if score is None]
    measured = [one.key for one in filters if one.from_positives]
    if outside and measured:
        raise InputError(
            f"holds {outside[0]}, which is not in the corpus, so `{measured[0]}` "
            "cannot be measured from it",
            key="pos_ids",
        )


def first_to_drop(
    filters: Iterable[Filter], corpus: Corpus, query: Query, candidates: Candidates
) -> list[str | None]:
    """For each candidate the name of the first filter that drops it, or None."""
    verdicts: list[str | None] = [None] * len(candidates.rows)
    left = np.arange(len(verdicts))
    for one in filters:
        if not len(left):
            break
        dropped = np.array(one.drops(corpus, query, candidates.at(left)), bool)
        for place in left[dropped]:
            verdicts[place] = one.name
        left = left[~dropped]
    return verdicts
