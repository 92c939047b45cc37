"""How fast models are, in tokens and in share of what the matrix units give."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from transformers import PretrainedConfig

from arkiv.encode.batches import by_budget
from arkiv.encode.cross_encoder import CrossEncoder
from arkiv.encode.encoder import Encoder
from arkiv.encode.forward import Batch
from arkiv.encode.m3 import M3
from benchmarks.gpu import models
from benchmarks.gpu.ceilings import LARGE, SMALL, matrix_rate
from benchmarks.gpu.part import Found, Given
from benchmarks.gpu.precision import PRECISION
from benchmarks.gpu.texts import Words
from benchmarks.gpu.timing import seconds_of

RUNS = 3
GOAL = 0.5
# Shorter texts have no goal.
GOAL_FROM = 512
QUERY_TOKENS = 32


def flops(config: PretrainedConfig, tokens: int, *, first_token_alone: bool) -> float:
    """Floating-point operations of a text's way through an encoder of XLM-RoBERTa.

    A product of an m x k and a k x n matrix has 2 m k n, a multiplication and an
    addition for each of m k n. With h the hidden size, f that of the feed-forward
    network and t the tokens, a layer has

    - 2 t h h for each of queries, keys, values and the output of attention;
    - 2 t t h for the products of queries and keys, and as many for the sum of values;
    - 2 t h f for each of the two products of the feed-forward network.

    Where the last layer is computed for the first token alone
    (arkiv.encode.first_token) it has keys and values of all tokens, and all else of
    one. Word vectors, sums, normalisations, activations, softmax, pooler and heads are
    not counted, nor is padding: the share of the matrix rate is so much the lower.
    """
    h, f, layers = (
        config.hidden_size,
        config.intermediate_size,
        config.num_hidden_layers,
    )

    def layer(t: int) -> float:
        """Operations for t of the tokens, which look at all."""
        of_each = 2 * 2 * h * h + 2 * 2 * tokens * h + 2 * 2 * h * f
        return t * of_each + 2 * tokens * 2 * h * h

    if first_token_alone:
        return (layers - 1) * layer(tokens) + layer(1)
    return layers * layer(tokens)


def measured(
    found: Found,
    what: str,
    unit: str,
    *,
    work: Callable[[], object],
    given: Given,
    count: float,
    operations: float,
    rate: float,
    goal: float | None,
) -> None:
    """Time work; report how many of `unit` a second, and the share of the rate.

    Args:
        found, what, unit: as the report has them.
        work: to time; once, at small sizes.
        given: the device that it is done on.
        count: of the unit, that the work has.
        operations: floating-point ones, that it has.
        rate: of a large matrix product, in operations a second.
        goal: the least share.
    """
    runs = 1 if given.small else RUNS
    seconds = seconds_of(work, given.device, warm_up=1, runs=runs)
    found.measure(what, count / seconds, f"{unit}/s")
    share = operations / seconds / rate
    found.measure(f"{what}: share of the matrix rate", share, "", at_least=goal)


def rate_of(given: Given) -> float:
    """The rate of a large matrix product in the precision that models run in."""
    size = SMALL if given.small else LARGE
    return matrix_rate(given.device, size, PRECISION[given.device])


def encoding_speed(given: Given, found: Found) -> None:
    """Tokens a second of dense vectors, as the corpus is embedded, by length.

    Whole calls: texts are tokenised, sorted, computed in batches, and put in order.
    Beside them what of it is tokenising, and what the device's.
    """
    path, rate = models.embedder(given), rate_of(given)
    words = Words(path)
    lengths = (32, 64) if given.small else (128, 512, 2048, models.LONGEST)
    total = 1 << (10 if given.small else 19)
    with Encoder(M3(path), longest=lengths[-1]) as encoder:
        for length in lengths:
            texts = words.texts(max(1, total // length), length)
            measure_dense(found, encoder, texts, length, given, rate)
        measure_all(found, encoder, words, given, rate)


def measure_dense(
    found: Found,
    encoder: Encoder,
    texts: Sequence[str],
    length: int,
    given: Given,
    rate: float,
) -> None:
    """Tokens a second of dense vectors of texts of one length, and of its parts."""
    what = f"dense vectors of {length:,} tokens"
    kind, tokens = encoder.kind, len(texts) * length
    of_all = {
        "given": given,
        "count": tokens,
        "operations": len(texts) * flops(kind.config, length, first_token_alone=True),
        "rate": rate,
        "goal": GOAL if length >= GOAL_FROM else None,
    }

    def embed() -> None:
        encoder.embed(texts, "passage", max_length=length)

    measured(found, what, "tokens", work=embed, **of_all)
    began = time.perf_counter()
    ids = kind.token_ids([(text,) for text in texts], kind.settings(max_length=length))
    seconds = time.perf_counter() - began
    found.measure(f"{what}: tokenising alone", tokens / seconds, "tokens/s")
    batches = [
        (rows, Batch([ids[row] for row in rows], frozenset({"dense"})))
        for rows in by_budget(list(map(len, ids)), encoder.workers.budget)
    ]

    def compute() -> None:
        for _ in encoder.workers.map(batches):
            pass

    measured(found, f"{what}: device alone", "tokens", work=compute, **of_all)


def measure_all(
    found: Found, encoder: Encoder, words: Words, given: Given, rate: float
) -> None:
    """Tokens a second of all three representations, as the collection is encoded."""
    length, count = (64, 8) if given.small else (GOAL_FROM, 1024)
    texts = words.texts(count, length)
    measured(
        found,
        f"all three representations of {length:,} tokens",
        "tokens",
        work=lambda: encoder.encode(
            texts, "passage", max_length=length, sparse=True, multi_vector=True
        ),
        given=given,
        count=count * length,
        operations=count * flops(encoder.kind.config, length, first_token_alone=False),
        rate=rate,
        goal=None,
    )


def cross_encoder_speed(given: Given, found: Found) -> None:
    """Pairs a second of a cross-encoder, with passages that fill what it takes."""
    path, rate = models.reranker(given), rate_of(given)
    words = Words(path)
    length, count = (64, 16) if given.small else (512, 2048)
    queries = words.texts(count, QUERY_TOKENS)[::-1]
    pairs = list(zip(queries, words.texts(count, length), strict=True))
    with Encoder(CrossEncoder(path), longest=length) as encoder:
        measured(
            found,
            f"cross-encoder, pairs of {length:,} tokens",
            "pairs",
            work=lambda: encoder.scores(
                pairs, max_length=length, query_max_length=QUERY_TOKENS
            ),
            given=given,
            count=count,
            operations=count
            * flops(encoder.kind.config, length, first_token_alone=True),
            rate=rate,
            goal=GOAL,
        )
