"""M3 and cross-encoders in half precision against float32, alone and together."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from arkiv.encode.cross_encoder import CrossEncoder
from arkiv.encode.encoder import Encoded, Encoder
from arkiv.encode.m3 import M3
from arkiv.encode.options import Options
from benchmarks.gpu import models
from benchmarks.gpu.part import Found, Given
from benchmarks.gpu.precision import (
    AT_WORST,
    DIGITS,
    HALF,
    IN_THE_MEAN,
    PRECISION,
    error,
    least_cosine,
)
from benchmarks.gpu.texts import mixed

MAX_LENGTH, QUERY_MAX_LENGTH = 2048, 64
# Of the last binary digit, by which a result may differ between two ways of the same
# products: which kernel cuBLAS takes goes by the memory there is, too.
LAST_DIGITS = 4
# By how much a score's error, in proportion to the spread of scores, may exceed that of
# the vector it is made of: texts' vectors are the less unlike, the more they share.
SPREAD = 10
REPRESENTATIONS = {"dense": "dense", "sparse": "sparse", "multi_vector": "multi-vector"}


def encode_all(encoder: Encoder, texts: Sequence[str]) -> Encoded:
    """All that M3 gives of texts."""
    return encoder.encode(
        texts, "passage", max_length=MAX_LENGTH, sparse=True, multi_vector=True
    )


def encoded(path: Path, texts: Sequence[str], precision: str) -> Encoded:
    """As `encode_all`, by a model of its own."""
    kind = M3(path, Options(precision=precision))
    with Encoder(kind, longest=MAX_LENGTH) as encoder:
        return encode_all(encoder, texts)


def cosines(one: Encoded, other: Encoded, representation: str) -> np.ndarray:
    """(n,) float64: the cosine of each text's two vectors.

    Of multi-vector it is that of the token whose two vectors differ most.
    """
    ours, theirs = getattr(one, representation), getattr(other, representation)
    if representation == "sparse":
        return _of_rows(ours.toarray(), theirs.toarray())
    if representation == "multi_vector":
        pairs = zip(ours, theirs, strict=True)
        return np.array([_of_rows(*pair).min() for pair in pairs])
    return _of_rows(ours, theirs)


def _of_rows(ours: np.ndarray, theirs: np.ndarray) -> np.ndarray:
    """(n,) float64: the cosines of rows.

    Random heads give some texts no token weight at all: where both are zero they agree,
    where one is they do not.
    """
    ours, theirs = ours.astype(np.float64), theirs.astype(np.float64)
    one, other = np.linalg.norm(ours, axis=1), np.linalg.norm(theirs, axis=1)
    both = (one == 0) & (other == 0)
    norms = np.where(one * other == 0, 1, one * other)
    return np.where(both, 1, (ours * theirs).sum(axis=1) / norms)


def check_cosines(
    found: Found, what: str, one: Encoded, other: Encoded, precision: str, layers: int
) -> None:
    """Check the least and the mean cosine of all representations."""
    for key, name in REPRESENTATIONS.items():
        values = cosines(one, other, key)
        for word, value, times in (
            ("least", values.min(), AT_WORST),
            ("mean", values.mean(), IN_THE_MEAN),
        ):
            limit = least_cosine(precision, layers, times)
            found.check(f"{what}, {name}: {word} cosine", value, at_least=limit)


def encoding(given: Given, found: Found) -> None:
    """M3's vectors of mixed texts in float16 and bfloat16 against float32."""
    path, texts = models.embedder(given), mixed(4 if given.small else 128)
    layers = M3(path).config.num_hidden_layers
    reference = encoded(path, texts, "float32")
    for precision in HALF:
        kind = M3(path, Options(precision=precision))
        with Encoder(kind, longest=MAX_LENGTH) as encoder:
            there = encode_all(encoder, texts)
            # Its last layer is computed for the first token alone.
            dense = encoder.encode(texts, "passage", max_length=MAX_LENGTH).dense
        what = f"M3 in {precision} against float32"
        check_cosines(found, what, there, reference, precision, layers)
        least = _of_rows(dense, reference.dense).min()
        limit = least_cosine(precision, layers, AT_WORST)
        found.check(f"{what}, dense alone: least cosine", least, at_least=limit)


def pairs_of(texts: Sequence[str]) -> list[tuple[str, str]]:
    """Each text as a passage, with the beginning of another as its query."""
    return [(texts[-1 - place][:200], text) for place, text in enumerate(texts)]


def score_all(encoder: Encoder, pairs: Sequence[tuple[str, str]]) -> np.ndarray:
    """(n,) float64: scores of pairs."""
    return encoder.scores(
        pairs, max_length=MAX_LENGTH, query_max_length=QUERY_MAX_LENGTH
    )


def scored(path: Path, pairs: Sequence[tuple[str, str]], precision: str) -> np.ndarray:
    """As `score_all`, by a model of its own."""
    kind = CrossEncoder(path, Options(precision=precision))
    with Encoder(kind, longest=MAX_LENGTH) as encoder:
        return score_all(encoder, pairs)


def cross_encoder(given: Given, found: Found) -> None:
    """A cross-encoder's scores in half precision against float32.

    How far they are off is put in proportion to how far scores differ between pairs:
    that is what ranking and training go by. Bfloat16, which the pipeline never takes of
    itself (arkiv.encode.options), is measured only.
    """
    path = models.reranker(given)
    texts = mixed(6 if given.small else 128)
    pairs = pairs_of(texts)
    layers = CrossEncoder(path).config.num_hidden_layers
    reference = scored(path, pairs, "float32")
    for precision in HALF:
        off = scored(path, pairs, precision) - reference
        share = float(np.sqrt(np.mean(off**2)) / reference.std())
        what = f"cross-encoder in {precision}: mean error by the scores' spread"
        if precision == "float16":
            found.check(what, share, at_most=SPREAD * error(precision, layers))
        else:
            found.measure(what, share, "")


def difference(one: Encoded, other: Encoded) -> float:
    """The greatest difference of any number of two encodings of the same texts."""
    return max(
        float(np.abs(one.dense - other.dense).max()),
        float(abs(one.sparse - other.sparse).max()),
        max(
            float(np.abs(ours - theirs).max())
            for ours, theirs in zip(one.multi_vector, other.multi_vector, strict=True)
        ),
    )


def two_models(given: Given, found: Found) -> None:
    """An M3 and a cross-encoder in one process, in turn, give what each gives alone.

    Their batches are the same: what differs is rounded otherwise (seen on an H200: one
    score in float16 by its last digit, 2^-13, all vectors not at all).
    """
    path, other_path = models.embedder(given), models.reranker(given)
    texts = mixed(4 if given.small else 64)
    pairs = pairs_of(texts)
    vectors = encoded(path, texts, "auto")
    scores = scored(other_path, pairs, "auto")
    with (
        Encoder(M3(path), longest=MAX_LENGTH) as one,
        Encoder(CrossEncoder(other_path), longest=MAX_LENGTH) as other,
    ):
        first, between, last = (
            encode_all(one, texts),
            score_all(other, pairs),
            encode_all(one, texts),
        )
    most = max(difference(vectors, first), difference(vectors, last))
    digit = 2.0 ** (1 - DIGITS[PRECISION[given.device]])
    found.check(
        "M3 beside another model: greatest difference",
        most,
        at_most=LAST_DIGITS * digit,
    )
    most = float(np.abs(between - scores).max())
    found.check(
        "cross-encoder beside another model: difference",
        most,
        at_most=LAST_DIGITS * digit * float(np.abs(scores).max()),
    )
