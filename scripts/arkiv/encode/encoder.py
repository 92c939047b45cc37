"""One encoder for all kinds of model: texts to vectors, pairs of texts to scores.

What is particular to a kind stands in `arkiv.encode.m3`, `dense` and `cross_encoder`.
"""

from __future__ import annotations

import collections
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from arkiv.base.errors import InputError
from arkiv.encode.batches import HELD_AT_ONCE, by_budget, distinct, reported
from arkiv.encode.cache import Cache, key
from arkiv.encode.forward import Batch
from arkiv.encode.kind import Kind, Side
from arkiv.encode.workers import Workers, devices

if TYPE_CHECKING:
    import scipy.sparse


@dataclass(frozen=True)
class Encoded:
    """The encodings of n texts, in their order; None where not asked for."""

    dense: np.ndarray | None = None
    """(n, dim) float32; those of M3 have length 1."""
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

    def __init__(self, kind: Kind, *, longest: int) -> None:
        self.kind = kind
        self._recipe = kind.recipe(kind.length(longest))
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
        max_length: int,
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
        max_length: int,
        cache: str | Path | None = None,
        job: str = "",
    ) -> np.ndarray:
        """(n, dim) float16: dense vectors in the order of the texts, kept by content.

        Args:
            texts, side, max_length: as of `encode`.
            cache: a directory of `arkiv.encode.cache`: texts whose vectors it has are
                not encoded again.
            job: its name, under which it goes on if it was killed.

        Raises:
            InputError: as of `encode`.
        """
        return self._by_content(
            "dense",
            self._items(texts, side),
            {"max_length": max_length},
            value=("<f2", (self.kind.dim,)),
            cache=cache,
            job=job,
            what="texts encoded",
        )

    def scores(
        self,
        pairs: Sequence[tuple[str, str]],
        *,
        max_length: int,
        query_max_length: int,
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
        return self._by_content(
            "cross_encoder",
            pairs,
            {"max_length": max_length, "query_max_length": query_max_length},
            value="<f8",
            cache=cache,
            job=job,
            what="pairs scored",
        )

    def _settings(self, asked: frozenset[str], **limits: int) -> dict[str, Any]:
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
    ) -> Iterator[tuple[list[int], Batch]]:
        """Rows and batch, of each; no more inputs at once than HELD_AT_ONCE."""
        workers = self.workers  # they load the model while the first texts are read
        for start in range(0, len(items), HELD_AT_ONCE):
            ids = self.kind.token_ids(items[start : start + HELD_AT_ONCE], settings)
            for places in by_budget([len(row) for row in ids], workers.budget):
                batch = Batch([ids[place] for place in places], asked)
                yield [start + place for place in places], batch

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
        asked: str,
        items: Sequence[tuple[str, ...]],
        limits: Mapping[str, int],
        *,
        value: object,
        cache: str | Path | None,
        job: str,
        what: str,
    ) -> np.ndarray:
        """(n, …): a value of each item, each distinct one computed once.

        Limits and value are as the kind and the cache take them; `what` is done to the
        items, for the log.
        """
        settings = self._settings(frozenset({asked}), **limits)
        unique, inverse = distinct(items)
        values = np.zeros(len(unique), np.dtype(value))
        with Cache(
            cache,
            job,
            model=self.kind.path,
            kind=asked,
            settings={**self.kind.options.settings(), **settings},
            value=value,
        ) as kept:
            keys = [key(*texts) for texts in unique]
            missing = kept.fill(keys, values)
            batches = self._batches(
                [unique[row] for row in missing], settings, frozenset({asked})
            )
            found = self._computed(batches, [keys[row] for row in missing], kept)
            for rows, computed in reported(found, len(missing), what):
                values[[missing[row] for row in rows]] = computed
        return values[np.array(inverse, np.int64)]

    def _computed(
        self,
        batches: Iterator[tuple[list[int], Batch]],
        keys: Sequence[bytes],
        kept: Cache,
    ) -> Iterator[tuple[list[int], Any]]:
        """Rows and values of each batch: out of the journal, else computed and kept."""
        done: collections.deque[tuple[list[int], Any]] = collections.deque()

        def to_compute() -> Iterator[tuple[list[int], Batch]]:
            for rows, batch in batches:
                values = kept.taken([keys[row] for row in rows])
                if values is None:
                    yield rows, batch
                else:
                    done.append((rows, values))

        if not keys:
            return
        for rows, result in self.workers.map(to_compute()):
            (values,) = result.values()
            kept.append([keys[row] for row in rows], values)
            done.append((rows, values))
            while done:
                yield done.popleft()
        yield from done
