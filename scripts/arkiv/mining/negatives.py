"""Hard negatives: passages that the search ranks high and that are not positives.

The window and what it counts are those of FlagEmbedding's `hn_mine.py`: of the merged
ranking, positives included, the slice [start:stop). Unlike there, the choice depends
on seed and ids alone, texts that are positives of any row with the same query are
left out under whatever id, and filling up adds no repeats. Filters that go beyond this
are those of `arkiv.mining.filters`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Set
from dataclasses import dataclass
from itertools import count, islice
from typing import NamedTuple

import numpy as np

from arkiv.base.declared import settings_of
from arkiv.base.errors import InputError
from arkiv.base.files import Record
from arkiv.base.hashing import text_key, uniform
from arkiv.mining.corpus import Candidates, Corpus, Query
from arkiv.mining.filtering import check_positives, first_to_drop
from arkiv.mining.filters import ORDER, FilterSettings, filters_by
from arkiv.mining.nearest import neighbours
from arkiv.mining.settings import Mining

# Where a negative comes from: a miner's window, or what fills up.
SOURCES = {
    "dense": "embeddings",
    "bm25": "BM25",
    "wider": "beyond the window",
    "random": "random",
}
# A negative that the pair has brought along.
GIVEN = "given"
NAMES = SOURCES | {GIVEN: "given"}
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


@dataclass
class Miner:
    """Chooses the negatives of one pair after the other and counts what it did.

    Attributes:
        corpus: that was searched.
        positives: by the text key of a query the text keys, by id, of the positives of
            all pairs that share it.
        settings: what filters drop, and how negatives are chosen of the rest: by
            `random` sampling those with the smallest hash(seed, query id, passage id),
            by `top` the first of the window; `bm25_share` of them, rounded, but one at
            least, from BM25.
        seed: of the random choices.
        keep_given: whether the negatives that pairs have already stay, filled up to
            the wanted number.
    """

    corpus: Corpus
    positives: Mapping[int, Mapping[str, int]]
    settings: Mining
    seed: int
    keep_given: bool = False

    def __post_init__(self) -> None:
        self._filters = filters_by(vars(self.settings))
        self.counts: Counter[str] = Counter()
        self.dropped: dict[str, Counter[str]] = {name: Counter() for name in SOURCES}
        self.ranks: list[int] = []
        self.neg_similarities: list[float] = []
        self.pos_similarities: list[float] = []

    def mine(
        self,
        pair: Record,
        embedding: np.ndarray,
        dense: np.ndarray,
        bm25: np.ndarray | None = None,
    ) -> Record | None:
        """The pair with its negatives, or None where no passage will do.

        Args:
            pair: with ids; teacher scores it may have are dropped, and negatives,
                unless these are kept.
            embedding: (dim,) float16, of its query.
            dense: (depth,) NEIGHBOUR, the passages nearest to its query.
            bm25: (depth,) NEIGHBOUR, its first passages by BM25.

        Raises:
            InputError: as `check_positives` and `Corpus.given`; or scores of the
                search that the embeddings do not give.
        """
        positives = self.positives[text_key(pair["query"])]
        query = self.corpus.query(pair, embedding, positives)
        check_positives(query, self._filters)
        rankings = {"dense": dense[dense["row"] >= 0]}
        if bm25 is not None:
            rankings["bm25"] = self._scored(query, bm25["row"][bm25["row"] >= 0])

        wanted = self.settings.negatives_per_query
        given = self._given(query, rankings["dense"]) if self.keep_given else []
        chosen = given + self._from_windows(query, rankings, wanted - len(given), given)
        self.counts["queries"] += 1
        self.counts["short_of_window"] += len(chosen) < wanted
        for way in self.settings.shortfall:
            lacking = wanted - len(chosen)
            if lacking <= 0 or way == "fewer":
                break
            taken = {self._key(one.row) for one in chosen}
            if way == "wider":
                end = self.settings.window[1]
                beyond = rankings["dense"][end:]
                fit = self._fit(query, "wider", beyond, count(end), taken)
                added = list(fit)[:lacking]
            else:
                added = self._random(query, rankings, lacking, taken)
            self.counts[f"queries_filled_{way}"] += bool(added)
            chosen += added
        if not chosen:
            self.counts["without_negatives"] += 1
            return None
        self.counts["short"] += len(chosen) < wanted
        self._check_scores(query, chosen)
        return self._record(query, chosen)

    def _scored(self, query: Query, rows: np.ndarray) -> np.ndarray:
        """(n,) NEIGHBOUR: rows of the corpus, with scores as the search gives them."""
        return neighbours(rows, self.corpus.similarities(query.embedding, rows))

    def _given(self, query: Query, dense: np.ndarray) -> list[Candidate]:
        """The pair's own negatives, whatever filters say, but for its positives."""
        barred = {*query.positives.values(), query.key}
        rows = [row for row in self.corpus.given(query) if self._key(row) not in barred]
        rank_of = dict(zip(dense["row"].tolist(), count(), strict=False))
        scored = self._scored(query, np.array(rows, np.int64))
        return [
            Candidate(row, GIVEN, rank_of.get(row), score)
            for row, score in zip(rows, scored["score"].tolist(), strict=True)
        ]

    def _from_windows(
        self,
        query: Query,
        rankings: Mapping[str, np.ndarray],
        wanted: int,
        given: Iterable[Candidate],
    ) -> list[Candidate]:
        """Up to the wanted number, each miner's in the order of its ranks.

        What one miner lacks of its share the other makes up for; what is given is not
        taken again.
        """
        if wanted <= 0:
            return []
        settings, taken = self.settings, {self._key(one.row) for one in given}
        shares = {"dense": wanted, "bm25": 0}
        if settings.bm25_share:
            shares["bm25"] = max(1, int(settings.bm25_share * wanted + 0.5))
            shares["dense"] -= shares["bm25"]
        start, stop = settings.window
        candidates = {}
        for source, ranked in rankings.items():
            # What comes before the window may well be relevant: for either miner.
            before = self._keys_before(
                other for name, other in rankings.items() if name != source
            )
            window, ranks = ranked[start:stop], count(start)
            found = list(self._fit(query, source, window, ranks, taken, before))
            if settings.sampling == "random":
                found.sort(key=lambda one: self._order(query, one.row))
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
            take(source, wanted - len(chosen))
        miners = list(rankings)
        return sorted(
            chosen.values(), key=lambda one: (miners.index(one.source), one.rank)
        )

    def _fit(
        self,
        query: Query,
        source: str,
        found: np.ndarray,
        ranks: Iterable[int | None],
        taken: Set[int] = frozenset(),
        before: Set[int] = frozenset(),
    ) -> Iterator[Candidate]:
        """What no filter drops of (n,) NEIGHBOUR; all that is looked at is counted."""
        filters = self._filters
        if source == "random":
            filters = [one for one in filters if not one.spares_random]
        rows, scores = found["row"], found["score"].astype(np.float64)
        candidates = Candidates(self.corpus.passages, rows, scores, taken, before)
        verdicts = first_to_drop(filters, self.corpus, query, candidates)
        for row, score, rank, verdict in zip(
            rows.tolist(), scores.tolist(), ranks, verdicts, strict=False
        ):
            self.counts[f"looked_at_{source}"] += 1
            if verdict is None:
                yield Candidate(row, source, rank, score)
            else:
                self.dropped[source][verdict] += 1

    def _random(
        self,
        query: Query,
        rankings: Mapping[str, np.ndarray],
        wanted: int,
        taken: set[int],
    ) -> list[Candidate]:
        """Up to `wanted` other passages, by keyed hash, without repeats."""
        rank_of = dict(zip(rankings["dense"]["row"].tolist(), count(), strict=False))
        others = self._others(query, rankings, wanted, taken)
        added: list[Candidate] = []
        while len(added) < wanted and (block := list(islice(others, RANDOM_BLOCK))):
            found = self._scored(query, np.array(block, np.int64))
            fit = self._fit(query, "random", found, map(rank_of.get, block))
            added += islice(fit, wanted - len(added))
        return added

    def _others(
        self,
        query: Query,
        rankings: Mapping[str, np.ndarray],
        wanted: int,
        taken: set[int],
    ) -> Iterator[int]:
        """Rows of distinct passages by keyed hash, neither taken nor positives.

        Passages ranked before the window, which the window leaves out because they may
        well be relevant, come last: only a tiny corpus ever comes to them.
        """
        taken = {*taken, *query.positives.values(), query.key}
        before = self._keys_before(rankings.values()) - taken
        barred = len(taken) + len(before) + len(query.positives) + wanted
        distinct = self.corpus.distinct
        if len(distinct) < SCAN_BELOW * barred:
            drawn = sorted(
                distinct.tolist(),
                key=lambda row: (self._key(row) in before, self._order(query, row)),
            )
        else:
            draws = range(DRAWS * wanted)
            places = (uniform(self.seed, query.pair["id"], "top-up", n) for n in draws)
            rows = (int(distinct[int(place * len(distinct))]) for place in places)
            drawn = (row for row in rows if self._key(row) not in before)
        for row in drawn:
            key, name = self._key(row), self.corpus.passages.ids[row]
            if key not in taken and name not in query.positives:
                taken.add(key)
                yield row

    def _keys_before(self, rankings: Iterable[np.ndarray]) -> set[int]:
        start = self.settings.window[0]
        return {self._key(row) for one in rankings for row in one["row"][:start]}

    def _key(self, row: int) -> int:
        return int(self.corpus.passages.keys[row])

    def _order(self, query: Query, row: int) -> tuple[float, str]:
        name = self.corpus.passages.ids[row]
        return uniform(self.seed, query.pair["id"], name), name

    def _check_scores(self, query: Query, chosen: list[Candidate]) -> None:
        rows = np.array([one.row for one in chosen], np.int64)
        scores = self.corpus.similarities(query.embedding, rows)
        for one, score in zip(chosen, scores.tolist(), strict=True):
            if not abs(one.score - score) <= SAME_SCORE:
                raise InputError(
                    f"give passage {self.corpus.passages.ids[one.row]} a score of "
                    f"{score:.4f}, but the neighbours have {one.score:.4f}; are they "
                    "of other texts, or the parts out of order?",
                    key="embeddings",
                )

    def _record(self, query: Query, chosen: list[Candidate]) -> Record:
        for one in chosen:
            self.counts[f"negatives_{one.source}"] += 1
        similarities, passages = query.own_similarities, self.corpus.passages
        self.ranks += [one.rank for one in chosen if one.rank is not None]
        self.neg_similarities += [one.score for one in chosen]
        self.pos_similarities += [s for s in similarities if s is not None]
        self.counts["positives_outside"] += similarities.count(None)

        dropped = {"neg", "neg_ids", "pos_scores", "neg_scores"}
        mined = {key: value for key, value in query.pair.items() if key not in dropped}
        return mined | {
            "neg": [passages.text(one.row) for one in chosen],
            "neg_ids": [passages.ids[one.row] for one in chosen],
            "neg_sources": [one.source for one in chosen],
            "neg_ranks": [one.rank for one in chosen],
            "neg_similarities": [one.score for one in chosen],
            "pos_similarities": similarities,
        }

    def report(self) -> dict:
        """Counts and histograms for the stats file.

        `looked_at` counts candidates and `dropped` those that a filter kept out, the
        first that does, by the source they would have had. `short_of_window`, `filled`,
        `short` and `without_negatives` count pairs, `sources` negatives.
        `positives_outside` counts positives that the corpus lacks. Ranks count from 0;
        the two histograms of similarities share their edges.
        """
        settings, corpus = self.settings, self.corpus
        depth = max([settings.window[1] - 1, *self.ranks])
        both = self.neg_similarities + self.pos_similarities
        span = (min(both), max(both)) if both else (0.0, 1.0)
        return {
            "queries": self.counts["queries"],
            "corpus_size": len(corpus.passages),
            "distinct_passages": len(corpus.distinct),
            "window": list(settings.window),
            "negatives": settings.negatives_per_query,
            "sampling": settings.sampling,
            "seed": self.seed,
            "bm25_share": settings.bm25_share,
            "shortfall": list(settings.shortfall),
            "limits": {
                **{key: getattr(settings, key) for key in settings_of(FilterSettings)},
                "block_pages": corpus.block_pages,
            },
            "looked_at": {name: self.counts[f"looked_at_{name}"] for name in SOURCES},
            "dropped": {
                name: {of.name: self.dropped[name][of.name] for of in ORDER}
                for name in SOURCES
            },
            "sources": {
                name: self.counts[f"negatives_{name}"]
                for name in (NAMES if self.keep_given else SOURCES)
            },
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
