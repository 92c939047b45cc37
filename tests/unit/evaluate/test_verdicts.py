"""What is said of a difference: p-values, stars, and where the tests disagree."""

import re
from random import Random

import numpy as np
import pytest

from arkiv.evaluate.intervals import bootstrap
from arkiv.evaluate.measures import summary
from arkiv.evaluate.significance import draws, holm, randomisation
from arkiv.evaluate.verdicts import (
    IN,
    OUT,
    STARS,
    TWO_WAYS,
    UNCORRECTED,
    disagreement,
    only_within,
    probability,
    rounded_up,
    stars,
    verdict,
)


def value(mean, low, high, p=None, p_holm=None, **more):
    tested = {} if p is None else {"p": p, "p_holm": p if p_holm is None else p_holm}
    return {"mean": mean, "low": low, "high": high} | tested | more


@pytest.mark.parametrize(
    ("p", "at_most", "said"),
    [
        (0.0004, False, "p < 0.001"),
        (5 / 10001, True, "p ≤ 0.0005"),
        (16 / 32001, True, "p ≤ 0.0005"),
        (1 / 4001, True, "p ≤ 0.0003"),
        (0.001, True, "p ≤ 0.001"),
        (0.001, False, "p = 0.001"),
        (0.05, False, "p = 0.050"),
        (0.04996, False, "p = 0.04996"),
        (0.00996, False, "p = 0.00996"),
        (0.2751, False, "p = 0.275"),
        (1.0, False, "p = 1.000"),
    ],
)
def test_p_values_are_told_on_the_right_side_of_the_levels(p, at_most, said):
    assert probability({"p_holm": p, "at_most": at_most}) == said


@pytest.mark.parametrize("level", [0.05, 0.01])
@pytest.mark.parametrize("digits", range(3, 8))
def test_no_more_digits_of_p_are_said_than_tell_its_stars(level, digits):
    p = float(f"{level - 10**-digits:.6g}")
    said = probability({"p_holm": p, "at_most": False})
    assert len(said.removeprefix("p = 0.")) == digits
    assert stars({"p_holm": float(said.removeprefix("p = "))}) == stars({"p_holm": p})


def test_what_is_said_of_p_is_true_of_any():
    random = Random(0)
    for _ in range(5000):
        p = min(1.0, 10 ** random.uniform(-7, 0))
        at_most = random.random() < 0.3
        relation, number = re.fullmatch(
            r"p (.) ([\d.]+)", probability({"p_holm": p, "at_most": at_most})
        ).groups()
        told = float(number)
        if relation == "≤":
            assert at_most
            assert p <= told < 2 * p + 1e-9
        elif relation == "<":
            assert p < told
        else:
            assert stars({"p_holm": told}) == stars({"p_holm": p})
            assert told == pytest.approx(p, abs=0.0005)


def test_numbers_are_rounded_up_to_one_digit():
    found = list(map(rounded_up, (0.00049995, 0.0005, 0.00051, 0.001, 0.09, 0.91)))
    assert found == ["0.0005", "0.0005", "0.0006", "0.001", "0.09", "1.0"]
    assert rounded_up(1 / 10001) == "0.0001"


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (value(0.1, 0.01, 0.2, p=0.02, p_holm=0.08), f"{OUT}: {UNCORRECTED}"),
        (value(0.1, 0.01, 0.2, p=0.06), f"{OUT}: {TWO_WAYS}"),
        (value(-0.1, -0.2, 0.01, p=0.04), f"{IN}: {TWO_WAYS}"),
        (value(0.1, 0.01, 0.2, p=0.01), ""),
        (value(0.1, -0.01, 0.2, p=0.3), ""),
        (value(0.1, 0.01, 0.2), ""),
        (value(0.1, None, None, p=0.01), ""),
    ],
)
def test_where_interval_and_corrected_p_disagree_the_reason_is_given(given, said):
    assert disagreement(given) == said


@pytest.mark.parametrize(
    ("ends", "p_holm", "said"),
    [
        ((-0.01, 0.3), 0.01, True),
        ((0.01, 0.3), 0.01, False),
        ((-0.01, 0.3), 0.05, False),
        (None, 0.01, False),
    ],
)
def test_what_holds_over_queries_alone_is_told(ends, p_holm, said):
    over = dict(zip(("volumes_low", "volumes_high"), ends, strict=True)) if ends else {}
    assert only_within(value(0.1, 0.05, 0.2, p=0.001, p_holm=p_holm, **over)) is said
    assert not only_within(value(0.1, 0.05, 0.2, **over))


def test_without_interval_and_test_a_difference_is_open():
    assert verdict(value(0.5, None, None)) == "open"
    assert verdict(value(0.5, None, None, p=0.001)) == "better"
    assert verdict(value(-0.5, -0.6, -0.4)) == "worse"


@pytest.mark.parametrize("pairs", [1, 5, 11, 40, 100])
@pytest.mark.parametrize("samples", [100, 10_000])
def test_three_stars_can_occur_however_many_pairs_are_corrected_for(pairs, samples):
    drawn = draws(samples, pairs)
    assert drawn >= samples
    least = 1 / (drawn + 1)
    corrected = holm(np.full((pairs, 1), least))
    assert (corrected < STARS[-1]).all()
    # And where a single one of the random sums is as far.
    assert (holm(np.full((pairs, 1), 2 * least)) < STARS[-1]).all()


def test_a_clear_difference_among_forty_pairs_has_three_stars():
    generator = np.random.default_rng(0)
    base = generator.random((30, 1))
    values = {"base": base, "good": base + 0.2 + 0.01 * generator.random((30, 1))}
    values |= {f"s{n}": generator.random((30, 1)) for n in range(39)}
    pairs = [(name, "base") for name in values if name != "base"]
    found = summary(values, pairs, samples=100, seed=0, measures=("x",), tested=True)
    by_name = {pair["system"]: pair["difference"]["x"] for pair in found["comparisons"]}
    assert stars(by_name["good"]) == "***"
    assert by_name["good"]["at_most"]
    assert probability(by_name["good"]) == "p ≤ 0.0005"
    assert all(0 < of["p"] <= of["p_holm"] <= 1 for of in by_name.values())
    assert [name for name, of in by_name.items() if of["at_most"]] == ["good"]


def test_many_draws_for_few_queries_stay_within_their_block(monkeypatch):
    """Few queries and many columns: the sums are held in blocks as the signs are."""
    import arkiv.evaluate.significance as module

    monkeypatch.setattr(module, "BLOCK_SIGNS", 1 << 12)
    sizes = []
    unpack = np.unpackbits

    def unpacked(bits, axis):
        sizes.append(len(bits))
        return unpack(bits, axis=axis)

    monkeypatch.setattr(module.np, "unpackbits", unpacked)
    randomisation(np.random.default_rng(0).normal(size=(3, 512)), 2000, seed=0)
    assert sum(sizes) == 2000
    assert max(sizes) * 512 <= 1 << 12


def test_disagreements_are_found_in_real_tests():
    """Of systems that differ a little: both kinds occur, each with its own reason."""
    seen = set()
    for seed in range(60):
        generator = np.random.default_rng(seed)
        base = generator.random((25, 1))
        values = {"base": base}
        values |= {
            f"s{n}": base + generator.normal(0.04, 0.1, (25, 1)) for n in range(4)
        }
        pairs = [(f"s{n}", "base") for n in range(4)]
        found = summary(
            values, pairs, samples=400, seed=seed, measures=("x",), tested=True
        )
        for pair in found["comparisons"]:
            of = pair["difference"]["x"]
            low, high = bootstrap(
                values[pair["system"]] - values["base"], samples=400, seed=seed
            )
            out = bool(low[0] > 0 or high[0] < 0)
            assert bool(disagreement(of)) == (out != (of["p_holm"] < 0.05))
            seen.add(disagreement(of))
    assert f"{OUT}: {UNCORRECTED}" in seen
