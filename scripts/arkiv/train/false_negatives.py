"""False negatives of a batch: passages of other rows that may well answer a query.

In a batch each query is told from the passages of all the others, which nobody has
looked at for it. Masked are those that are a positive of the same query in any row, or
near to one by their words, which no mined negative may be either; and by choice those
that a guide takes for nearer to the query than its positive is (Solatorio 2024,
"GISTEmbed: Guided In-sample Selection of Training Negatives for Text Embedding
Fine-tuning").

Texts have numbers in the order in which the shards have them first, queries and
passages each by themselves. A text that differs in case and white space alone has the
same number (`arkiv.base.hashing.text_key`).
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from arkiv.base.errors import InputError
from arkiv.base.files import Record, read_records
from arkiv.base.hashing import digest_of_files, text_key
from arkiv.text.shingles import jaccards, shingles
from arkiv.train.settings import Mask

# Why a passage is masked; it counts under the first.
REASONS = ("same_query", "near", "guide")
# What is counted beside: all that queries were compared with but their positives.
NEGATIVES = "negatives"
# The share of them that a guide masks where it, or the pairs, are not to be trusted: a
# random one masks half.
TOO_MANY = 0.25
SIDES = ("queries", "passages")
SHINGLES = "shingles"


def _rows(shards: Iterable[str]) -> Iterator[Record]:
    for path in shards:
        for _, row in read_records(path):
            yield row


def _passages(row: Record) -> list[str]:
    return [*row["pos"], *row.get("neg", ())]


def numbered_texts(shards: Iterable[str]) -> tuple[list[str], list[str]]:
    """The first text of each number: of queries, and of passages."""
    queries: dict[int, str] = {}
    passages: dict[int, str] = {}
    for row in _rows(shards):
        queries.setdefault(text_key(row["query"]), row["query"])
        for text in _passages(row):
            passages.setdefault(text_key(text), text)
    return list(queries.values()), list(passages.values())


def write_known(folder: Path, shards: Iterable[str], *, near: bool) -> None:
    """Write what `FalseNegatives` reads: texts by number, positives, and shingles.

    Args:
        folder: made; 4 bytes a word of the passages, if `near`.
        shards: of the training, in its order, rows checked.
        near: passages will be compared by their words.
    """
    folder.mkdir()
    queries: dict[int, int] = {}
    passages: dict[int, int] = {}
    positives: list[set[int]] = []
    sizes: list[int] = []
    with open(folder / SHINGLES, "wb") as file:
        for row in _rows(shards):
            query = queries.setdefault(text_key(row["query"]), len(queries))
            if query == len(positives):
                positives.append(set())
            for text in _passages(row):
                key = text_key(text)
                if key not in passages:
                    passages[key] = len(passages)
                    own = shingles(text) if near else np.zeros(0, np.uint32)
                    sizes.append(len(own))
                    file.write(own.tobytes())
            positives[query].update(passages[text_key(text)] for text in row["pos"])
    np.save(folder / "queries.npy", np.fromiter(queries, np.uint64))
    np.save(folder / "passages.npy", np.fromiter(passages, np.uint64))
    every = list(itertools.chain.from_iterable(map(sorted, positives)))
    np.save(folder / "positives.npy", np.array(every, np.int64))
    for name, counts in (("positive", map(len, positives)), ("shingle", sizes)):
        ends = np.array([0, *itertools.accumulate(counts)], np.int64)
        np.save(folder / f"{name}_ends.npy", ends)


def finding(
    mask: Mask, jaccard: float | None, guide: tuple[str | None, str | None]
) -> dict[str, Any] | None:
    """Arguments of `FalseNegatives.of_files` but for its folder; None: none are sought.

    Args:
        mask: the settings.
        jaccard: of `mining`.
        guide: files of the guide's vectors.

    Raises:
        InputError: a guide without its vectors.
    """
    guided = mask.guide != "none"
    for side, path in zip(SIDES, guide, strict=True):
        if guided and path is None:
            raise InputError(
                f"is missing: --mask-guide {mask.guide} needs the vectors that "
                "embed_guide.py makes",
                key=f"--guide-{side}",
            )
    if not (mask.near or guided):
        return None
    return {
        "near": mask.near,
        "jaccard": jaccard if mask.near else None,
        "guide": list(guide) if guided else None,
        "margin": mask.margin if guided else 0.0,
    }


def digest_of_finding(how: dict[str, Any] | None) -> dict[str, Any] | None:
    """What `finding` gave, the guide by the content of its files."""
    return how and how | {"guide": [digest_of_files(one) for one in how["guide"] or ()]}


def with_known(
    how: dict[str, Any], folder: Path, shards: Iterable[str]
) -> dict[str, Any]:
    """What `finding` gave with its folder, which is made.

    Raises:
        InputError: a guide that was made of other shards.
    """
    write_known(folder, shards, near=how["jaccard"] is not None)
    whole = how | {"folder": str(folder)}
    FalseNegatives.of_files(**whole)
    return whole


def doubt(counts: Mapping[str, int] | None) -> str | None:
    """What is to be warned of after training, by its counts; None: nothing."""
    if not counts or counts["guide"] <= TOO_MANY * counts[NEGATIVES]:
        return None
    share = counts["guide"] / counts[NEGATIVES]
    return (
        f"the guide places {share:.0%} of the negatives of batches above the query's "
        "positive: it does not know this archive, or the positives do not answer; see "
        "`train.mask.guide`"
    )


class _Numbers:
    """The numbers of texts by their keys."""

    def __init__(self, path: Path) -> None:
        keys = np.load(path)
        self._order = np.argsort(keys)
        self._keys = keys[self._order]

    def __len__(self) -> int:
        return len(self._keys)

    def of(self, texts: Sequence[str]) -> np.ndarray:
        """(n_texts,) int64.

        Raises:
            RuntimeError: a text is none of the shards'.
        """
        keys = np.fromiter(map(text_key, texts), np.uint64, len(texts))
        places = np.minimum(np.searchsorted(self._keys, keys), len(self) - 1)
        if (self._keys[places] != keys).any():
            raise RuntimeError("a batch has a text that no shard has")
        return self._order[places]


@dataclass(frozen=True)
class Guide:
    """Another model's opinion: its dense vectors by number, rows of length 1.

    Attributes:
        queries, passages: (n_queries, dim) and (n_passages, dim).
        margin: a negative is masked that scores above the positive less this.
    """

    queries: np.ndarray
    passages: np.ndarray
    margin: float = 0.0

    @classmethod
    def read(cls, queries: str | Path, passages: str | Path, margin: float) -> Guide:
        """From two files of float16, which are mapped into memory."""
        mapped = (np.load(one, mmap_mode="r") for one in (queries, passages))
        return cls(*mapped, margin)

    def above(
        self, queries: np.ndarray, passages: np.ndarray, positives: np.ndarray
    ) -> np.ndarray:
        """(n_queries, n_passages) bool, `positives` being columns; a positive is not.

        As `GISTEmbedLoss` of sentence-transformers with its `absolute` margin.
        """
        of_queries = self.queries[queries].astype(np.float32)
        of_passages = self.passages[passages].astype(np.float32)
        scores = of_queries @ of_passages.T
        own = np.arange(len(queries)), positives
        above = scores > scores[own][:, None] - np.float32(self.margin)
        above[own] = False
        return above


class FalseNegatives:
    """Finds the false negatives of batches, and counts them.

    Attributes:
        near: positives of the same query, and what is near to one, are among them.
        counts: of this process, by reason and as NEGATIVES.
    """

    def __init__(
        self,
        folder: str | Path,
        *,
        near: bool = True,
        jaccard: float | None = None,
        guide: Guide | None = None,
    ) -> None:
        """Read what `write_known` has written.

        Args:
            folder: where it lies.
            near: see above.
            jaccard: what a passage shares of its word triples with a positive that it
                is near to, at least; None: only positives are masked.
            guide: None: there is none.

        Raises:
            InputError: a guide that was made of other shards.
        """
        folder = Path(folder)
        self._numbers = {side: _Numbers(folder / f"{side}.npy") for side in SIDES}
        self._positives, self._positive_ends, self._shingle_ends = (
            np.load(folder / f"{name}.npy")
            for name in ("positives", "positive_ends", "shingle_ends")
        )
        self._shingles = np.zeros(0, np.uint32)
        if self._shingle_ends[-1]:
            # As a plain array, whose slices cost a fraction of a memmap's.
            mapped = np.memmap(folder / SHINGLES, np.uint32, "r")
            self._shingles = np.asarray(mapped)
        self.near, self._jaccard, self._guide = near, jaccard, guide
        for side in SIDES if guide is not None else ():
            if len(getattr(guide, side)) != len(self._numbers[side]):
                raise InputError(
                    f"has {len(getattr(guide, side)):,} rows for "
                    f"{len(self._numbers[side]):,} {side} of the shards: it was made "
                    "of others",
                    key=f"--guide-{side}",
                )
        self.counts = dict.fromkeys((NEGATIVES, *REASONS), 0)

    @classmethod
    def of_files(
        cls,
        folder: str,
        *,
        near: bool,
        jaccard: float | None,
        guide: Sequence[str] | None,
        margin: float,
    ) -> FalseNegatives:
        """As above; the guide by its two files."""
        read = Guide.read(*guide, margin) if guide else None
        return cls(folder, near=near, jaccard=jaccard, guide=read)

    def numbers(self, side: str, texts: Sequence[str]) -> np.ndarray:
        """(n_texts,) int64 of texts of a side, one of SIDES."""
        return self._numbers[side].of(texts)

    def of(self, queries: np.ndarray, passages: np.ndarray) -> dict[str, np.ndarray]:
        """The false negatives of each query of a batch.

        Args:
            queries: (n,) numbers.
            passages: (n x group,) numbers; of each query its positive first, then its
                own negatives.

        Returns:
            by reason (n, n x group) bool; a passage has one reason at most, and a
            query's positive at its place none.
        """
        group = len(passages) // len(queries)
        own = np.arange(len(queries)) * group
        found = self._by_positives(queries, passages) if self.near else {}
        if self._guide is not None:
            found["guide"] = self._guide.above(queries, passages, own)
        before = np.zeros((len(queries), len(passages)), bool)
        before[np.arange(len(queries)), own] = True
        for reason, masked in found.items():
            found[reason] = masked & ~before
            before |= masked
        return found

    def count(self, compared: int, found: dict[str, np.ndarray]) -> None:
        """Count a batch's: so many negatives, and those of them that are masked."""
        self.counts[NEGATIVES] += compared
        for reason, masked in found.items():
            self.counts[reason] += int(masked.sum())

    def _by_positives(
        self, queries: np.ndarray, passages: np.ndarray
    ) -> dict[str, np.ndarray]:
        shown, places = np.unique(passages, return_inverse=True)
        each = [
            self._positives[self._positive_ends[one] : self._positive_ends[one + 1]]
            for one in queries
        ]
        found = {"same_query": np.array([np.isin(shown, own) for own in each])}
        if self._jaccard is not None:
            wanted, rows = np.unique(np.concatenate(each), return_inverse=True)
            overlaps = jaccards(*(list(map(self._words, n)) for n in (wanted, shown)))
            starts = np.cumsum([0, *map(len, each[:-1])])
            found["near"] = np.logical_or.reduceat(
                (overlaps >= self._jaccard)[rows], starts
            )
        return {reason: masked[:, places] for reason, masked in found.items()}

    def _words(self, passage: int) -> np.ndarray:
        start, end = self._shingle_ends[passage : passage + 2]
        return self._shingles[start:end]
