"""Whether a difference between two systems could be chance, for many pairs at a time.

Fisher's paired randomisation test: were two systems alike, the sign of each query's
difference would be that of a coin, so the sum of the differences is compared with sums
under random signs. Unlike the t test it assumes nothing of how measures are
distributed, and unlike the bootstrap's its p-values are exact (Smucker, Allan and
Carterette, A comparison of statistical significance tests for information retrieval
evaluation, 2007).

Holm's correction for the number of pairs: the chance that any of several differences
between systems that are alike is called significant stays below the level, however
they hang together (Holm, A simple sequentially rejective multiple test procedure,
1979). What is compared for information alone is a family by itself, for the family is
what is decided by together (Hochberg and Tamhane, Multiple Comparison Procedures, 1987,
chapter 1): however large, it leaves the p-values of the others as they are.
"""

from __future__ import annotations

import numpy as np

from arkiv.base.hashing import rng

# Random signs, and sums, held at once: 32 MiB of float64 each.
BLOCK_SIGNS = 1 << 22
# Of the sum of a column's magnitudes: what the order of summation changes of its sum.
ROUNDING = 1e-12
# Random signs at least for each pair that is corrected for: a pair of which no random
# sum, or one alone, is as far from 0 then has a corrected p below 0.001.
DRAWS_PER_PAIR = 2000


def draws(samples: int, pairs: int) -> int:
    """How many random signs to draw for so many pairs: `samples`, or more.

    The least p-value of n draws is 1 / (n + 1), and Holm multiplies it by the number of
    pairs; with fewer draws no difference at all would be called significant at 0.001.
    """
    return max(samples, DRAWS_PER_PAIR * pairs)


def randomisation(differences: np.ndarray, samples: int, seed: int) -> np.ndarray:
    """Two-sided p-values of the means' being other than 0, (n_columns,) float64.

    (k + 1) / (samples + 1), where k random sums are as far from 0 as the observed one:
    never 0, and never too small by chance (Phipson and Smyth, Permutation p-values
    should never be zero, 2010).

    Args:
        differences: (n_queries, n_columns), one column for each pair and measure.
        samples: how many times to draw a sign for each query, the same for all columns.
        seed: of the draws, which depend on nothing else but n_queries.
    """
    n_queries = len(differences)
    generator = np.random.default_rng(rng(seed, "randomisation").getrandbits(128))
    slack = ROUNDING * np.abs(differences).sum(axis=0)
    observed = np.abs(differences.sum(axis=0)) - slack
    as_far = np.zeros(differences.shape[1], np.int64)
    words = -(-n_queries // 64)
    # Few queries have as many sums as many queries have signs.
    step = max(1, BLOCK_SIGNS // max(differences.shape))
    for start in range(0, samples, step):
        size = min(step, samples - start)
        drawn = generator.integers(0, 1 << 64, (size, words), np.uint64)
        bits = np.unpackbits(drawn.astype("<u8").view(np.uint8), axis=1)
        signs = 2.0 * bits[:, :n_queries] - 1.0
        as_far += (np.abs(signs @ differences) >= observed).sum(axis=0)
    return (as_far + 1) / (samples + 1)


def holm(p: np.ndarray) -> np.ndarray:
    """P-values corrected for their number, each column a family of its own.

    Args:
        p: (n_pairs, n_columns).

    Returns:
        The smallest level at which Holm's procedure would reject each, likewise.
    """
    order = np.argsort(p, axis=0, kind="stable")
    left = np.arange(len(p), 0, -1)[:, None]
    stepped = np.maximum.accumulate(np.take_along_axis(p, order, axis=0) * left, axis=0)
    corrected = np.empty_like(p, dtype=np.float64)
    np.put_along_axis(corrected, order, np.minimum(stepped, 1.0), axis=0)
    return corrected
