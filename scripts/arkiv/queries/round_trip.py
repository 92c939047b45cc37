"""The round trip: whether a query leads back to the passage it was made from.

A query stays only if one of its passages is among the first that a search for it finds
in all documents (consistency filtering; Dai et al., Promptagator, 2022).
"""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from arkiv.encode.flags import encoder_of
from arkiv.pairs.passages import Passages
from arkiv.retrieve.bm25 import search_texts_bm25
from arkiv.retrieve.rankings import Ranking, search_texts


def returning(
    positives: Iterable[Sequence[int]], rankings: Iterable[Ranking]
) -> Iterator[bool]:
    """Whether each query's ranking has one of its passages.

    Args:
        positives: of each query the rows of its passages.
        rankings: of each query.
    """
    for rows, ranking in zip(positives, rankings, strict=True):
        yield bool(np.isin(ranking.rows, rows).any())


def looked_up(
    queries: Sequence[str], passages: Passages, options: Namespace
) -> Iterator[Ranking]:
    """The first passages of each query; of equal scores that with the smaller id first.

    Args:
        queries: texts.
        passages: all documents.
        options: `round_trip_by`, `round_trip_top`, and for `dense` what `add_model`
            and `add_cache` add.

    Raises:
        InputError: the model's faults.
    """
    rows = np.array([passages.rows[name] for name in sorted(passages.ids)], np.int64)
    texts = map(passages.text, rows)
    if options.round_trip_by == "bm25":
        rankings = search_texts_bm25(
            queries, texts, options.model, options.round_trip_top
        )
    else:
        # Their vectors are kept for the embedding rules that come after.
        longest = max(options.query_max_length, options.max_length)
        with encoder_of(options, longest=longest) as encoder:
            rankings = search_texts(
                encoder, queries, list(texts), options.round_trip_top, options
            )
    for ranking in rankings:
        yield Ranking(rows[ranking.rows], ranking.scores)
