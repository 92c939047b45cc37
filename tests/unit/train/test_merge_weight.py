"""Which weight is chosen: against brute force over every one."""

from __future__ import annotations

import random

import pytest

from arkiv.base.errors import InputError
from arkiv.train.merge_weight import TENTHS, best, curve_of
from arkiv.train.settings import FORGOTTEN, check_merge

MODE, MEASURE = "combined", "nDCG@10"


def scores(dev: float, general: float | None) -> dict:
    """What is measured of a model, with another mode that decides nothing."""
    found = {"dev": dev} if general is None else {"dev": dev, "general": general}
    return {
        name: {MODE: {MEASURE: mean}, "dense": {MEASURE: 1 - mean}}
        for name, mean in found.items()
    }


def naive(curve: list[dict]) -> float:
    """The weight by a loop over all, written otherwise."""
    (floor,) = (
        entry["scores"].get("general", {MODE: {MEASURE: 1}})[MODE][MEASURE]
        for entry in curve
        if entry["weight"] == 0
    )
    chosen, highest, kept = None, -1.0, -1.0
    for entry in sorted(curve, key=lambda one: one["weight"]):
        of = entry["scores"]
        if "general" in of and of["general"][MODE][MEASURE] < floor - FORGOTTEN:
            continue
        dev = of["dev"][MODE][MEASURE]
        known = of["general"][MODE][MEASURE] if "general" in of else 0
        if dev > highest or (dev == highest and known > kept):
            chosen, highest, kept = entry["weight"], dev, known
    return chosen


@pytest.mark.parametrize("watched", [True, False])
def test_the_best_on_dev_that_forgets_next_to_nothing_is_chosen(watched):
    draw = random.Random(3)
    for _ in range(300):
        # Few values, so that there are ties.
        curve = [
            {
                "weight": tenths / TENTHS,
                "scores": scores(
                    draw.randrange(5) / 10,
                    draw.choice([0.51, 0.5, 0.5 - FORGOTTEN, 0.49])
                    if watched
                    else None,
                ),
            }
            for tenths in range(TENTHS + 1)
        ]
        draw.shuffle(curve)
        assert best(curve, MODE, MEASURE)["weight"] == naive(curve)


def test_where_all_that_was_learnt_costs_too_much_the_other_model_stays():
    curve = [
        {"weight": weight, "scores": scores(0.4 + weight, 0.6 - weight)}
        for weight in (0, 0.5, 1)
    ]
    assert best(curve, MODE, MEASURE)["weight"] == 0


def test_a_coarse_grid_and_a_finer_one_find_what_the_whole_grid_has():
    draw = random.Random(5)
    for _ in range(100):
        peak, steep = draw.random(), draw.random() + 0.1
        asked = []

        def measured(weight, peak=peak, steep=steep, asked=asked):
            asked.append(weight)
            return scores(0.6 - (weight - peak) ** 2, 0.5 - 0.02 * steep * weight**3)

        curve = curve_of(measured, MODE, MEASURE)
        assert len(set(asked)) == len(asked) == len(curve) <= 8
        weights = [entry["weight"] for entry in curve]
        assert weights == sorted(weights)
        assert {0, 1} <= set(weights)
        whole = [
            {"weight": tenths / TENTHS, "scores": measured(tenths / TENTHS)}
            for tenths in range(TENTHS + 1)
        ]
        found, wanted = (best(one, MODE, MEASURE) for one in (curve, whole))
        assert found["weight"] == wanted["weight"]


def test_a_weight_that_nothing_can_choose_is_refused():
    with pytest.raises(InputError, match=r"`merge.weights`: is auto.*such as 0\.6"):
        check_merge({"with": "base", "weights": "auto"}, 0)
    check_merge({"with": "base", "weights": 0.6}, 0)
    check_merge({"with": None, "weights": "auto"}, 0)
    check_merge({"with": "base", "weights": "auto"}, 0.1)
