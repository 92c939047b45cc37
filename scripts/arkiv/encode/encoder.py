"""One encoder for all kinds of model: texts to vectors, pairs of texts to scores.

What is particular to a kind stands in `arkiv.encode.m3`, `dense` and `cross_encoder`.
"""

from __future__ import annotations

import collections
import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from arkiv.base.errors import InputError
from arkiv.encode.batches import ahead, by_budget, by_characters, distinct, reported
from arkiv.encode.cache import Cache, key
from arkiv.encode.forward import Batch
from arkiv.encode.kept import Kept
from arkiv.encode.kind import Kind, Side
from arkiv.encode.ragged import RaggedCache
from arkiv.encode.settings import Length
from arkiv.encode.workers import Workers, devices

if TYPE_CHECKING:
    import scipy.sparse

log = logging.getLogger("arkiv.encode.encoder")

# As token weights are kept.
WEIGHT = np.dtype([("token", "<i4"), ("weight", "<f4")])


@dataclass(frozen=True)
class Encoded:
    """The encodings of n texts, in their order; None where not asked for."""

    dense: np.ndarray | None = None
    """(n, dim) float32, or float16 if kept; those of M3 have length 1."""
    sparse: scipy.sparse.csr_matrix | None = None
    """(n, vocabulary) float32: each token's greatest weight; no special tokens."""
    multi_vector: list[np.ndarray] | None = None
    """n arrays (tokens - 1, dim) float32, rows of length 1; CLS left out, EOS kept."""


class Encoder:
    """A model ready to encode, on all GPUs or on the CPU; a context manager.

    Its workers, one on each device, begin to load the model when it is first needed;
    leaving the context ends them. The texts of a call are computed in batches of like
    length, each distinct one once.

    Args:
        kind: the model, such as `arkiv.encode.m3.M3(directory, options)`.
        longest: tokens of the longest input that will come, for which a GPU's batches
            are measured.

    Raises:
        InputError: a limit is outside what the model takes.
    """

    def __init__(self, kind: Kind, *, longest: Length) -> None:
        self.kind = kind
        self._longest = kind.length(longest)
        self._recipe = kind.recipe(self._longest)
        self._open = ExitStack()

    def __enter__(self) -> Encoder:
        return self

    def __exit__(self, *error: object) -> None:
        self._open.__exit__(*error)

    @cached_property
    def workers(self) -> Workers:
        """The workers, which begin to load the model when first asked for."""
        options = self.kind.options
        places = devices(options.processes, self.kind.path)
        workers = Workers(self._recipe, options.batch_tokens, places)
        return self._open.enter_context(workers)

    def encode(
        self,
        texts: Sequence[str],
        side: Side,
        *,
        max_length: Length,
        dense: bool = True,
        sparse: bool = False,
        multi_vector: bool = False,
        quietly: bool = False,
    ) -> Encoded:
        """Encode texts; the results come in their order.

        Args:
            texts: each distinct one is encoded once.
            side: whether they are queries or passages, which some models tell apart.
            max_length: tokens per text, special ones included; longer texts are cut.
                See `arkiv.encode.limits`.
            dense, sparse, multi_vector: what to encode them into.
            quietly: how far it is does not show in the log.

        Raises:
            InputError: the model does not give what is asked, or gives NaN or infinite
                values, or a limit is outside what it takes.
        """
        given = {"dense": dense, "sparse": sparse, "multi_vector": multi_vector}
        asked = frozenset(name for name, wanted in given.items() if wanted)
        settings = self._settings(asked, max_length=max_length)
        unique, inverse = distinct(self._items(texts, side))
        columns: dict[str, Any] = {name: [None] * len(unique) for name in asked}
        if dense:
            columns["dense"] = np.zeros((len(unique), self.kind.dim), np.float32)
        if unique:
            found = self.workers.map(self._batches(unique, settings, asked))
            if not quietly:
                found = reported(found, len(unique), "texts encoded")
            for rows, values in found:
                for name, column in values.items():
                    for row, value in zip(rows, column, strict=True):
                        columns[name][row] = value
        return Encoded(
            columns["dense"][np.array(inverse, np.int64)] if dense else None,
            self._matrix([columns["sparse"][row] for row in inverse])
            if sparse
            else None,
            [columns["multi_vector"][row] for row in inverse] if multi_vector else None,
        )

    def embed(
        self,
        texts: Sequence[str],
        side: Side,
        *,
        max_length: Length,
        cache: str | Path | None = None,
        job: str = "",
        also: Sequence[str] = (),
    ) -> np.ndarray:
        """(n, dim) float16: dense vectors in the order of the texts, kept by content.

        Args:
            texts, side, max_length: as of `encode`.
            cache: a directory of `arkiv.encode.cache`: texts whose vectors it has are
                not encoded again.
            job: its name, under which it goes on if it was killed.
            also: `sparse`, to keep the token weights of those texts that are encoded,
                for whoever asks for them later; nothing of a model that gives none.

        Raises:
            InputError: as of `encode`.
        """
        found, inverse = self._by_content(
            ("dense",),
            self._items(texts, side),
            {"max_length": max_length},
            also=also,
            cache=cache,
            job=job,
            what="texts encoded",
        )
        return found["dense"][inverse]

    def embed_with_weights(
        self,
        texts: Sequence[str],
        side: Side,
        *,
        max_length: Length,
        cache: str | Path | None = None,
        job: str = "",
    ) -> Encoded:
        """Dense vectors as of `embed`, and token weights, likewise kept by content.

        A text is encoded if either is not known, and what is known of it stays.

        Args, raises: as of `embed`.
        """
        found, inverse = self._by_content(
            ("dense", "sparse"),
            self._items(texts, side),
            {"max_length": max_length},
            cache=cache,
            job=job,
            what="texts encoded",
        )
        weights = (found["sparse"][row] for row in inverse)
        return Encoded(
            found["dense"][inverse],
            self._matrix([(one["token"], one["weight"]) for one in weights]),
        )

    def scores(
        self,
        pairs: Sequence[tuple[str, str]],
        *,
        max_length: Length,
        query_max_length: Length,
        cache: str | Path | None = None,
        job: str = "",
    ) -> np.ndarray:
        """(n,) float64: raw logits of (query, passage) pairs, in their order.

        Args:
            pairs: each distinct one is scored once.
            max_length: tokens of a pair, special ones included; passages are cut.
            query_max_length: tokens of a query, without special ones.
            cache, job: as of `embed`.

        Raises:
            InputError: as of `encode`.
        """
        found, inverse = self._by_content(
            ("cross_encoder",),
            pairs,
            {"max_length": max_length, "query_max_length": query_max_length},
            cache=cache,
            job=job,
            what="pairs scored",
        )
        return found["cross_encoder"][inverse]

    def _settings(self, asked: frozenset[str], **limits: Length) -> dict[str, Any]:
        if lacking := sorted(asked - self.kind.gives):
            raise InputError(
                f"the model gives {', '.join(sorted(self.kind.gives))}, but is asked "
                f"for {', '.join(lacking)}",
                file=self.kind.path,
            )
        return self.kind.settings(**limits)

    def _items(self, texts: Sequence[str], side: Side) -> list[tuple[str]]:
        return [(self.kind.prompted(text, side),) for text in texts]

    def _batches(
        self,
        items: Sequence[tuple[str, ...]],
        settings: Mapping[str, Any],
        asked: frozenset[str],
        *,
        told: bool = False,
    ) -> Iterator[tuple[list[int], Batch]]:
        """Rows and batch, of each; the next texts are tokenised meanwhile.

        How many texts are read in part, or just whole, shows in the log if that is to
        be `told`.
        """
        workers = self.workers  # they load the model while the first texts are read
        longest, full = settings.get("max_length"), 0

        def tokenised(rows: list[int]) -> tuple[list[int], list[np.ndarray]]:
            return rows, self.kind.token_ids([items[row] for row in rows], settings)

        blocks = by_characters(items, self._longest)
        for rows, ids in ahead(tokenised, blocks):
            full += sum(len(row) == longest for row in ids)
            for places in by_budget([len(row) for row in ids], workers.budget):
                batch = Batch([ids[place] for place in places], asked)
                yield [rows[place] for place in places], batch
        if told and full:
            said = "%d of %d texts fill the %d tokens that are read, or are longer"
            log.info(said, full, len(items), longest)

    def _matrix(
        self, weights: Sequence[tuple[np.ndarray, np.ndarray]]
    ) -> scipy.sparse.csr_matrix:
        import scipy.sparse

        tokens, values = zip(*weights, strict=True) if weights else ((), ())
        return scipy.sparse.csr_matrix(
            (
                np.concatenate([np.zeros(0, np.float32), *values]),
                np.concatenate([np.zeros(0, np.int32), *tokens]),
                np.cumsum([0, *map(len, tokens)]),
            ),
            shape=(len(weights), self.kind.config.vocab_size),
        )

    def _by_content(
        self,
        needed: Sequence[str],
        items: Sequence[tuple[str, ...]],
        limits: Mapping[str, Length],
        *,
        also: Sequence[str] = (),
        cache: str | Path | None,
        job: str,
        what: str,
    ) -> tuple[dict[str, Any], np.ndarray]:
        """Of each kind the values of the distinct items, and each item's place there.

        Limits are as the kind of encoder takes them; `what` is done to the items, for
        the log. What is wanted `also` is kept without being given.
        """
        beside = self.kind.gives.intersection(also) if cache else ()
        # Closed last to first: dense vectors first, so that a job that is killed then
        # has token weights in its journal yet.
        kinds = sorted({*needed, *beside}, reverse=True)
        settings = self._settings(frozenset(kinds), **limits)
        unique, inverse = distinct(items)
        with ExitStack() as opened:
            caches = {
                kind: opened.enter_context(self._cache(kind, settings, cache, job))
                for kind in kinds
            }
            values = {kind: self._column(kind, len(unique)) for kind in needed}
            kept = Kept(caches, [key(*texts) for texts in unique], values)
            batches = self._batches(
                [unique[row] for row in kept.missing], settings, kept.asked, told=True
            )
            for _ in reported(self._filled(batches, kept), len(kept.missing), what):
                pass
        return values, np.array(inverse, np.int64)

    def _cache(
        self,
        kind: str,
        settings: Mapping[str, Any],
        cache: str | Path | None,
        job: str,
    ) -> Cache:
        """Where the values of a kind are kept, to be entered."""
        keeping, value = Cache, self._value(kind)
        if kind == "sparse":
            keeping = RaggedCache
        return keeping(
            *(cache, job),
            model=self.kind.path,
            kind=kind,
            settings={**self.kind.options.settings(), **settings},
            value=value,
        )

    def _value(self, kind: str) -> object:
        """The dtype of a value, or of one item of it."""
        return {
            "dense": ("<f2", (self.kind.dim,)),
            "sparse": WEIGHT,
            "cross_encoder": "<f8",
        }[kind]

    def _column(self, kind: str, count: int) -> Any:
        """Place for the values of so many items."""
        if kind == "sparse":
            return [np.zeros(0, WEIGHT)] * count
        return np.zeros(count, np.dtype(self._value(kind)))

    def _filled(
        self, batches: Iterator[tuple[list[int], Batch]], kept: Kept
    ) -> Iterator[tuple[list[int], None]]:
        """The places of each batch among the missing rows, once it is filled in.

        Out of the journals, else computed and kept.
        """
        done: collections.deque[list[int]] = collections.deque()

        def to_compute() -> Iterator[tuple[list[int], Batch]]:
            for places, batch in batches:
                if kept.take([kept.missing[place] for place in places]):
                    done.append(places)
                else:
                    yield places, batch

        if not kept.missing:
            return
        for places, result in self.workers.map(to_compute()):
            computed = dict(result)
            if "sparse" in computed:
                computed["sparse"] = [_weights(*one) for one in computed["sparse"]]
            kept.put([kept.missing[place] for place in places], computed)
            done.append(places)
            while done:
                yield done.popleft(), None
        while done:
            yield done.popleft(), None


def _weights(tokens: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Token weights of a text as one array of WEIGHT."""
    weights = np.empty(len(tokens), WEIGHT)
    weights["token"], weights["weight"] = tokens, values
    return weights
