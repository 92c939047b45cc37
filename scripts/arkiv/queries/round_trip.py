"""The round trip: whether a query leads back to the passage it was made from.

A query stays only if one of its passages is among the first that a search for it finds
in all documents (consistency filtering; Dai et al., Promptagator, 2022).
"""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Iterator, Sequence

import numpy as np

from arkiv.encode.flags import also_kept
from arkiv.pairs.passages import Passages
from arkiv.retrieve.bm25 import BM25Index, TokenIds
from arkiv.retrieve.rankings import search_texts


def looked_up(
    queries: Sequence[str], passages: Passages, options: Namespace
) -> Iterator[np.ndarray]:
    """The rows of the first passages of each query; of equal scores the smaller id's.

    Args:
        queries: texts.
        passages: all documents.
        options: `round_trip_by`, `round_trip_top`, `model`, and for `dense` the rest of
            what `add_embedder`, `add_reading` and `add_weights_kept` add.

    Raises:
        InputError: the model's faults.
    """
    rows = np.array([passages.rows[name] for name in sorted(passages.ids)], np.int64)
    texts = map(passages.text, rows)
    if options.round_trip_by == "bm25":
        index = BM25Index(texts, TokenIds(options.model))
        rankings = index.rankings(queries, options.round_trip_top)
    else:
        # Their vectors are kept for the embedding rules that come after.
        rankings = search_texts(
            *(queries, list(texts), options.round_trip_top, options),
            also=also_kept(options),
        )
    for ranking in rankings:
        yield rows[ranking.rows]
