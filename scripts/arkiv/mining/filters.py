"""What keeps a passage from becoming a negative: it may well answer the query.

A filter is one class: its setting, what it drops, and what the audit calls that. All
else follows from FILTERS: the keys of the configuration, the flags, what is counted,
and the rows of the audit. Scores are inner products of the embeddings, whichever miner
found the passage. The limits on them, and what they are called, are those of
sentence-transformers' `mine_hard_negatives`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from arkiv.base.declared import merged, setting, settings_of
from arkiv.base.files import Record
from arkiv.pairs.division import groups_of

if TYPE_CHECKING:
    import numpy as np

    from arkiv.mining.corpus import Candidates, Corpus, Query

# What a filter goes by. A candidate counts under the first filter that drops it: they
# are asked in this order, those that go by the same as they stand below.
BASES = ("text", "provenance", "wording", "embedding", "score")
# Values of a setting that leave its filter off.
OFF = (None, "allow")

FILTERS: list[type[Filter]] = []


@dataclass(frozen=True)
class Filter:
    """A reason to drop a candidate: on where its setting says so, or always without.

    Attributes:
        name: in the statistics.
        title: what it drops, in the audit.
        basis: one of BASES.
        from_positives: whether it compares with the positives' own embeddings.
        spares_random: whether random passages, which are easy by design, pass it.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    basis: ClassVar[str]
    from_positives: ClassVar[bool] = False
    spares_random: ClassVar[bool] = False

    def __init_subclass__(cls) -> None:
        FILTERS.append(dataclass(frozen=True)(cls))

    @property
    def key(self) -> str | None:
        """Its setting, if it has one."""
        return next(iter(settings_of(self)), None)

    @property
    def limit(self) -> Any:
        """The value of its setting; an empty text of a filter without."""
        return getattr(self, self.key) if self.key else ""

    @property
    def on(self) -> bool:
        return self.limit not in OFF

    def groups(self, record: Mapping, block_pages: int) -> Iterable:
        """What to remember of a passage's record, and to know of a pair's, for it."""
        return ()

    def drops(
        self, corpus: Corpus, query: Query, found: Candidates
    ) -> Sequence[bool] | np.ndarray:
        """For each candidate whether it is dropped."""
        raise NotImplementedError


class Positive(Filter):
    name = "positive"
    title = "the row's own positive"
    basis = "text"

    def drops(self, corpus: Corpus, query: Query, found: Candidates) -> list[bool]:
        return [name in query.pair["pos_ids"] for name in found.ids]


class Sibling(Filter):
    name = "sibling"
    title = "positive of another row with the query"
    basis = "text"

    def drops(self, corpus: Corpus, query: Query, found: Candidates) -> list[bool]:
        return [name in query.positives for name in found.ids]


class QueryItself(Filter):
    name = "query"
    title = "the query itself"
    basis = "text"

    def drops(self, corpus: Corpus, query: Query, found: Candidates) -> list[bool]:
        return [key == query.key for key in found.keys]


class SameText(Filter):
    name = "same_text"
    title = "text of a positive under another id"
    basis = "text"

    def drops(self, corpus: Corpus, query: Query, found: Candidates) -> list[bool]:
        keys = set(query.positives.values())
        return [key in keys for key in found.keys]


class Repeat(Filter):
    name = "repeat"
    title = "text of a candidate ranked higher"
    basis = "text"

    def drops(self, corpus: Corpus, query: Query, found: Candidates) -> list[bool]:
        met, verdicts = set(found.taken), []
        for key in found.keys:
            verdicts.append(key in met)
            # What the next filter drops is no candidate, so nothing repeats it.
            if key not in found.before:
                met.add(key)
        return verdicts


class BeforeWindow(Filter):
    name = "before_window"
    title = "before the other miner's window"
    basis = "text"

    def drops(self, corpus: Corpus, query: Query, found: Candidates) -> list[bool]:
        return [key in found.before for key in found.keys]


class RelativeMargin(Filter):
    name = "relative_margin"
    title = "too near the positive's score, relative"
    basis = "score"
    from_positives = True

    relative_margin: float | None = setting(
        None,
        "drop what scores above the positive's score p less this share of it (0.05: "
        "above 95 %)",
        at_least=0,
    )

    def drops(self, corpus: Corpus, query: Query, found: Candidates) -> np.ndarray:
        # |p|, for with p < 0 a factor would move the limit up.
        margin = self.relative_margin * abs(query.lowest)
        return found.scores > query.lowest - margin


class AbsoluteMargin(Filter):
    name = "absolute_margin"
    title = "too near the positive's score, absolute"
    basis = "score"
    from_positives = True

    absolute_margin: float | None = setting(
        None, "drop what scores above p less this", at_least=0
    )

    def drops(self, corpus: Corpus, query: Query, found: Candidates) -> np.ndarray:
        return found.scores > query.lowest - self.absolute_margin


class MaxScore(Filter):
    name = "max_score"
    title = "scores too high"
    basis = "score"

    max_score: float | None = setting(None, "drop what scores above this")

    def drops(self, corpus: Corpus, query: Query, found: Candidates) -> np.ndarray:
        return found.scores > self.max_score


class MinScore(Filter):
    name = "min_score"
    title = "scores too low"
    basis = "score"
    spares_random = True

    min_score: float | None = setting(None, "drop what scores below this")

    def drops(self, corpus: Corpus, query: Query, found: Candidates) -> np.ndarray:
        return found.scores < self.min_score


class NearDuplicate(Filter):
    name = "near_duplicate"
    title = "near-duplicate of a positive, by words"
    basis = "wording"

    duplicate_jaccard: float | None = setting(
        0.4,
        "drop what shares this much of its word triples with a positive",
        more_than=0,
        at_most=1,
    )

    def drops(self, corpus: Corpus, query: Query, found: Candidates) -> np.ndarray:
        return corpus.overlaps(query, found.rows) >= self.duplicate_jaccard


class NearVector(Filter):
    name = "near_vector"
    title = "near-duplicate of a positive, by vector"
    basis = "embedding"
    from_positives = True

    duplicate_cosine: float | None = setting(
        None,
        "drop what comes this near to a positive's embedding",
        more_than=0,
        at_most=1,
    )

    def drops(self, corpus: Corpus, query: Query, found: Candidates) -> np.ndarray:
        return corpus.cosines(query, found.rows) >= self.duplicate_cosine


class SameBlock(Filter):
    name = "same_block"
    title = "same block or volume as a positive"
    basis = "provenance"

    same_block: str = setting(
        "allow",
        "passages of a positive's block of pages or volume: allow them, or drop them",
        choices=("allow", "pages", "volume"),
    )

    def groups(self, record: Mapping, block_pages: int) -> list:
        # The last resort of `groups_of`, the passage by itself, is no group here: two
        # passages without provenance have nothing in common.
        name = record["id"]
        groups = groups_of(record, name, self.same_block, block_pages)
        return [group for group in groups if group != ("passage", name)]

    def drops(self, corpus: Corpus, query: Query, found: Candidates) -> list[bool]:
        groups = corpus.passages.groups
        near = set(self.groups(query.pair, corpus.block_pages))
        near.update(*(groups[row] for row in query.rows))
        return [not near.isdisjoint(groups[row]) for row in found.rows]


ORDER = sorted(FILTERS, key=lambda of: BASES.index(of.basis))
FilterSettings = merged("FilterSettings", *FILTERS, doc="What no negative may be.")


def filters_by(settings: Mapping[str, Any]) -> list[Filter]:
    """Those that are on, in the order in which they are asked.

    Args:
        settings: of all filters, by key; what is not there is off.
    """
    made = (of(**{key: settings.get(key) for key in settings_of(of)}) for of in ORDER)
    return [one for one in made if one.on]


def grouped(filters: Iterable[Filter], record: Record, block_pages: int) -> list:
    """All groups of a passage's record, see `Filter.groups`."""
    return [group for one in filters for group in one.groups(record, block_pages)]
