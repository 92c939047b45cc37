"""Hard negatives: passages that the search ranks high and that are not positives.

The window and what it counts are those of FlagEmbedding's `hn_mine.py`: of the merged
ranking, positives included, the slice [start:stop). Unlike there, the choice depends
on seed and ids alone, texts that are positives of any row with the same query are
left out under whatever id, and filling up adds no repeats. Filters that go beyond this
are those of `arkiv.mining.filters`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from itertools import islice
from typing import Literal, NamedTuple

import numpy as np

from arkiv.base.errors import InputError
from arkiv.base.files import Record
from arkiv.base.hashing import uniform
from arkiv.mining.filters import FILTERS, Asked, Filters
from arkiv.pairs.passages import Passages, text_key

Sampling = Literal["random", "top"]
Shortfall = Literal["fewer", "wider", "random"]
# In the order in which they are tried: a candidate counts under the first that holds.
RULES = (
    "positive",
    "sibling",
    "query",
    "same_text",
    "repeat",
    "before_window",
    *FILTERS,
)
# Where a negative comes from: a miner's window, or what fills up.
MINERS = ("dense", "bm25")
SOURCES = (*MINERS, "wider", "random")
BINS = 20
# Below this many distinct passages per passage that will not do, filling up ranks them
# all instead of drawing: drawing would mostly hit what will not do.
SCAN_BELOW = 4
# Draws per passage that is lacking. Three in four will do but for the filters; where
# these leave next to nothing, filling up gives up.
DRAWS = 100
# Random passages looked at together.
RANDOM_BLOCK = 16
# The scores of one passage by the search and by the embeddings differ by no more.
SAME_SCORE = 1e-4


@dataclass
class Known:
    """What is relevant to each query text, collected over all rows that share it."""

    _keys: dict[int, dict[str, int]] = field(default_factory=dict)

    def add(self, pair: Mapping) -> None:
        """Add the positives of a pair with `query`, `pos` and `pos_ids`."""
        keys = map(text_key, pair["pos"])
        positives = self._keys.setdefault(text_key(pair["query"]), {})
        positives.update(zip(pair["pos_ids"], keys, strict=True))

    def of(self, query: str) -> Mapping[str, int]:
        """The text key of each positive of a query text, by id."""
        return self._keys[text_key(query)]


class Candidate(NamedTuple):
    """A passage that may become a negative, and where it stood.

    Attributes:
        row: of the corpus.
        source: one of SOURCES.
        rank: from 0, in the ranking of the miner that found it; of a random passage in
            the dense ranking, if it is there.
        score: inner product of its embedding with the query's.
    """

    row: int
    source: str
    rank: int | None
    score: float


class Ranking(NamedTuple):
    """What one miner found for a query, best first.

    Attributes:
        rows: (k,) int64 of the corpus.
        scores: (k,) float32, inner products of the embeddings, whoever ranked.
    """

    rows: np.ndarray
    scores: np.ndarray


@dataclass
class Miner:
    """Chooses the negatives of one pair after the other and counts what it did.

    Attributes:
        passages: the corpus that was searched.
        known: positives of every query text.
        filters: what else makes a passage unfit.
        window: slice [start, stop) of each miner's ranking, counted from 0.
        negatives: wanted for each pair.
        sampling: `random` takes those with the smallest hash(seed, query id, passage
            id), `top` the first of the window.
        seed: of the random choices.
        bm25_share: of the negatives, rounded, but one at least; 0 without BM25.
        shortfall: what is tried, in turn, where the windows leave too few: `wider`
            takes the first dense ranks beyond the window, `random` draws from the whole
            corpus, `fewer` leaves it at that.
    """

    passages: Passages
    known: Known
    filters: Filters
    window: tuple[int, int]
    negatives: int
    sampling: Sampling = "random"
    seed: int = 0
    bm25_share: float = 0.0
    shortfall: Sequence[Shortfall] = ("random",)
    counts: Counter[str] = field(default_factory=Counter)
    dropped: dict[str, Counter[str]] = field(
        default_factory=lambda: {source: Counter() for source in SOURCES}
    )
    ranks: list[int] = field(default_factory=list)
    neg_similarities: list[float] = field(default_factory=list)
    pos_similarities: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._distinct = self.passages.distinct_rows()

    def mine(
        self,
        pair: Record,
        query: np.ndarray,
        dense: np.ndarray,
        bm25: np.ndarray | None = None,
    ) -> Record | None:
        """The pair with its negatives, or None where no passage will do.

        Args:
            pair: with ids; negatives and teacher scores it may have are dropped.
            query: (dim,) float16, its embedding.
            dense: (depth,) NEIGHBOUR, the passages nearest to its query.
            bm25: (depth,) NEIGHBOUR, its first passages by BM25.

        Raises:
            InputError: as `Filters.asked`; or scores of the search that the embeddings
                do not give.
        """
        asked = self.filters.asked(pair, query, self.known.of(pair["query"]))
        dense = dense[dense["row"] >= 0]
        rankings = {"dense": Ranking(dense["row"], dense["score"])}
        if bm25 is not None:
            rows = bm25["row"][bm25["row"] >= 0]
            scores = self.filters.similarities(asked.query, rows)
            rankings["bm25"] = Ranking(rows, scores)

        chosen = self._from_windows(pair, asked, rankings)
        self.counts["queries"] += 1
        self.counts["short_of_window"] += len(chosen) < self.negatives
        for way in self.shortfall:
            lacking = self.negatives - len(chosen)
            if not lacking or way == "fewer":
                break
            if way == "wider":
                added = self._wider(asked, rankings["dense"], lacking, chosen)
            else:
                added = self._random(pair, asked, rankings, lacking, chosen)
            self.counts[f"queries_filled_{way}"] += bool(added)
            chosen += added
        if not chosen:
            self.counts["without_negatives"] += 1
            return None
        self.counts["short"] += len(chosen) < self.negatives
        self._check_scores(asked, chosen)
        return self._record(pair, asked, chosen)

    def _from_windows(
        self, pair: Mapping, asked: Asked, rankings: Mapping[str, Ranking]
    ) -> list[Candidate]:
        """Up to the wanted number, each miner's in the order of its ranks.

        What one miner lacks of its share the other makes up for.
        """
        start, stop = self.window
        shares = {"dense": self.negatives, "bm25": 0}
        if self.bm25_share:
            shares["bm25"] = max(1, int(self.bm25_share * self.negatives + 0.5))
            shares["dense"] -= shares["bm25"]
        candidates = {}
        for source, ranking in rankings.items():
            # What comes before the window may well be relevant: for either miner.
            before = self._keys_before(
                other for name, other in rankings.items() if name != source
            )
            ranks = range(start, min(stop, len(ranking.rows)))
            found = list(self._fit(asked, source, ranking, ranks, before))
            if self.sampling == "random":
                found.sort(key=lambda one: self._order(pair, one.row))
            candidates[source] = found

        chosen: dict[int, Candidate] = {}

        def take(source: str, wanted: int) -> None:
            for one in candidates[source]:
                if wanted <= 0:
                    break
                key = self._key(one.row)
                if key not in chosen:
                    chosen[key] = one
                    wanted -= 1

        for source in rankings:
            take(source, shares[source])
        for source in rankings:
            take(source, self.negatives - len(chosen))
        return sorted(
            chosen.values(), key=lambda one: (MINERS.index(one.source), one.rank)
        )

    def _fit(
        self,
        asked: Asked,
        source: str,
        ranking: Ranking,
        ranks: range,
        before: Iterable[int] = (),
        taken: Iterable[int] = (),
    ) -> Iterator[Candidate]:
        """The candidates of a stretch of a ranking; what was dropped is counted."""
        dropped = self.dropped[source]
        self.counts[f"looked_at_{source}"] += len(ranks)
        rows = ranking.rows[ranks.start : ranks.stop]
        scores = ranking.scores[ranks.start : ranks.stop]
        keys = self.passages.keys[rows].tolist()
        taken, left = set(taken), []
        for place, (row, key) in enumerate(zip(rows.tolist(), keys, strict=True)):
            name = self.passages.ids[row]
            if name in asked.own:
                dropped["positive"] += 1
            elif name in asked.ids:
                dropped["sibling"] += 1
            elif key == asked.query_key:
                dropped["query"] += 1
            elif key in asked.keys:
                dropped["same_text"] += 1
            elif key in taken:
                dropped["repeat"] += 1
            elif key in before:
                dropped["before_window"] += 1
            else:
                taken.add(key)
                left.append(place)
        rows, scores = rows[left], scores[left]
        rules = self.filters.rules(asked, rows, scores)
        for place, row, score, rule in zip(
            left, rows.tolist(), scores.tolist(), rules, strict=True
        ):
            if rule is None:
                yield Candidate(row, source, ranks.start + place, score)
            else:
                dropped[rule] += 1

    def _wider(
        self, asked: Asked, dense: Ranking, wanted: int, chosen: list[Candidate]
    ) -> list[Candidate]:
        """The first that will do of the dense ranks beyond the window."""
        ranks = range(self.window[1], len(dense.rows))
        taken = [self._key(one.row) for one in chosen]
        return list(self._fit(asked, "wider", dense, ranks, taken=taken))[:wanted]

    def _random(
        self,
        pair: Mapping,
        asked: Asked,
        rankings: Mapping[str, Ranking],
        wanted: int,
        chosen: list[Candidate],
    ) -> list[Candidate]:
        """Up to `wanted` other passages, by keyed hash, without repeats.

        Passages ranked before the window, which the window leaves out because they may
        well be relevant, come last: only a tiny corpus ever comes to them. All filters
        hold but `min_score`, for a random passage is easy by design.
        """
        taken = {*asked.keys, asked.query_key}
        taken |= {self._key(one.row) for one in chosen}
        before = self._keys_before(rankings.values()) - taken
        barred = len(taken) + len(before) + len(asked.ids) + wanted
        rank_of = {row: n for n, row in enumerate(rankings["dense"].rows.tolist())}

        def fresh() -> Iterator[int]:
            for row in self._drawn(pair, wanted, barred, before):
                key = self._key(row)
                if key not in taken and self.passages.ids[row] not in asked.ids:
                    taken.add(key)
                    yield row

        left = fresh()
        added: list[Candidate] = []
        while block := list(islice(left, RANDOM_BLOCK)):
            rows = np.array(block, np.int64)
            scores = self.filters.similarities(asked.query, rows)
            rules = self.filters.rules(asked, rows, scores, easy=True)
            for row, score, rule in zip(
                rows.tolist(), scores.tolist(), rules, strict=True
            ):
                self.counts["looked_at_random"] += 1
                if rule is not None:
                    self.dropped["random"][rule] += 1
                    continue
                added.append(Candidate(row, "random", rank_of.get(row), score))
                if len(added) == wanted:
                    return added
        return added

    def _drawn(
        self, pair: Mapping, wanted: int, barred: int, before: set[int]
    ) -> Iterator[int]:
        """Rows of distinct passages by keyed hash, those before the window at last."""
        if len(self._distinct) < SCAN_BELOW * barred:
            yield from sorted(
                self._distinct.tolist(),
                key=lambda row: (self._key(row) in before, self._order(pair, row)),
            )
            return
        for draw in range(DRAWS * wanted):
            place = uniform(self.seed, pair["id"], "top-up", draw)
            row = int(self._distinct[int(place * len(self._distinct))])
            if self._key(row) not in before:
                yield row

    def _keys_before(self, rankings: Iterable[Ranking]) -> set[int]:
        rows = [ranking.rows[: self.window[0]] for ranking in rankings]
        return {self._key(row) for before in rows for row in before}

    def _key(self, row: int) -> int:
        return int(self.passages.keys[row])

    def _order(self, pair: Mapping, row: int) -> tuple[float, str]:
        name = self.passages.ids[row]
        return uniform(self.seed, pair["id"], name), name

    def _check_scores(self, asked: Asked, chosen: list[Candidate]) -> None:
        rows = np.array([one.row for one in chosen], np.int64)
        scores = self.filters.similarities(asked.query, rows)
        for one, score in zip(chosen, scores.tolist(), strict=True):
            if not abs(one.score - score) <= SAME_SCORE:
                raise InputError(
                    f"give passage {self.passages.ids[one.row]} a score of "
                    f"{score:.4f}, but the neighbours have {one.score:.4f}; are they "
                    "of other texts, or the parts out of order?",
                    key="embeddings",
                )

    def _record(self, pair: Record, asked: Asked, chosen: list[Candidate]) -> Record:
        for one in chosen:
            self.counts[f"negatives_{one.source}"] += 1
        similarities = asked.own_similarities
        self.ranks += [one.rank for one in chosen if one.rank is not None]
        self.neg_similarities += [one.score for one in chosen]
        self.pos_similarities += [s for s in similarities if s is not None]
        self.counts["positives_outside"] += similarities.count(None)

        dropped = {"neg", "neg_ids", "pos_scores", "neg_scores"}
        mined = {key: value for key, value in pair.items() if key not in dropped}
        return mined | {
            "neg": [self.passages.text(one.row) for one in chosen],
            "neg_ids": [self.passages.ids[one.row] for one in chosen],
            "neg_sources": [one.source for one in chosen],
            "neg_ranks": [one.rank for one in chosen],
            "neg_similarities": [one.score for one in chosen],
            "pos_similarities": similarities,
        }

    def report(self) -> dict:
        """Counts and histograms for the stats file.

        `looked_at` counts candidates and `dropped` those that a rule kept out, by the
        source they would have had. The rules, of which the first that holds counts:
        `positive` (the pair's own, by id), `sibling` (of another pair with the same
        query), `query` (the query's own text), `same_text` (a positive's text under
        another id), `repeat` (the text of a candidate ranked higher), `before_window`
        (the other miner ranks it before the window), and FILTERS. `short_of_window`,
        `filled`, `short` and `without_negatives` count pairs, `sources` negatives.
        `positives_outside` counts positives that the corpus lacks. Ranks count from 0;
        the two histograms of similarities share their edges.
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
            "bm25_share": self.bm25_share,
            "shortfall": list(self.shortfall),
            "limits": asdict(self.filters.limits),
            "looked_at": {name: self.counts[f"looked_at_{name}"] for name in SOURCES},
            "dropped": {
                name: {rule: self.dropped[name][rule] for rule in RULES}
                for name in SOURCES
            },
            "sources": {name: self.counts[f"negatives_{name}"] for name in SOURCES},
            "short_of_window": self.counts["short_of_window"],
            "filled": {
                way: self.counts[f"queries_filled_{way}"] for way in ("wider", "random")
            },
            "short": self.counts["short"],
            "without_negatives": self.counts["without_negatives"],
            "positives_outside": self.counts["positives_outside"],
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
