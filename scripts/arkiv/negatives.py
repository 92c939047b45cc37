"""Hard negatives: passages that the search ranks high and that are not positives.

The window and what it counts are those of FlagEmbedding's `hn_mine.py`: of the merged
ranking, positives included, the slice [start:stop). Unlike there, the choice depends
on seed and ids alone, texts that are positives of any row with the same query are
left out under whatever id, and filling up adds no repeats.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from arkiv.errors import InputError
from arkiv.files import Record
from arkiv.hashing import uniform
from arkiv.lookup import Passages, text_key

Sampling = Literal["random", "top"]
RULES = ("positive", "same_text", "query", "repeat")
BINS = 20
# Below this many distinct passages per passage that will not do, filling up ranks them
# all instead of drawing: drawing would mostly hit what will not do.
SCAN_BELOW = 4


@dataclass
class Known:
    """What is relevant to each query text, collected over all rows that share it."""

    _ids: dict[int, set[str]] = field(default_factory=dict)
    _keys: dict[int, set[int]] = field(default_factory=dict)

    def add(self, pair: Mapping) -> None:
        """Add the positives of a pair with `query`, `pos` and `pos_ids`."""
        query = text_key(pair["query"])
        self._ids.setdefault(query, set()).update(pair["pos_ids"])
        self._keys.setdefault(query, set()).update(map(text_key, pair["pos"]))

    def of(self, query: str) -> tuple[set[str], set[int]]:
        """The ids and the text keys of all positives of a query text."""
        key = text_key(query)
        return self._ids[key], self._keys[key]


@dataclass
class Miner:
    """Chooses the negatives of one pair after the other and counts what it did.

    Attributes:
        passages: the corpus that was searched.
        known: positives of every query text.
        window: slice [start, stop) of the ranking, counted from 0.
        negatives: wanted for each pair.
        sampling: `random` takes those with the smallest hash(seed, query id, passage
            id), `top` the first of the window.
    """

    passages: Passages
    known: Known
    window: tuple[int, int]
    negatives: int
    sampling: Sampling
    seed: int
    counts: Counter[str] = field(default_factory=Counter)
    ranks: list[int] = field(default_factory=list)
    neg_similarities: list[float] = field(default_factory=list)
    pos_similarities: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._distinct = self.passages.distinct_rows()

    def mine(self, pair: Record, ranking: np.ndarray) -> Record | None:
        """The pair with its negatives, or None where no passage will do.

        Args:
            pair: with ids; negatives and teacher scores it may have are dropped.
            ranking: (depth,) NEIGHBOUR, the passages nearest to its query.
        """
        passages = self.passages
        ranking = ranking[ranking["row"] >= 0]
        rows, scores = ranking["row"].tolist(), ranking["score"].tolist()
        keys = passages.keys[ranking["row"]].tolist()
        positive_ids, positive_keys = self.known.of(pair["query"])
        query_key = text_key(pair["query"])

        start, stop = self.window
        taken = positive_keys | {query_key}
        candidates = []
        for rank in range(start, min(stop, len(rows))):
            if passages.ids[rows[rank]] in positive_ids:
                self.counts["positive"] += 1
            elif keys[rank] == query_key:
                self.counts["query"] += 1
            elif keys[rank] in positive_keys:
                self.counts["same_text"] += 1
            elif keys[rank] in taken:
                self.counts["repeat"] += 1
            else:
                taken.add(keys[rank])
                candidates.append(rank)
        if self.sampling == "random":
            candidates.sort(key=lambda rank: self._order(pair, rows[rank]))
        chosen = [rows[rank] for rank in sorted(candidates[: self.negatives])]

        self.counts["queries"] += 1
        lacking = self.negatives - len(chosen)
        if lacking:
            before = dict.fromkeys(keys[:start])
            added = self._fill(pair, lacking, taken, before, positive_ids)
            self.counts["topped_up"] += bool(added)
            self.counts["topped_up_negatives"] += len(added)
            chosen += added
        if not chosen:
            self.counts["without_negatives"] += 1
            return None
        self.counts["short"] += len(chosen) < self.negatives

        rank_of = {row: rank for rank, row in enumerate(rows)}
        ranks = [rank_of.get(row) for row in chosen]
        similarities = [None if rank is None else scores[rank] for rank in ranks]
        pos_similarities = list(self._similarities(pair, rows, keys, scores))
        self.ranks += [rank for rank in ranks if rank is not None]
        self.neg_similarities += [s for s in similarities if s is not None]
        self.pos_similarities += [s for s in pos_similarities if s is not None]

        dropped = {"neg", "neg_ids", "pos_scores", "neg_scores"}
        mined = {key: value for key, value in pair.items() if key not in dropped}
        return mined | {
            "neg": [passages.text(row) for row in chosen],
            "neg_ids": [passages.ids[row] for row in chosen],
            "neg_ranks": ranks,
            "neg_similarities": similarities,
            "pos_similarities": pos_similarities,
        }

    def _order(self, pair: Mapping, row: int) -> tuple[float, str]:
        name = self.passages.ids[row]
        return uniform(self.seed, pair["id"], name), name

    def _similarities(
        self, pair: Mapping, rows: list[int], keys: list[int], scores: list[float]
    ) -> Iterator[float | None]:
        """Of each positive, as far as the searched depth holds it."""
        by_id: dict[str, float] = {}
        by_key: dict[int, float] = {}
        for row, key, score in zip(rows, keys, scores, strict=True):
            by_id[self.passages.ids[row]] = score
            by_key.setdefault(key, score)
        for name, text in zip(pair["pos_ids"], pair["pos"], strict=True):
            yield by_id.get(name, by_key.get(text_key(text)))

    def _fill(
        self,
        pair: Mapping,
        wanted: int,
        taken: set[int],
        before: Iterable[int],
        positive_ids: set[str],
    ) -> list[int]:
        """Rows of up to `wanted` other passages, by keyed hash, without repeats.

        Passages ranked before the window, which the window leaves out because they may
        well be relevant, come last: only a tiny corpus ever comes to them.
        """
        keys = self.passages.keys
        before = set(before) - taken
        barred = len(taken) + len(before) + len(positive_ids) + wanted

        def will_do(row: int) -> bool:
            return (
                int(keys[row]) not in taken
                and self.passages.ids[row] not in positive_ids
            )

        if len(self._distinct) < SCAN_BELOW * barred:
            rows = [row for row in self._distinct.tolist() if will_do(row)]
            rows.sort(
                key=lambda row: (int(keys[row]) in before, self._order(pair, row))
            )
            return rows[:wanted]
        # At least three in four draws will do, so this ends soon.
        added: dict[int, None] = {}
        draw = 0
        while len(added) < wanted:
            place = uniform(self.seed, pair["id"], "top-up", draw)
            row = int(self._distinct[int(place * len(self._distinct))])
            draw += 1
            if will_do(row) and int(keys[row]) not in before:
                added.setdefault(row)
        return list(added)

    def report(self) -> dict:
        """Counts and histograms for the stats file.

        `candidates` counts what was dropped in the windows, by rule: `positive` (by
        id), `same_text` (a positive's text under another id), `query` (the query's own
        text) and `repeat` (the text of a candidate ranked higher). `topped_up`,
        `short` and `without_negatives` count pairs. Ranks count from 0 in the whole
        ranking; the two histograms of similarities share their edges.
        """
        depth = max([self.window[1] - 1, *self.ranks])
        both = self.neg_similarities + self.pos_similarities
        span = (min(both), max(both)) if both else (0.0, 1.0)
        return {
            "queries": self.counts["queries"],
            "corpus_size": len(self.passages),
            "distinct_passages": len(self._distinct),
            "window": list(self.window),
            "negatives": self.negatives,
            "sampling": self.sampling,
            "seed": self.seed,
            "dropped": {rule: self.counts[rule] for rule in RULES},
            "topped_up": self.counts["topped_up"],
            "topped_up_negatives": self.counts["topped_up_negatives"],
            "short": self.counts["short"],
            "without_negatives": self.counts["without_negatives"],
            "histograms": {
                "neg_ranks": _histogram(self.ranks, (0, depth + 1)),
                "neg_similarities": _histogram(self.neg_similarities, span),
                "pos_similarities": _histogram(self.pos_similarities, span),
            },
        }


def _histogram(values: list, span: tuple[float, float]) -> dict[str, list]:
    counts, edges = np.histogram(values, bins=BINS, range=span)
    return {"edges": edges.tolist(), "counts": counts.tolist()}


def clipped_window(
    window: tuple[int, int], corpus_size: int, depth: int
) -> tuple[int, int]:
    """The window as far as there are passages.

    Raises:
        InputError: it is no window, begins beyond the corpus, or reaches deeper than
            the search (`depth`) went.
    """
    start, stop = window
    if not 0 <= start < stop:
        raise InputError(
            f"is {start} {stop}, expected a start and a later stop, from 0 on",
            key="window",
        )
    if start >= corpus_size:
        raise InputError(
            f"begins at rank {start}, but the corpus has {corpus_size} passage(s)",
            key="window",
        )
    stop = min(stop, corpus_size)
    if stop > depth:
        raise InputError(
            f"ends at rank {stop}, but the search went {depth} passages deep; search "
            "deeper or end the window earlier",
            key="window",
        )
    return start, stop
