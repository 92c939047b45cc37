"""What every type of system says of itself, and how it ranks."""

from __future__ import annotations

import logging
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import MISSING, dataclass, field, fields
from threading import Lock
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, Self

from arkiv.base.cli import add_words
from arkiv.base.declared import setting
from arkiv.base.setting_flags import add_settings, settings_from
from arkiv.encode.settings import Weights

if TYPE_CHECKING:
    import numpy as np

    from arkiv.base.files import Record
    from arkiv.encode.options import Options
    from arkiv.retrieve.rankings import Ranking
    from arkiv.retrieve.trec import Ranked

    # From a query, the rows to choose from (None: all) and how many to keep.
    Rank = Callable[[str, np.ndarray | None, int], Ranking]

log = logging.getLogger("arkiv.retrieve")

# Settings that name models and systems: a program is given their files.
NAMES = frozenset({"model", "source", "revision", "system", "systems"})
# Of the models of a run those that are not trained in it, and the role of each.
GIVEN = {"base": "embedder", "teacher": "reranker"}
# What the model of a run may be called that a system takes.
OF_RUN = "^(base|tuned|round_[1-9][0-9]*)$"
# The searches of a whole corpus that a model of the run does itself.
OWN_SEARCHES = ("dense", "sparse")
# Of the flag that takes learnt weights.
WEIGHTS_OF = "[JSON] of fit_weights.py, in the place of --weights"


def beyond(model: str | None, rounds: float) -> Iterator[tuple[str, str]]:
    """The fault of a `model` that is that of a round which the run does not have."""
    number = (model or "base").partition("_")[2]
    if number and int(number) > rounds:
        yield "model", f"is {model}, but `rounds` is {rounds}"


@dataclass(frozen=True)
class Depths(Weights):
    """How deep systems search, and by which weights M3's scores are one."""

    depth: int = setting(1000, "passages kept per query", at_least=1)
    rerank_depth: int = setting(
        100,
        "passages of each search among `candidates` that multi-vector scores re-rank",
        at_least=1,
    )
    candidates: tuple[str, ...] = setting(
        OWN_SEARCHES,
        "what finds the passages that multi_vector and combined re-rank: dense, "
        "sparse, and systems of type bm25 by their names",
        fewest=1,
        unique=True,
    )


class Column(NamedTuple):
    """How the search page shows a system.

    Attributes:
        name: in `evaluate.systems`.
        group: `BM25`, or its model: `Base model`.
        title: of the column: `base dense`.
        choice: its mode within the group: `dense`.
        by_tokens: whether it finds what shares tokens of a model with the query, which
            may be but pieces of words.
    """

    name: str
    group: str
    title: str
    choice: str
    by_tokens: bool = False


@dataclass
class FinishedRun:
    """What a run has on disk for systems that answer one query at a time."""

    config: Mapping[str, Any]
    passages: Sequence[Record]
    """In the order of their ids."""
    model: Callable[[str], str]
    """From the name of a model of the run to its directory."""
    encodings: Callable[[str], str]
    """Likewise to the directory of what it has encoded."""
    weights: Callable[[str], str]
    """From the name of a system to the weights that it has learnt."""
    options: Options
    """How models run."""
    encoding: Lock = field(default_factory=Lock)
    """Held while any model encodes, so that the threads of one request have all cores
    and do not stand in the way of those of another."""
    loaded: dict[str | System, Any] = field(default_factory=dict)
    """By the name of a model what several systems share; by a system what others take
    of it."""


@dataclass(frozen=True)
class System:
    """A system under test; a type is a subclass in a module of its own.

    The fields of a subclass are the keys that the type takes in the configuration, and
    those without a default are needed.
    """

    type: ClassVar[str]
    """As the configuration calls it; its rule is retrieve_TYPE."""
    needs_gpu: ClassVar[bool] = False
    """Whether its rule belongs to those that a cluster gives GPUs."""
    role: ClassVar[str] = "embedder"
    """Of the models: what a model that it brings along (`source`) does."""
    below: ClassVar[str | None] = None
    """The key that names what it builds on."""
    cache: ClassVar[str | None] = None
    """Where below `cache/` what it computes is kept."""
    reads_texts: ClassVar[bool] = True
    """Whether it is given the passages and the queries."""
    # Of a model of its own; without a type, lest it be the first field where it is one.
    source = None
    model_of_run: ClassVar[str | None] = None
    """The model of the run that it takes: base, tuned, round_1 or teacher."""
    encodings: ClassVar[Sequence[str]] = ()
    """The kinds of encoding that it reads, made by the model of the run."""

    @property
    def is_trained(self) -> bool:
        """Whether the model that it takes is made by the run's training."""
        return self.model_of_run not in (None, *GIVEN)

    @classmethod
    def takes(cls) -> list[str]:
        """What the type takes."""
        return [field.name for field in fields(cls)]

    @classmethod
    def needs(cls) -> list[str]:
        """What it cannot be without."""
        return [field.name for field in fields(cls) if field.default is MISSING]

    @classmethod
    def own(cls) -> list[str]:
        """What of it is given as flags: names of models and systems become files."""
        return [key for key in cls.takes() if key not in NAMES]

    @classmethod
    def of(cls, given: Mapping[str, Any]) -> Self:
        """Of what the configuration says; a key that is missing is None."""
        needed = dict.fromkeys(cls.needs())
        return cls(**needed | {key: given[key] for key in cls.takes() if key in given})

    @classmethod
    def of_flags(cls, given: Namespace) -> Self:
        """Of what `add_flags` added; runs stand for the systems that it builds on.

        Raises:
            InputError: a value is out of bounds.
        """
        below = {cls.below: given.runs} if cls.below else {}
        return settings_from(given, cls.of(below), *cls.own())

    @property
    def builds_on(self) -> list[str]:
        """The systems whose runs it reads."""
        below = getattr(self, self.below) if self.below else []
        return [below] if isinstance(below, str) else list(below)

    def learns(self, weights: Any) -> bool:
        """Whether its weights are learnt on dev queries; by `evaluate.weights`."""
        return False

    def faults(self, depth: float, rounds: float) -> Iterator[tuple[str, str]]:
        """The key and the reason of each value that will not do.

        With runs of so many passages, and so many rounds of training.
        """
        yield from ()

    def misnamed(self, rounds: float) -> Iterator[tuple[str, str]]:
        """Likewise of what names its model, which a program is given as a file."""
        yield from ()

    def settings(self) -> dict[str, Any]:
        """What it is given as flags, beside files and the settings of the run."""
        return {key: getattr(self, key) for key in self.own()}

    def called(self, name: str, *, alone: bool) -> str:
        """What sentences call it, by a name for people; `alone` of its type or not."""
        return name

    def reorders(
        self, rerank_depth: int, candidates: Sequence[str]
    ) -> tuple[str, int] | None:
        """What it puts into another order, in words, and how many of its passages.

        None: it finds its passages itself, or takes them from several searches.
        """
        return None

    def column(self, name: str) -> Column | None:
        """How the search page shows it; None: it answers no single query."""
        return None

    @classmethod
    def add_flags(cls, arguments: ArgumentParser) -> None:
        """Add the flags of scripts/retrieve.py for the type."""
        if cls.reads_texts:
            add_words(arguments, corpus="JSONL", queries="JSONL")
        if cls.below:
            add_words(arguments, runs="TREC... of what it builds on")
        if "depth" not in cls.own():
            add_settings(arguments, Depths, "depth")
        for key in cls.own():
            add_settings(arguments, cls.of({}), key, required=key in cls.needs())

    def run(self, given: Namespace) -> Iterator[Ranked]:
        """The rankings of a file of queries; what can be at fault is read at once.

        A query that is itself a passage does not find itself.

        Args:
            given: what `add_flags` added, and `output`.

        Raises:
            InputError: the faults of what is given.
        """
        from arkiv.retrieve.collection import SEARCHED, read_ordered
        from arkiv.retrieve.itself import own_rows, without

        passages = read_ordered(given.corpus, keys=SEARCHED)
        queries = read_ordered(given.queries, queries=True)
        own = own_rows(
            ((query.get("of", query["id"]), query["query"]) for query in queries),
            ((passage["id"], passage["text"]) for passage in passages),
        )
        # What it builds on has left them out already.
        if not self.below and any(own):
            log.info("%d queries are passages themselves", sum(map(bool, own)))
            deeper = given.depth + max(map(len, own))
            found = self.ranked(
                Namespace(**vars(given) | {"depth": deeper}), queries, passages
            )
            rankings: Iterable[Ranking] = (
                without(ranking, rows, given.depth)
                for ranking, rows in zip(found, own, strict=True)
            )
        else:
            rankings = self.ranked(given, queries, passages)
        log.info("ranking %d passages for %d queries", len(passages), len(queries))
        return (
            (query["id"], [passages[row]["id"] for row in ranking.rows], ranking.scores)
            for query, ranking in zip(queries, rankings, strict=True)
        )

    def ranked(
        self, given: Namespace, queries: Sequence[Record], passages: Sequence[Record]
    ) -> Iterable[Ranking]:
        """The ranking of each query; queries and passages stand by their ids.

        Raises:
            InputError: the faults of what is given.
        """
        raise NotImplementedError

    def loaded(self, run: FinishedRun) -> Rank:
        """What answers one query at a time, for several threads.

        Scores are those of its run on disk, up to rounding.

        Raises:
            InputError: a model or encodings are missing, damaged, or of other texts.
        """
        raise NotImplementedError
