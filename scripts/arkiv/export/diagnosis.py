"""Why a server gives other vectors of texts than the checkpoint does.

Of a few texts the checkpoint itself makes the vectors that it would make if it were
read in other ways: pooled otherwise, with something put before texts, cut shorter, in
half precision; and so does the model that training started from. The way that gives the
server's vectors is the reason. Short texts tell how texts are read, long ones where
they are cut.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from arkiv.encode.description import Description
from arkiv.encode.loading import longest_text
from arkiv.encode.options import Options, device
from arkiv.encode.settings import TRAINED_POOLINGS
from arkiv.encode.tokenizer import fast_tokenizer
from arkiv.retrieve.rankings import unit

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

    from arkiv.encode.m3 import M3

# Cosines from which on vectors are the same: half precision mostly leaves more.
AGREES = 0.999
# Texts that are encoded anew for each way.
TEXTS = 6
# Where servers cut, with or without the two special tokens that most models add.
CUTS = (32, 64, 100, 128, 200, 256, 300, 384, 500, 512, 768, 1000, 1024, 2048, 4096)
SPECIAL = 2
# Lengths between the longest text that is right and the shortest that is wrong, up to
# which each is tried.
FEW = 128
# What is put before texts elsewhere, beside the model's own prompts: by e5, by BGE.
PROMPTS = (
    "query: ",
    "passage: ",
    "Represent this sentence for searching relevant passages: ",
)
HALF = ("float16", "bfloat16")
# How many times further from the checkpoint than half precision takes its own vectors.
COARSER = 4


@dataclass(frozen=True)
class Reading:
    """A way in which texts, as they are sent, may be read."""

    model: Path
    pooling: str
    before: str = ""
    """What is put before each text."""
    cut: int | None = None
    """Tokens at which texts are cut; None: as the checkpoint does."""
    precision: str = "float32"


@dataclass(frozen=True)
class Checkpoint:
    """The model whose vectors are expected, and what may be served for it."""

    model: Path
    description: Description
    base: Path | None = None
    """The model that training started from; None: it is not here, or the same."""
    trusted: bool = False
    """It may run code of its own."""


@dataclass(frozen=True)
class Side:
    """Queries or passages as they were sent, and what came back."""

    name: str
    prompt: str
    """What the checkpoint reads before them."""
    sent: Sequence[str]
    theirs: np.ndarray
    """(n, dim)."""
    ours: np.ndarray
    """(n, dim), with the prompt."""
    max_length: int
    """Tokens at which the checkpoint cuts."""
    bare: bool = False
    """Whether they were sent without the prompt."""

    @cached_property
    def cosines(self) -> np.ndarray:
        """(n,) of theirs and ours."""
        return cosines(self.theirs, self.ours)


@dataclass(frozen=True)
class Found:
    """The reading that gives a server's vectors; None: none of those tried does."""

    reading: Reading | None
    cosine: float
    """The least one of theirs and of the reading's, or of the nearest one's."""


def cosines(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """(n,) float32, row by row."""
    return np.einsum("nd,nd->n", unit(one), unit(other))


class Diagnosis:
    """What is tried on one side.

    Args:
        side: of which some vectors are not the checkpoint's.
        known: how the other side is read, which is tried first.

    Raises:
        InputError: the checkpoint cannot be loaded.
    """

    def __init__(
        self, side: Side, checkpoint: Checkpoint, known: Reading | None = None
    ) -> None:
        self._side, self._checkpoint, self._known = side, checkpoint, known
        before = side.prompt if side.bare else ""
        self._own = Reading(checkpoint.model, checkpoint.description.pooling, before)
        tokenizer = fast_tokenizer(checkpoint.model)
        self._tokens = np.array(
            [len(one.ids) for one in tokenizer.encode_batch(list(side.sent))]
        )

    def found(self) -> Found:
        """How the side is read instead."""
        wrong = np.flatnonzero(self._side.cosines < AGREES)
        rows = self._distinct(wrong[np.argsort(self._tokens[wrong], kind="stable")])
        nearest = -1.0
        for reading in self._readings():
            if reading.precision != self._own.precision:
                found = self._coarse(reading, rows)
            else:
                close = self._close(reading, rows)
                nearest = max(nearest, float(close.min()))
                found = self._read_so(reading, rows, close)
            if found:
                return found
        return Found(None, nearest)

    def told(self, found: Found) -> str:
        """The reason in words."""
        if found.reading is None:
            if since := self._longer_alone():
                return f"it reads texts of more than {since:,} tokens otherwise"
            return (
                "it serves another model, or reads this one in a way that was not tried"
                f" (the nearest that was has a least cosine of {found.cosine:.3f})"
            )
        return " and ".join(self._differences(found.reading)) or (
            "so does the model itself, for what the run has encoded is of another "
            "model or of other settings"
        )

    def _differences(self, reading: Reading) -> Iterator[str]:
        own = self._own
        if reading.model != own.model:
            yield f"it serves the model that training started from ({reading.model})"
        if reading.pooling != own.pooling:
            yield f"it pools by {reading.pooling}, not by {own.pooling}"
        if reading.before != own.before:
            if reading.before:
                yield f"it puts {reading.before!r} before texts"
            else:
                yield f"it lacks the prompt {own.before!r}"
        if reading.cut is not None:
            has = self._side.max_length
            whole = has < self._tokens.max() <= reading.cut
            where = f"at {reading.cut:,} tokens, not at {has:,}"
            yield (
                f"it does not cut texts at {has:,} tokens"
                if whole
                else (f"it cuts texts {where}")
            )
        if reading.precision != own.precision:
            yield f"it computes in half precision, such as {reading.precision}"

    def _readings(self) -> Iterator[Reading]:
        """Ways, the likelier ones first, those of one model and precision together."""
        own, how = self._own, self._checkpoint.description
        if (known := self._known) is not None:
            yield replace(known, before=own.before, cut=None)
        yield own
        prompts = ("", how.query_prompt, how.passage_prompt, *PROMPTS)
        before = [one for one in dict.fromkeys(prompts) if one != own.before]
        poolings = [one for one in TRAINED_POOLINGS if one != own.pooling]
        yield from (replace(own, pooling=pooling) for pooling in poolings)
        yield from (replace(own, before=one) for one in before)
        for pooling in poolings:
            yield from (replace(own, pooling=pooling, before=one) for one in before)
        if self._checkpoint.base is not None:
            yield replace(own, model=self._checkpoint.base)
        yield from (replace(own, precision=precision) for precision in HALF)

    def _read_so(
        self, reading: Reading, rows: np.ndarray, close: np.ndarray
    ) -> Found | None:
        """Whether these rows are read so, long texts perhaps cut."""
        if close.min() < AGREES:
            plain = (reading.model, reading.before) == (
                self._own.model,
                self._own.before,
            )
            return self._cut(reading, rows) if plain else None
        longest = self._distinct(np.argsort(-self._tokens, kind="stable"))
        wrong = longest[self._close(reading, longest) < AGREES]
        cut = self._cut(reading, wrong) if len(wrong) else None
        return cut or Found(reading, float(close.min()))

    def _cut(self, reading: Reading, rows: np.ndarray) -> Found | None:
        """Whether these rows are read so and cut elsewhere, or not at all."""
        best = Found(None, AGREES)
        for cut in self._cuts(rows):
            tried = replace(reading, cut=cut)
            # Most are ruled out by one text; of a length near by vectors are alike.
            if self._close(tried, rows[:1]).min() >= AGREES:
                least = float(self._close(tried, rows).min())
                best = Found(tried, least) if least >= best.cosine else best
        return best if best.reading else None

    def _cuts(self, rows: np.ndarray) -> list[int]:
        """Lengths other than the checkpoint's at which these rows may all be cut."""
        shortest, own = int(self._tokens[rows].min()), self._side.max_length
        limit = longest_text(self._checkpoint.model) or max(CUTS)
        cuts = {cut + more for cut in CUTS for more in (0, SPECIAL)} | {limit}
        if self._known is not None and self._known.cut:
            cuts.add(self._known.cut)
        since = self._longer_alone()
        if since and shortest - since <= FEW:
            cuts |= {*range(since, shortest)}
        if shortest <= own:
            return sorted(cut for cut in cuts if cut < shortest)
        return sorted(cut for cut in cuts if cut != own and cut <= limit)

    def _coarse(self, reading: Reading, rows: np.ndarray) -> Found | None:
        """Whether theirs are as far from ours as half precision takes the model's."""
        own = replace(reading, precision=self._own.precision)
        lost = 1 - cosines(self._encoded(own, rows), self._encoded(reading, rows)).min()
        least = float(self._close(own, rows).min())
        return Found(reading, least) if 1 - least <= COARSER * lost else None

    def _longer_alone(self) -> int | None:
        """The tokens of the longest text that is right, where all wrong are longer."""
        wrong = self._side.cosines < AGREES
        right = self._tokens[~wrong]
        if not len(right) or right.max() >= self._tokens[wrong].min():
            return None
        return int(right.max())

    def _close(self, reading: Reading, rows: np.ndarray) -> np.ndarray:
        """Cosines of theirs and of what a reading gives of some rows."""
        return cosines(self._side.theirs[rows], self._encoded(reading, rows))

    def _encoded(self, reading: Reading, rows: np.ndarray) -> np.ndarray:
        """(n, dim) of what a reading gives of some rows."""
        from arkiv.encode.encoder import Encoder

        texts = [reading.before + self._side.sent[row] for row in rows]
        length = reading.cut or self._side.max_length
        kind = _kind(reading, trusted=self._checkpoint.trusted)
        with Encoder(kind, longest=length) as encoder:
            return encoder.encode(texts, "query", max_length=length, quietly=True).dense

    def _distinct(self, rows: np.ndarray) -> np.ndarray:
        """The first rows of distinct texts, in their order, as many as are tried."""
        places: dict[str, int] = {}
        for row in rows:
            places.setdefault(self._side.sent[row], int(row))
        return np.array(list(places.values())[:TEXTS], np.int64)


def _kind(reading: Reading, *, trusted: bool) -> M3:
    """A model that pools as a reading does, and puts nothing before texts."""
    from arkiv.encode.m3 import M3

    options = Options(precision=reading.precision, trust_remote_code=trusted)
    tokenizer, model = _loaded(reading.model, options)
    pooled = Description(reading.pooling)
    return M3(reading.model, options, pooled, loaded=(tokenizer, model, None))


@lru_cache(maxsize=1)
def _loaded(
    path: Path, options: Options
) -> tuple[PreTrainedTokenizerBase, PreTrainedModel]:
    """Tokenizer and encoder of a model, without heads; the last that was asked for."""
    from transformers.utils.logging import disable_progress_bar

    from arkiv.encode.loading import load, load_tokenizer, padding

    disable_progress_bar()
    tokenizer, _ = load_tokenizer(path, options)
    padding(tokenizer, path)
    return tokenizer, load(path, "m3", options, device())
