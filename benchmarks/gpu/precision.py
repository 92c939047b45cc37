"""How far vectors in half precision may be from those in float32.

A layer of XLM-RoBERTa rounds what becomes its output some ten times: the output of
attention, of three matrix products, of the activation, of two sums and two
normalisations, and in attention queries, keys, values. Each rounding to p binary digits
is off by up to u = 2^-p of the number, u / sqrt(3) in the mean square, and independent
of the others. The layers' normalisations keep what is off in proportion to the vector.
So after L layers the vector is off by e with e^2 = 10 L u^2 / 3, and its cosine with
the exact one is about 1 - e^2 / 2. (On a CPU and in the shape of BGE-M3 1 minus the
cosine was 0.27 to 0.3 of that e^2 / 2, in float16 and in bfloat16 alike.)

The limits allow for twice that e in the mean and for four times in the worst text: a
wrong kernel, mask or scale is off by far more.
"""

from __future__ import annotations

ROUNDINGS = 10
DIGITS = {"float32": 24, "float16": 11, "bfloat16": 8}
HALF = ("float16", "bfloat16")
# What models run in of themselves.
PRECISION = {"cuda": "float16", "cpu": "float32"}
IN_THE_MEAN, AT_WORST = 2, 4


def error(precision: str, layers: int) -> float:
    """e: the part of its length that a vector is expected to be off."""
    return (ROUNDINGS * layers / 3) ** 0.5 * 2.0 ** -DIGITS[precision]


def least_cosine(precision: str, layers: int, times: float) -> float:
    """The cosine of a vector that is off by `times` the expected error.

    What vectors are kept in rounds too: float32.
    """
    return 1 - (times * error(precision, layers)) ** 2 / 2 - 2.0 ** -DIGITS["float32"]
